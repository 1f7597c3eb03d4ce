"""Where every tensor lives: tensor lifetimes -> byte offsets in one arena, and its exact size.

The network's inputs and outputs live in the caller's buffers, so they cost no arena. Variables lie one after another in
a memory of their own, the state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .graph import Graph
from .ops import OPS

ALIGNMENT = 4
"""Every buffer starts at a multiple of this many bytes."""


@dataclass(frozen=True)
class Place:
    """Where a tensor's first byte is.

    `kind` is "arena" or "state" and `number` a byte offset, "input" or "output" and an index, or "constant" and the
    tensor's index.
    """

    kind: str
    number: int


@dataclass(frozen=True)
class Buffer:
    """`size` bytes that are needed from step `first` to step `last`, both included.

    `key` is a tensor's index, or -1 - step for the scratch memory of a step. `over` maps the keys of buffers that die
    in step `first` to how many bytes before their beginning this one has to begin, if they overlap.
    """

    key: int
    size: int
    first: int
    last: int
    over: Mapping[int, int] = field(default_factory=dict)

    def meets(self, other: Buffer) -> bool:
        """Whether both are needed at the same time."""
        return self.first <= other.last and other.first <= self.last

    def forbidden(self, other: Buffer, start: int) -> tuple[int, int]:
        """(low, high): with `other` at `start`, this one has to begin at low or before, or at high or behind."""
        low, high = start - self.size, start + other.size
        if other.key in self.over:
            low = max(low, start - self.over[other.key])
        if self.key in other.over:
            high = min(high, start + other.over[self.key])
        return low, high


@dataclass(frozen=True)
class Plan:
    """The place of every tensor that a kernel reads or writes, and the arena offset of every step's scratch memory.

    `copies` lists (tensor, output number): outputs that have to be copied at the end, because two outputs share one
    tensor or an output is an input or a constant.
    """

    places: Mapping[int, Place]
    scratch: Mapping[int, int]
    arena_bytes: int
    copies: tuple[tuple[int, int], ...]
    state_bytes: int = 0


def plan_memory(graph: Graph) -> Plan:
    """The plan with the smallest arena that a few greedy orders find."""
    root = _roots(graph)
    places = {t.index: Place("constant", t.index) for t in graph.tensors if t.data is not None}
    places.update((index, Place("input", number)) for number, index in enumerate(graph.inputs))
    state, state_bytes = _state(graph)
    places.update(state)
    copies: list[tuple[int, int]] = []
    for number, index in enumerate(graph.outputs):
        if root[index] in places:
            copies.append((index, number))
        else:
            places[root[index]] = Place("output", number)
    buffers = [buffer for buffer in _lifetimes(graph, root) if buffer.key not in places]
    offsets, peak = _best(_with_overlaps(graph, root, buffers) + _scratch(graph))
    places.update((key, Place("arena", offset)) for key, offset in offsets.items() if key >= 0)
    scratch = {-1 - key: offset for key, offset in offsets.items() if key < 0}
    return Plan({i: places[r] for i, r in root.items() if r in places}, scratch, peak, tuple(copies), state_bytes)


def _state(graph: Graph) -> tuple[dict[int, Place], int]:
    """The places of all variables, and the bytes of their memory."""
    places, end = dict[int, Place](), 0
    for variable in graph.variables:
        places[variable.tensor] = Place("state", _aligned(end))
        end = _aligned(end) + variable.initial.nbytes
    return places, end


def _roots(graph: Graph) -> dict[int, int]:
    """Every tensor -> the tensor whose bytes it shares (itself, unless an alias operator makes it)."""
    root = {tensor.index: tensor.index for tensor in graph.tensors}
    for op in graph.ops:
        if OPS[op.type].alias:
            root[op.outputs[0]] = root[op.inputs[0]]
    return root


def _lifetimes(graph: Graph, root: Mapping[int, int]) -> list[Buffer]:
    """One buffer for every root that an operator computes; step n is the n-th operator."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for step, op in enumerate(graph.ops):
        for index in op.outputs:
            first.setdefault(root[index], step)
        for index in (*op.inputs, *op.outputs):
            last[root.get(index, index)] = step
    return [Buffer(i, graph.tensors[i].size_bytes, first[i], last[i]) for i in first]


def _scratch(graph: Graph) -> list[Buffer]:
    """The scratch memory of every step that needs some."""
    sizes = [OPS[op.type].scratch_bytes(graph.node(op)) for op in graph.ops]
    return [Buffer(-1 - step, size, step, step) for step, size in enumerate(sizes) if size]


def _with_overlaps(graph: Graph, root: Mapping[int, int], buffers: list[Buffer]) -> list[Buffer]:
    """`buffers` with what each may be written over: inputs of its operator that are not needed afterwards."""
    by_key = {buffer.key: buffer for buffer in buffers}
    for step, op in enumerate(graph.ops):
        if len(op.outputs) != 1 or OPS[op.type].alias or op.outputs[0] not in by_key:
            continue
        node, over = graph.node(op), dict[int, int]()
        sources = [(number, root[i]) for number, i in enumerate(op.inputs) if root.get(i, i) in by_key]
        for number, key in sources:
            distance = OPS[op.type].overlap(node, number)
            if distance is None or by_key[key].last != step:
                over[key] = -1
            elif over.get(key, 0) >= 0:
                over[key] = max(distance, over.get(key, 0))
        allowed = {key: distance for key, distance in over.items() if distance >= 0}
        by_key[op.outputs[0]] = replace(by_key[op.outputs[0]], over=allowed)
    return list(by_key.values())


ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (b.first, -b.size),
    lambda b: (-b.last, -b.size),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first - b.last, -b.size),
)
"""Sort keys: the largest first, in order of time, from the end, by bytes times steps, the longest first."""


def _best(buffers: list[Buffer]) -> tuple[dict[int, int], int]:
    """(key -> offset, peak bytes) of the best order; the first of equals."""
    plans = [_greedy(sorted(buffers, key=order)) for order in ORDERS]
    return min(plans, key=lambda plan: plan[1])


def _greedy(buffers: list[Buffer]) -> tuple[dict[int, int], int]:
    """Each buffer in turn at the lowest offset where it disturbs none placed before it."""
    placed: list[tuple[int, Buffer]] = []
    for buffer in buffers:
        gaps = [buffer.forbidden(other, start) for start, other in placed if other.meets(buffer)]
        starts = sorted({0, *(_aligned(high) for _, high in gaps)})
        offset = next(at for at in starts if at >= 0 and all(at <= low or at >= high for low, high in gaps))
        placed.append((offset, buffer))
    peak = max((offset + buffer.size for offset, buffer in placed), default=0)
    return {buffer.key: offset for offset, buffer in placed}, peak


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT

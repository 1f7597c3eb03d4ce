"""Where every tensor lives: tensor lifetimes -> byte offsets in one arena, and its exact size.

The network's inputs and outputs live in the caller's buffers, so they cost no arena.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .graph import Graph
from .ops import OPS

ALIGNMENT = 4
"""Every buffer starts at a multiple of this many bytes."""


@dataclass(frozen=True)
class Place:
    """`kind` is "arena", "input", "output" or "constant"; `number` a byte offset, an index, or the tensor's index."""

    kind: str
    number: int


@dataclass(frozen=True)
class Buffer:
    """`size` bytes that are needed from step `first` to step `last`, both included."""

    tensor: int
    size: int
    first: int
    last: int

    def overlaps(self, other: Buffer) -> bool:
        """Whether both are needed at the same time."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Plan:
    """The place of every tensor that a kernel reads or writes.

    `copies` lists (tensor, output number): outputs that have to be copied at the end, because two outputs share one
    tensor or an output is an input or a constant.
    """

    places: Mapping[int, Place]
    arena_bytes: int
    copies: tuple[tuple[int, int], ...]


def plan_memory(graph: Graph) -> Plan:
    """The plan with the smallest arena that a few greedy orders find."""
    root = _roots(graph)
    places = {t.index: Place("constant", t.index) for t in graph.tensors if t.data is not None}
    places.update((index, Place("input", number)) for number, index in enumerate(graph.inputs))
    copies: list[tuple[int, int]] = []
    for number, index in enumerate(graph.outputs):
        if root[index] in places:
            copies.append((index, number))
        else:
            places[root[index]] = Place("output", number)
    buffers = [buffer for buffer in _lifetimes(graph, root) if buffer.tensor not in places]
    offsets, peak = _best(buffers)
    places.update((tensor, Place("arena", offset)) for tensor, offset in offsets.items())
    return Plan({i: places[r] for i, r in root.items() if r in places}, peak, tuple(copies))


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


ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (b.first, -b.size),
    lambda b: (-b.last, -b.size),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first - b.last, -b.size),
)
"""Sort keys: the largest first, in order of time, from the end, by bytes times steps, the longest first."""


def _best(buffers: list[Buffer]) -> tuple[dict[int, int], int]:
    """(tensor -> offset, peak bytes) of the best order; the first of equals."""
    plans = [_greedy(sorted(buffers, key=order)) for order in ORDERS]
    return min(plans, key=lambda plan: plan[1])


def _greedy(buffers: list[Buffer]) -> tuple[dict[int, int], int]:
    """Each buffer in turn at the lowest offset where it disturbs none placed before it."""
    placed: list[tuple[int, Buffer]] = []
    for buffer in buffers:
        offset = 0
        for start, other in sorted(((s, o) for s, o in placed if o.overlaps(buffer)), key=lambda pair: pair[0]):
            if offset + buffer.size <= start:
                break
            offset = max(offset, _aligned(start + other.size))
        placed.append((offset, buffer))
    peak = max((offset + buffer.size for offset, buffer in placed), default=0)
    return {buffer.tensor: offset for offset, buffer in placed}, peak


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT

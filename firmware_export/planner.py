"""Where every tensor lives: tensor lifetimes -> byte offsets in one arena, and its exact size.

The network's inputs and outputs live in the caller's buffers, so they cost no arena. Variables lie one after another in
a memory of their own, the state.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .graph import Graph, Node, Op
from .ops import OPS
from .ops.spec import ONLY_IN_PLACE
from .packing import ALIGNMENT, Buffer, Packing, least_bytes, pack
from .schedule import Cost, orders

__all__ = ["ALIGNMENT", "Place", "Plan", "plan_memory"]


@dataclass(frozen=True)
class Place:
    """Where a tensor's first byte is.

    `kind` is "arena" or "state" and `number` a byte offset, "input" or "output" and an index, or "constant" and the
    tensor's index.
    """

    kind: str
    number: int


@dataclass(frozen=True)
class Plan:
    """The place of every tensor that a kernel reads or writes, and the arena offset of every step's scratch memory.

    `ops` are the graph's operators in the order in which they run: step n runs number n. `copies` lists (tensor, output
    number): outputs that have to be copied at the end, because two outputs share one tensor or an output is an input or
    a constant. `buffers` are what lies in the arena, and when.
    """

    ops: tuple[Op, ...]
    places: Mapping[int, Place]
    scratch: Mapping[int, int]
    arena_bytes: int
    copies: tuple[tuple[int, int], ...]
    buffers: tuple[Buffer, ...] = ()
    state_bytes: int = 0


def plan_memory(graph: Graph) -> Plan:
    """The plan with the smallest arena that a few orders of the operators and a search for packings find."""
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
    ops, buffers, packing = _best(graph, root, places)
    places.update((key, Place("arena", offset)) for key, offset in packing.offsets.items() if key >= 0)
    scratch = {-1 - key: offset for key, offset in packing.offsets.items() if key < 0}
    everywhere = {i: places[r] for i, r in root.items() if r in places}
    return Plan(ops, everywhere, scratch, packing.peak, tuple(copies), tuple(buffers), state_bytes)


def _state(graph: Graph) -> tuple[dict[int, Place], int]:
    """The places of all variables, and the bytes of their memory."""
    places, end = dict[int, Place](), 0
    for variable in graph.variables:
        start = -(-end // ALIGNMENT) * ALIGNMENT
        places[variable.tensor] = Place("state", start)
        end = start + variable.initial.nbytes
    return places, end


def _roots(graph: Graph) -> dict[int, int]:
    """Every tensor -> the tensor whose bytes it shares (itself, unless an alias operator makes it)."""
    root = {tensor.index: tensor.index for tensor in graph.tensors}
    for op in graph.ops:
        if OPS[op.type].alias:
            root[op.outputs[0]] = root[op.inputs[0]]
    return root


def _best(
    graph: Graph, root: Mapping[int, int], places: Collection[int]
) -> tuple[tuple[Op, ...], list[Buffer], Packing]:
    """The order of operators whose buffers, those that are not in `places`, pack best; the file's if none is better."""
    costs = [_cost(graph.node(op), root, places) for op in graph.ops]
    best: tuple[tuple[Op, ...], list[Buffer], Packing] | None = None
    for order in orders(graph.ops, costs, graph.state):
        buffers = _buffers([costs[step] for step in order])
        if best is not None and least_bytes(buffers) >= best[2].peak:
            continue
        packing = pack(buffers)
        if best is None or packing.peak < best[2].peak:
            best = tuple(graph.ops[step] for step in order), buffers, packing
    assert best is not None  # the file's order is always there
    return best


def _cost(node: Node, root: Mapping[int, int], places: Collection[int]) -> Cost:
    """What an operator needs of the arena; buffers go by the tensor whose bytes they are."""
    operator = OPS[node.op.type]
    reads = frozenset(root[i] for i in node.op.inputs if i in root and root[i] not in places)
    made = {root[t.index]: t.size_bytes for t in node.outputs if root[t.index] not in places}
    if operator.alias:
        return Cost(reads)
    return Cost(
        reads, made, operator.scratch_bytes(node), _over(node, root, reads) if len(node.outputs) == 1 and made else {}
    )


def _over(node: Node, root: Mapping[int, int], reads: Collection[int]) -> dict[int, int]:
    """The buffers that the output may overlap, if they die here -> how far before each it has to begin."""
    distances: dict[int, list[int | None]] = {}
    for number, index in enumerate(node.op.inputs):
        key = root.get(index, index)
        if key in reads:
            distances.setdefault(key, []).append(OPS[node.op.type].overlap(node, number))
    both = {key: _for_all(found) for key, found in distances.items()}
    return {key: distance for key, distance in both.items() if distance is not None}


def _for_all(distances: Sequence[int | None]) -> int | None:
    """The distance that suits a buffer that is several inputs of one operator."""
    numbers = [distance for distance in distances if distance is not None]
    if len(numbers) < len(distances):
        return None
    if ONLY_IN_PLACE in numbers:
        return ONLY_IN_PLACE if set(numbers) == {ONLY_IN_PLACE} else None
    return max(numbers)


def _buffers(costs: Sequence[Cost]) -> list[Buffer]:
    """What has to lie in the arena when, if operators with these costs run in this order."""
    last = {key: step for step, cost in enumerate(costs) for key in (*cost.makes, *cost.reads)}
    buffers = []
    for step, cost in enumerate(costs):
        over = {key: distance for key, distance in cost.over.items() if last[key] == step}
        buffers += [Buffer(key, size, step, last[key], over) for key, size in cost.makes.items()]
        if cost.scratch:
            buffers.append(Buffer(-1 - step, cost.scratch, step, step))
    return buffers

"""Channels that nobody needs: constant for every possible input, or read by nothing that is needed."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from ..graph import Graph, Node, Op, Removed, Tensor
from ..intervals import Bounds, analyse, channels_of
from ..ops import OPS
from ..ops.arithmetic import Int
from .channels import Mask, Masks, constant_mask, rule_of
from .rewrite import computed_inputs, readers

SHOWN = 3
"""A sentence names so many values of constant channels.

The accumulators of all that have one of them lie in one interval, though some in it might give another value.
"""


def remove_constant_channels(graph: Graph) -> Graph:
    """Without the channels that nobody needs; `removed` says which, and why that is safe.

    What a constant channel adds to a convolution or FULLY_CONNECTED goes into its bias. Every tensor keeps one channel
    at least. A network that has been through it is left as it is.
    """
    if graph.removed:
        return graph
    bounds = analyse(graph)
    keep = kept_channels(graph, bounds)
    if all(mask.all() for mask in keep.values()):
        return graph
    smaller = _shrunk(graph, keep, bounds)
    return replace(smaller, removed=_record(graph, smaller, keep, bounds))


def kept_channels(graph: Graph, bounds: Bounds) -> Masks:
    """The channels that stay of each computed tensor: the smallest masks that suit every operator."""
    keep = {i: _at_first(graph, i) for i in (*graph.inputs, *(t for op in graph.ops for t in op.outputs))}
    waiting = deque(reversed(graph.ops))
    neighbours = _neighbours(graph)
    while True:
        _grow(graph, keep, bounds, waiting, neighbours)
        empty = [index for index, mask in keep.items() if mask.size and not mask.any()]
        if not empty:
            return keep
        for index in empty:
            keep[index] = np.arange(len(keep[index])) == 0
            waiting.extend(neighbours[index])


def _at_first(graph: Graph, index: int) -> Mask:
    """All channels of what others see: the network's inputs and outputs, variables; none of anything else."""
    tensor = graph.tensors[index]
    seen = {*graph.inputs, *graph.outputs, *(variable.tensor for variable in graph.variables)}
    return np.full(channels_of(tensor), index in seen or tensor.dtype != "int8")


def _neighbours(graph: Graph) -> dict[int, list[Op]]:
    """Tensor -> the operators that write or read it."""
    found = {index: list(ops) for index, ops in readers(graph).items()}
    for op in graph.ops:
        for index in op.outputs:
            found.setdefault(index, []).append(op)
    return found


def _grow(
    graph: Graph, keep: dict[int, Mask], bounds: Bounds, waiting: deque[Op], neighbours: dict[int, list[Op]]
) -> None:
    """Adds to `keep` what operators need, until all have what they need."""
    queued = {op.index for op in waiting}
    while waiting:
        op = waiting.popleft()
        queued.discard(op.index)
        node = graph.node(op)
        for index, needed in rule_of(node).needs(node, keep, bounds).items():
            joined = keep[index] | needed
            if (joined == keep[index]).all():
                continue
            keep[index] = joined
            waiting.extend(other for other in neighbours[index] if other.index not in queued)
            queued.update(other.index for other in neighbours[index])


def _shrunk(graph: Graph, keep: Masks, bounds: Bounds) -> Graph:
    """`graph` with the channels that stay."""
    tensors = list(graph.tensors)

    def add(tensor: Tensor) -> int:
        tensors.append(replace(tensor, index=len(tensors)))
        return len(tensors) - 1

    nodes = map(graph.node, graph.ops)
    ops = tuple(rule_of(node).shrink(node, keep, bounds, add) for node in nodes)
    for index, mask in keep.items():
        if not mask.all():
            tensors[index] = replace(tensors[index], shape=(*tensors[index].shape[:-1], int(mask.sum())))
    return replace(graph, tensors=tuple(tensors), ops=ops)


def _record(before: Graph, after: Graph, keep: Masks, bounds: Bounds) -> tuple[Removed, ...]:
    """What was removed, tensor by tensor in the order in which they are computed."""
    found: dict[int, Removed] = {}
    for old, new in zip(before.ops, after.ops, strict=True):
        for index in old.outputs:
            if not keep[index].all():
                found[index] = _removed(before.node(old), index, keep[index], bounds)
        macs, size = _saved(before.node(old), after.node(new))
        if macs or size:
            # What an operator does less is counted for its output, or else for the input that got smaller.
            owner = next(i for i in (*old.outputs, *old.inputs) if i in found)
            part = found[owner]
            found[owner] = replace(part, macs=part.macs + macs, weight_bytes=part.weight_bytes + size)
    return tuple(found.values())


def _removed(node: Node, index: int, mask: Mask, bounds: Bounds) -> Removed:
    """The record of one tensor, without what it saved."""
    constant, values = constant_mask(bounds, index), bounds.tensors[index][0]
    dropped = np.flatnonzero(~mask)
    return Removed(
        tensor=index,
        channels=len(mask),
        kept=tuple(np.flatnonzero(mask).tolist()),
        constants=tuple(int(values[c]) if constant[c] else None for c in dropped),
        why=_reason(node, bounds, dropped[constant[dropped]], values, int((~constant[dropped]).sum())),
    )


def _reason(node: Node, bounds: Bounds, constant: Int, values: Int, unread: int) -> str:
    """A sentence: why channels can be left out; `constant` are the numbers of those that are."""
    parts = [_constant(node, bounds, constant[values[constant] == value], value) for value in _common(values[constant])]
    if rest := len(constant) - sum(np.isin(values[constant], _common(values[constant]))):
        parts.append(f"{_channels(rest)} constant likewise, each at a value of its own")
    if unread:
        parts.append(f"{_channels(unread)} read by nothing that stays")
    return "; ".join(parts)


def _common(values: Int) -> list[int]:
    """The most frequent values, so many as a sentence holds."""
    found, counts = np.unique(values, return_counts=True)
    return [int(value) for value in found[np.argsort(-counts, kind="stable")][:SHOWN]]


def _constant(node: Node, bounds: Bounds, channels: Int, value: int) -> str:
    """Why these channels hold one value."""
    sums = bounds.accumulators.get(node.op.index)
    cause = f"{node.op.type} of all that its inputs can hold gives"
    if sums is not None:
        low, high = int(sums[0][channels].min()), int(sums[1][channels].max())
        cause = f"accumulators in [{low:,}, {high:,}] give"
    return f"{_channels(len(channels))} constant: {cause} {value} throughout"


def _channels(count: int) -> str:
    return f"{count} channel is" if count == 1 else f"{count} channels are"


def _saved(before: Node, after: Node) -> tuple[int, int]:
    """(multiply-accumulates, bytes of constants) that an operator needs less than before."""
    macs = OPS[before.op.type].macs(before) - OPS[after.op.type].macs(after)
    return macs, _constant_bytes(before) - _constant_bytes(after)


def _constant_bytes(node: Node) -> int:
    computed = computed_inputs(node)
    return sum(t.size_bytes for t in node.inputs if t is not None and t not in computed)

"""Which values every int8 tensor can hold, channel by channel, and every accumulator: exact integer intervals.

They hold for every possible input of the network, not only for those that someone tried: they begin with [-128, 127]
and go through the operators' own integer arithmetic. A channel whose interval is one value is constant.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from .graph import Array, Graph, Node, Tensor
from .ops import OPS, fully_connected, int8_table, linear, reduce, transpose_conv
from .ops.arithmetic import INT8_MAX, INT8_MIN, Int, clamp_int8, requantize
from .ops.window import Window, window

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
LINEAR = (*CONVOLUTIONS, "FULLY_CONNECTED", "TRANSPOSE_CONV")
"""Operators with an accumulator, and a bias in it."""
BINARY = ("ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM", "PRELU")
"""Operators over two tensors that broadcast; over int8 each is largest and smallest at corners of its operands."""
POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")
_MONOTONE = """
    CONCATENATION EXPAND_DIMS GATHER MEAN MIRROR_PAD PACK PAD PADV2 REDUCE_MAX RESHAPE RESIZE_NEAREST_NEIGHBOR SLICE
    SPLIT SPLIT_V SQUEEZE STRIDED_SLICE SUM TILE TRANSPOSE UNPACK
"""
MONOTONE = frozenset(_MONOTONE.split())
"""No output falls where an input rises, so that the numpy reference gives the bounds from those of the inputs."""
MOST_ELEMENTS = 1 << 25
"""Operators that are run for their bounds may have so many elements, all together; of others nothing is known."""
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

Bound = tuple[Int, Int]
"""(lowest, highest), both included, int64 (channels,)."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """What every tensor and every accumulator of a graph can hold, whatever the network's inputs are.

    Attributes:
        tensors: index of an int8 tensor -> bounds of each channel, int64 (channels,); channels are the last axis.
        accumulators: index of an operator -> bounds of its sums, bias included, before they are requantized: int64
            (output channels,). They do not wrap: a channel whose bounds leave int32 may wrap in the C. Operators of
            which nothing is known, for their filter or bias is computed, are left out.
    """

    tensors: Mapping[int, Bound]
    accumulators: Mapping[int, Bound]


def analyse(graph: Graph) -> Bounds:
    """The bounds in `graph`, which meets all constraints (as the passes give it)."""
    tensors = {t.index: _of_constant(t) for t in graph.tensors if t.data is not None and t.dtype == "int8"}
    accumulators: dict[int, Bound] = {}
    known = (*graph.inputs, *(variable.tensor for variable in graph.variables))
    tensors.update((i, anything(graph.tensors[i])) for i in known if graph.tensors[i].dtype == "int8")
    left = MOST_ELEMENTS
    for op in graph.ops:
        node = graph.node(op)
        if op.type in LINEAR and (sums := accumulator(node, tensors)) is not None:
            accumulators[op.index] = sums
        small, left = _affordable(node, left)
        for tensor, bound in zip(node.outputs, _outputs(node, tensors, accumulators, small), strict=True):
            if tensor.dtype == "int8":
                tensors[tensor.index] = bound
    return Bounds(MappingProxyType(tensors), MappingProxyType(accumulators))


def channels_of(tensor: Tensor) -> int:
    """The extent of the last axis; 1 for a scalar."""
    return tensor.shape[-1] if tensor.shape else 1


def anything(tensor: Tensor) -> Bound:
    """[-128, 127] for each channel."""
    return _filled(tensor, INT8_MIN, INT8_MAX)


def _filled(tensor: Tensor, low: int, high: int) -> Bound:
    count = channels_of(tensor)
    return np.full(count, low, np.int64), np.full(count, high, np.int64)


def _of_constant(tensor: Tensor) -> Bound:
    values = tensor.data
    return anything(tensor) if values is None or not values.size else _ends(tensor, values, values)


def _ends(tensor: Tensor, low: Array, high: Array) -> Bound:
    """The smallest of `low` and the largest of `high`, arrays that end in the tensor's shape, in each channel."""
    rows = (values.reshape(-1, channels_of(tensor)) for values in (low, high))
    first, second = rows
    return first.min(axis=0).astype(np.int64), second.max(axis=0).astype(np.int64)


def _affordable(node: Node, left: int) -> tuple[bool, int]:
    """Whether an operator may be run for its bounds, and how many elements are left to spend then."""
    size = sum(t.size for t in (*node.inputs, *node.outputs) if t is not None) if node.op.type in MONOTONE else 0
    return (size <= left, left - size) if size <= left else (False, left)


def _outputs(
    node: Node, tensors: Mapping[int, Bound], accumulators: Mapping[int, Bound], affordable: bool
) -> list[Bound]:
    """The bounds of all outputs; [-128, 127] where nothing is known."""
    kind = node.op.type
    inputs = [t for t in node.inputs if t is not None]
    if node.output.dtype == "int8" and 0 not in (t.size for t in (*inputs, *node.outputs)):
        if kind in LINEAR:
            return [requantized(node, accumulators.get(node.op.index))]
        if all(t.data is not None or t.index in tensors for t in inputs):
            known = _of_kind(node, kind, affordable)
            if known is not None:
                return known(node, tensors)
    return [anything(t) for t in node.outputs]


def _of_kind(node: Node, kind: str, affordable: bool) -> Callable[[Node, Mapping[int, Bound]], list[Bound]] | None:
    """What gives the bounds of the outputs of an operator with int8 inputs."""
    if int8_table(node) is not None:
        return _by_table
    if kind in BINARY:
        return _at_corners
    if kind in POOLS:
        return _pooled
    return _at_both_ends if kind in MONOTONE and affordable and not _may_wrap(node) else None


def _may_wrap(node: Node) -> bool:
    """Whether a sum of MEAN or SUM might leave 32 bits, so that it would not rise with its values."""
    if node.op.type not in ("MEAN", "SUM"):
        return False
    return 2 * linear.MAX_DIFFERENCE * reduce.count(node) * max(1.0, node.need(0).scale / node.output.scale) >= 2**31


def _by_table(node: Node, tensors: Mapping[int, Bound]) -> list[Bound]:
    """Of an operator that maps every value on its own."""
    table, source = int8_table(node), next(t for t in node.inputs if t is not None and t.data is None)
    if table is None:
        return [anything(node.output)]
    low, high = tensors[source.index]
    parts = {pair: table[pair[0] + 128 : pair[1] + 129] for pair in zip(low.tolist(), high.tolist(), strict=True)}
    pairs = list(zip(low.tolist(), high.tolist(), strict=True))
    return [(np.array([int(parts[p].min()) for p in pairs]), np.array([int(parts[p].max()) for p in pairs]))]


def _at_corners(node: Node, tensors: Mapping[int, Bound]) -> list[Bound]:
    """Of an operator over two tensors: it is run for all pairs of their ends; PRELU also around its bend."""
    first, second = (tensors[node.need(number).index] for number in range(2))
    places = list(first)
    if node.op.type == "PRELU":
        places += [np.clip(node.need(0).zero_point - step, *first) for step in (0, 1)]
    pairs = list(itertools.product(places, second))
    operands = [np.stack([pair[number] for pair in pairs]).astype(np.int8) for number in range(2)]
    values = OPS[node.op.type].reference(node, operands)[0]
    low, high = _ends(node.output, values, values)
    return [(low, high)]


def _pooled(node: Node, tensors: Mapping[int, Bound]) -> list[Bound]:
    """Of a pool: the mean and the largest of values lie between the smallest and the largest."""
    limits = linear.output_range(node)
    low, high = (clamp_int8(end, *limits).astype(np.int64) for end in tensors[node.need(0).index])
    return [(low, high)]


def _at_both_ends(node: Node, tensors: Mapping[int, Bound]) -> list[Bound]:
    """Of an operator that is monotone: it is run for the lowest inputs and for the highest."""
    ends = []
    for end in range(2):
        given = [_array(t, tensors, end) for t in node.inputs if t is not None]
        ends.append(OPS[node.op.type].reference(node, given))
    return [_ends(t, low, high) for t, low, high in zip(node.outputs, *ends, strict=True)]


def _array(tensor: Tensor, tensors: Mapping[int, Bound], end: int) -> Array:
    """(1, *shape): a constant, or all lowest values or (`end` 1) all highest."""
    if tensor.data is not None:
        return tensor.data[None]
    return np.broadcast_to(tensors[tensor.index][end].astype(np.int8), (1, *tensor.shape))


def accumulator(node: Node, tensors: Mapping[int, Bound]) -> Bound | None:
    """The bounds of a linear operator's sums, bias included; None where filter or bias is computed."""
    if node.op.type == "TRANSPOSE_CONV":
        node = transpose_conv.as_convolution(node)
    bias = node.input(2)
    if node.need(1).data is None or (bias is not None and bias.data is None) or node.need(0).index not in tensors:
        return None
    weights, low, high = _products(node, tensors[node.need(0).index])
    rising, falling = np.maximum(weights, 0), np.minimum(weights, 0)
    # float64 holds these sums exactly: the constraints keep them in 32 bits.
    least, most = (
        np.einsum("ot,ot->o", rising, np.broadcast_to(a, rising.shape))
        + np.einsum("ot,ot->o", falling, np.broadcast_to(b, falling.shape))
        for a, b in ((low, high), (high, low))
    )
    given = linear.constant_bias(node)
    return least.astype(np.int64) + given, most.astype(np.int64) + given


def _products(node: Node, bound: Bound) -> tuple[Array, Array, Array]:
    """Weights float64 (output channels, taps), and what each tap sees, less the zero point: lowest and highest.

    The latter two broadcast to (output channels, taps) too.
    """
    filters, zero_point = node.need(1), node.need(0).zero_point
    low, high = ((end - zero_point).astype(np.float64) for end in bound)
    values = node.constant(1).astype(np.float64)
    if node.op.type == "FULLY_CONNECTED":
        channels, depth = fully_connected.filter_shape(node)
        repeat = node.need(0).size // len(low)
        rows = [np.tile(end, repeat).reshape(-1, depth) for end in (low, high)]
        return values.reshape(channels, depth) - filters.zero_point, rows[0].min(axis=0), rows[1].max(axis=0)
    missing = may_miss(node)[..., None]
    low, high = (
        np.where(missing, limit(end, 0), end) for end, limit in ((low, np.minimum), (high, np.maximum))
    )  # (KH, KW, channels)
    if node.op.type == "DEPTHWISE_CONV_2D":
        count = values.shape[3]
        low, high = (np.repeat(end, count // end.shape[2], axis=2).reshape(-1, count).T for end in (low, high))
        return values.reshape(-1, count).T, low, high
    groups = low.shape[2] // values.shape[3]
    low, high = (_by_group(end, groups, len(values)) for end in (low, high))
    return values.reshape(len(values), -1), low, high


def _by_group(ends: Array, groups: int, count: int) -> Array:
    """(KH, KW, channels) as what each of `count` filters sees: (count, taps)."""
    if groups == 1:
        return ends.reshape(-1)
    parts = ends.reshape(*ends.shape[:2], groups, -1).transpose(2, 0, 1, 3).reshape(groups, -1)
    return np.repeat(parts, count // groups, axis=0)


def may_miss(node: Node) -> npt.NDArray[np.bool_]:
    """(KH, KW): whether a filter position of a convolution adds nothing to some outputs, for it is beyond the input.

    Of TRANSPOSE_CONV (with its inputs as a convolution has them) each may: what an output sees depends on its place.
    """
    size = (node.need(1).shape[1], node.need(1).shape[2])
    if node.op.type not in CONVOLUTIONS:
        return np.ones(size, bool)
    win = window(node, size, (node.integer("dilation_h"), node.integer("dilation_w")))
    rows, columns = (_leaves(win, axis) for axis in range(2))
    return rows[:, None] | columns


def _leaves(win: Window, axis: int) -> npt.NDArray[np.bool_]:
    """Whether each filter row (axis 0) or column (axis 1) is beyond the input for the first or the last output."""
    first = np.arange(win.size[axis]) * win.dilation[axis] - win.pad[axis]
    last = first + (win.output[axis] - 1) * win.stride[axis]
    return np.asarray((first < 0) | (last >= win.input[axis]))


def requantized(node: Node, sums: Bound | None) -> Bound:
    """The bounds of a linear operator's outputs; the whole range of its activation where the sums are not known.

    Requantization never falls where a sum rises, as long as neither the sum nor its shift wraps around.
    """
    view = transpose_conv.as_convolution(node) if node.op.type == "TRANSPOSE_CONV" else node
    limits = linear.output_range(view)
    all_of_it = _filled(node.output, *clamp_int8(np.array([INT8_MIN, INT8_MAX]), *limits).tolist())
    if sums is None:
        return all_of_it
    multipliers, shifts = linear.channel_multipliers(view)
    room = np.maximum(shifts, 0)
    safe = (sums[0] >= INT32_MIN >> room) & (sums[1] <= INT32_MAX >> room)
    ends = [np.where(safe, end, 0) for end in sums]
    low, high = (
        clamp_int8(requantize(end, multipliers, shifts) + node.output.zero_point, *limits).astype(np.int64)
        for end in ends
    )
    return np.where(safe, low, all_of_it[0]), np.where(safe, high, all_of_it[1])


def constants_of(bound: Bound) -> npt.NDArray[np.bool_]:
    """(channels,): which channels hold one value only."""
    return np.asarray(bound[0] == bound[1])

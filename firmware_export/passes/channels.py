"""What the channels of an operator's inputs and outputs have to do with each other, and the operator with fewer.

Channels are the last axis. An operator of which nothing is said here needs all channels and gives all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..graph import ABSENT, Array, Node, Op, Quant, Tensor
from ..intervals import BINARY, POOLS, Bounds, channels_of, constants_of, may_miss
from ..ops import OPS, concatenation, fully_connected, int8_table, linear, reduce, transpose_conv
from ..ops.arithmetic import Int, wrap_int32
from .rewrite import default_options

Mask: TypeAlias = npt.NDArray[np.bool_]
"""(channels,): which of them stay."""
Masks: TypeAlias = Mapping[int, Mask]
"""Index of a computed tensor -> its mask."""
Add: TypeAlias = Callable[[Tensor], int]
"""Adds a constant to the network and returns its index."""


@dataclass(frozen=True)
class Rule:
    """How an operator takes it when channels vanish.

    Attributes:
        needs: which channels of its tensors have to stay, given those that stay already and what is known of values.
        shrink: the operator for the channels that stay; it may add constants.
    """

    needs: Callable[[Node, Masks, Bounds], Masks]
    shrink: Callable[[Node, Masks, Bounds, Add], Op]


def rule_of(node: Node) -> Rule:
    """The rule of an operator."""
    kind = node.op.type
    if any(t is not None and t.data is None and t.dtype != "int8" for t in (*node.inputs, *node.outputs)):
        return _WHOLE
    if kind == "DEPTHWISE_CONV_2D":
        return Rule(_depthwise_needs, _shrink_linear)
    if kind in _FILTERED:
        return Rule(_linear_needs, _shrink_linear) if _matrix(node) is not None else _WHOLE
    if OPS[kind].alias:
        return Rule(_view_needs, _shrink_view)
    if kind == "CONCATENATION" and concatenation.axis(node) == len(node.output.shape) - 1:
        return Rule(_joined_needs, _shrink_joined)
    return Rule(_tied_needs, _shrink_tied) if _is_tied(node) else _WHOLE


def _computed(node: Node) -> list[Tensor]:
    return [t for t in (*node.inputs, *node.outputs) if t is not None and t.data is None]


def _whole_needs(node: Node, keep: Masks, bounds: Bounds) -> Masks:
    """All channels."""
    return {t.index: np.ones(channels_of(t), bool) for t in _computed(node)}


def _shrink_nothing(node: Node, keep: Masks, bounds: Bounds, add: Add) -> Op:
    return node.op


_WHOLE = Rule(_whole_needs, _shrink_nothing)
_FILTERED = ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


def _is_tied(node: Node) -> bool:
    """Whether channel c of the output is made of channel c of the inputs alone, or of inputs with a single channel."""
    kind = node.op.type
    if kind in ("MEAN", "SUM", "REDUCE_MAX"):
        return len(node.need(0).shape) - 1 not in reduce.axes(node)
    if kind in ("PAD", "PADV2", "MIRROR_PAD"):
        return not node.constant(1).reshape(-1)[-2:].any()
    movers = ("CONCATENATION", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
    return int8_table(node) is not None or kind in (*BINARY, *POOLS, *movers)


def _tied_needs(node: Node, keep: Masks, bounds: Bounds) -> Masks:
    """A channel that one tensor has to keep is kept by all."""
    count = channels_of(node.output)
    tied = [t.index for t in _computed(node) if channels_of(t) == count]
    joined = np.logical_or.reduce([keep[index] for index in tied])
    return {t.index: joined if t.index in tied else np.ones(channels_of(t), bool) for t in _computed(node)}


def _shrink_tied(node: Node, keep: Masks, bounds: Bounds, add: Add) -> Op:
    """Constants that have a value for every channel lose those of the channels that vanish."""
    mask, inputs = keep[node.output.index], list(node.op.inputs)
    for number, tensor in enumerate(node.inputs):
        if (node.op.type in BINARY or node.op.type == "CONCATENATION") and tensor is not None:
            inputs[number] = _sliced(tensor, mask, add)
    return replace(node.op, inputs=tuple(inputs))


def _sliced(tensor: Tensor, mask: Mask, add: Add) -> int:
    """A tensor with the channels of a mask, if it is a constant that has them all; else itself."""
    if tensor.data is None or mask.all() or channels_of(tensor) != len(mask):
        return tensor.index
    return add(_with_data(tensor, tensor.data[..., mask], tensor.quant))


def _with_data(tensor: Tensor, data: Array, quant: Quant | None) -> Tensor:
    return replace(tensor, shape=data.shape, data=np.ascontiguousarray(data), quant=quant)


def _joined_needs(node: Node, keep: Masks, bounds: Bounds) -> Masks:
    """Each input's channels are some of the output's; a constant keeps one at least."""
    parts, needs = [], dict[int, Mask]()
    for tensor, part in zip(node.inputs, _parts(node, keep[node.output.index]), strict=True):
        if tensor is not None and tensor.data is None:
            part = part | keep[tensor.index] | needs.get(tensor.index, np.zeros_like(part))
            needs[tensor.index] = part
        elif not part.any():
            part = np.arange(len(part)) == 0
        parts.append(part)
    return {**needs, node.output.index: np.concatenate(parts)}


def _parts(node: Node, mask: Mask) -> list[Mask]:
    """The output's mask, input by input."""
    ends = np.cumsum([channels_of(t) for t in node.inputs if t is not None])
    return np.split(mask, ends[:-1])


def _shrink_joined(node: Node, keep: Masks, bounds: Bounds, add: Add) -> Op:
    parts = _parts(node, keep[node.output.index])
    inputs = [_sliced(t, part, add) for t, part in zip(node.inputs, parts, strict=True) if t is not None]
    return replace(node.op, inputs=tuple(inputs))


def _view_needs(node: Node, keep: Masks, bounds: Bounds) -> Masks:
    """Of an operator that only changes the shape: channel c of one side is every channel c + k * count of the other."""
    a, b = node.need(0), node.output
    few, many = (a, b) if channels_of(a) <= channels_of(b) else (b, a)
    count = channels_of(few)
    if a.data is not None or not count or channels_of(many) % count:
        return _whole_needs(node, keep, bounds)
    mask = keep[few.index] | keep[many.index].reshape(-1, count).any(axis=0)
    return {few.index: mask, many.index: np.tile(mask, channels_of(many) // count)}


def _shrink_view(node: Node, keep: Masks, bounds: Bounds, add: Add) -> Op:
    """As a RESHAPE: SQUEEZE might drop an axis more."""
    if keep[node.output.index].all():
        return node.op
    return replace(node.op, type="RESHAPE", inputs=node.op.inputs[:1], options=default_options("RESHAPE"))


def _depthwise_needs(node: Node, keep: Masks, bounds: Bounds) -> Masks:
    """A channel and the outputs of all its filters stay together."""
    count, outputs = channels_of(node.need(0)), channels_of(node.output)
    mask = keep[node.need(0).index] | keep[node.output.index].reshape(count, -1).any(axis=1)
    return {node.need(0).index: mask, node.output.index: np.repeat(mask, outputs // count)}


def _view(node: Node) -> Node:
    """A linear operator with its inputs in the order input, filter, bias."""
    return transpose_conv.as_convolution(node) if node.op.type == "TRANSPOSE_CONV" else node


def _matrix(node: Node) -> tuple[Int, Mask] | None:
    """Weights int64 (output channels, taps, input channels), and which taps may see nothing of the input.

    None where filter or bias is computed, or channels can't vanish: with groups, or rows shorter than a pixel.
    """
    view = _view(node)
    filters, bias, count = view.need(1), view.input(2), channels_of(view.need(0))
    if filters.data is None or (bias is not None and bias.data is None):
        return None
    if node.op.type == "FULLY_CONNECTED":
        channels, depth = fully_connected.filter_shape(node)
        if depth % count:
            return None
        weights = filters.data.reshape(channels, -1, count).astype(np.int64) - filters.zero_point
        return weights, np.zeros(depth // count, bool)
    if filters.shape[3] != count:
        return None
    return filters.data.reshape(len(filters.data), -1, count).astype(np.int64), may_miss(view).reshape(-1)


def _linear_needs(node: Node, keep: Masks, bounds: Bounds) -> Masks:
    """The channels with a weight other than 0 in an output that stays, but those that add the same to every output.

    These are constant channels, where each of those weights sees the channel from every output; or where the constant
    is the zero point, so that padding is no different.
    """
    matrix, source = _matrix(node), _view(node).need(0)
    if matrix is None:
        return _whole_needs(node, keep, bounds)
    weights, missing = matrix
    used = weights[keep[node.output.index]] != 0
    low, high = bounds.tensors[source.index]
    same = (low == high) & (~used[:, missing].any(axis=(0, 1)) | (low == source.zero_point))
    return {source.index: used.any(axis=(0, 1)) & ~same}


def _shrink_linear(node: Node, keep: Masks, bounds: Bounds, add: Add) -> Op:
    """The operator with a smaller filter, and in its bias what the channels that vanish added."""
    view = _view(node)
    source, filters = view.need(0), view.need(1)
    inside, outside = (keep.get(t.index, np.ones(channels_of(t), bool)) for t in (source, node.output))
    bias = np.broadcast_to(linear.constant_bias(view), len(outside))[outside]
    if node.op.type == "DEPTHWISE_CONV_2D":
        data, axis = node.constant(1)[..., outside], 3
    else:
        matrix = _matrix(node)
        constants = bounds.tensors[source.index][0] - source.zero_point
        if matrix is not None and not inside.all():
            bias = bias + matrix[0][outside][..., ~inside].sum(axis=1) @ constants[~inside]
        data, axis = _smaller(node, view.constant(1), inside, outside)
    if inside.all() and outside.all():
        return node.op
    given = {1: add(_with_data(filters, data, _quant(filters.quant, outside, axis)))}
    if view.input(2) is not None or bias.any():
        given[2] = add(_bias(view.input(2), wrap_int32(bias)))
    return _with_inputs(node.op, given)


def _smaller(node: Node, data: Array, inside: Mask, outside: Mask) -> tuple[Array, int]:
    """A filter with the channels that stay, and the axis of its output channels."""
    if node.op.type == "FULLY_CONNECTED":
        columns = np.tile(inside, data.shape[-1] // len(inside))
        return data[..., outside, :][..., columns], data.ndim - 2
    return data[outside][..., inside], 0


def _quant(quant: Quant | None, mask: Mask, axis: int) -> Quant | None:
    """The scales of the output channels that stay."""
    if quant is None or not quant.per_channel:
        return quant
    kept = np.flatnonzero(mask)
    zeros = quant.zero_point
    return Quant(
        tuple(quant.scale[i] for i in kept), tuple(zeros[i] for i in kept) if len(zeros) == len(mask) else zeros, axis
    )


def _bias(old: Tensor | None, values: Int) -> Tensor:
    """A bias: what it adds is modulo 2**32, as the sum is."""
    name = "bias of what was removed" if old is None else old.name
    return Tensor(ABSENT, name, "int32", values.shape, data=values.astype(np.int32))


def _with_inputs(op: Op, given: Mapping[int, int]) -> Op:
    """A linear operator with other inputs, numbered as a convolution's."""
    places = (transpose_conv.INPUT, transpose_conv.FILTER, transpose_conv.BIAS)
    inputs = list(op.inputs)
    for number, index in given.items():
        place = places[number] if op.type == "TRANSPOSE_CONV" else number
        inputs += [ABSENT] * (place + 1 - len(inputs))
        inputs[place] = index
    return replace(op, inputs=tuple(inputs))


def constant_mask(bounds: Bounds, index: int) -> Mask:
    """Which channels of an int8 tensor hold one value, whatever the network's inputs are."""
    return constants_of(bounds.tensors[index])

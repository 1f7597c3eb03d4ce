"""TRANSPOSE_CONV: every input pixel adds a filter (OC, KH, KW, IC), weighted by its channels, to the output around it.

The first input, the output's shape, is not read: the file states that shape anyway, and TFLite Micro does the same.
A pass leaves it out.
Source: TFLite reference_integer_ops::TransposeConv.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np

from ..graph import Array, Node
from . import linear, rules
from .spec import Field, KernelCall, Operator, Param, Shape
from .window import SAME, placement, positive_window

SHAPE, FILTER, INPUT, BIAS = range(4)
"""The operator's inputs."""
MAX_REACH = 1 << 24
"""Rows and columns of an input that is spread by its strides are fewer."""


def as_convolution(node: Node) -> Node:
    """`node` with its inputs in the order of a convolution's: input, filter, bias."""
    return Node(node.op, tuple(node.input(i) for i in (INPUT, FILTER, BIAS)), node.outputs)


def _seen_so(rule: Callable[[Node], str | None]) -> Callable[[Node], str | None]:
    """`rule` for `as_convolution` of a node."""

    @wraps(rule)
    def seen(node: Node) -> str | None:
        return rule(as_convolution(node))

    return seen


def filter_and_input(node: Node) -> str | None:
    """there must be a filter and an input, the second and third"""
    missing = [i for i in (FILTER, INPUT) if node.input(i) is None]
    return f"input {missing[0]} is missing" if missing else None


def int8_input(node: Node) -> str | None:
    """the third input must be int8 with one scale and four axes (batch, height, width, channels), none of them empty"""
    view = as_convolution(node)
    return rules.int8_first_input(view) or rules.four_axes(view)


def filter_fits(node: Node) -> str | None:
    """the filter must be (output channels, height, width, the input's channels), with one scale or one per
    output channel, and one bias each"""
    view = as_convolution(node)
    shape, channels = view.need(1).shape, view.need(0).shape[3]
    if len(shape) != 4 or 0 in shape or shape[3] != channels:
        return f"{shape} on {channels} channels"
    return linear.filter_limits(view, shape[0])


def output_fits(node: Node) -> str | None:
    """the output must have the input's batch, a height and a width, and the filter's output channels"""
    shape, batch, channels = node.output.shape, node.need(INPUT).shape[0], node.need(FILTER).shape[0]
    fits = len(shape) == 4 and 0 not in shape and (shape[0], shape[3]) == (batch, channels)
    return None if fits else f"{shape} for batch {batch} and {channels} channels"


def reach_fits(node: Node) -> str | None:
    """the input's height and width times the strides, plus the filter's, must be below 2**24"""
    view = as_convolution(node)
    extents, taps, stride = view.need(0).shape[1:3], view.need(1).shape[1:3], _strides(node)
    reach = [extents[i] * stride[i] + taps[i] for i in range(2)]
    return f"{reach[0]:,} and {reach[1]:,}" if max(reach) >= MAX_REACH else None


def output_shapes(node: Node) -> Sequence[Shape]:
    """What the file says."""
    return [node.output.shape]


def _strides(node: Node) -> tuple[int, int]:
    return node.integer("stride_h"), node.integer("stride_w")


def pads(node: Node) -> tuple[int, int]:
    """Rows above and columns left of the output that the first filters also reach."""
    same, stride = node.integer("padding") == SAME, _strides(node)
    sizes, extents = node.need(FILTER).shape[1:3], node.output.shape[1:3]
    rows, columns = (placement(extents[i], stride[i], sizes[i], same=same)[1] for i in range(2))
    return rows, columns


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, B, OH, OW, OC)."""
    filters, (top, left), stride = node.constant(FILTER).astype(np.int64), pads(node), _strides(node)
    given = inputs[sum(node.input(i) is not None for i in range(INPUT))]
    x = given.reshape(-1, *given.shape[2:]).astype(np.int64) - node.need(INPUT).zero_point
    height, width = node.output.shape[1:3]
    acc = np.zeros((len(x), top + height, left + width, len(filters)), np.int64)
    for ky in range(filters.shape[1]):
        for kx in range(filters.shape[2]):
            target = acc[:, ky :: stride[0], kx :: stride[1]][:, : x.shape[1], : x.shape[2]]
            target += x[:, : target.shape[1], : target.shape[2]] @ filters[:, ky, kx].T
    view = as_convolution(node)
    out = linear.finish(view, acc[:, top:, left:], *linear.channel_multipliers(view))
    return [out.reshape(len(given), *node.output.shape)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of transpose_conv_s8."""
    view = as_convolution(node)
    params: dict[str, Param] = {
        "input": view.need(0).shape,
        "filter": view.need(1).shape,
        "output": node.output.shape,
        "stride": _strides(node),
        "pad": pads(node),
        **linear.params(view, *linear.channel_multipliers(view)),
    }
    return [KernelCall("transpose_conv_s8", params, (view.need(0),), node.output)]


def macs(node: Node) -> int:
    """Inputs times the filter's taps and output channels, those beyond the output's edge too."""
    channels, height, width, _ = node.need(FILTER).shape
    return node.need(INPUT).size * channels * height * width


OPERATOR = Operator(
    options={
        "padding": Field(0, "int8"),
        "stride_w": Field(1),
        "stride_h": Field(2),
        "activation": Field(3, "int8"),
    },
    constraints=(
        filter_and_input,
        int8_input,
        rules.int8_output,
        _seen_so(rules.constant_int8_filter),
        _seen_so(rules.constant_int32_bias),
        rules.known_activation,
        _seen_so(positive_window),
        _seen_so(linear.scales_in_range),
        filter_fits,
        output_fits,
        reach_fits,
    ),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
    macs=macs,
)

"""DEPTHWISE_CONV_2D: every input channel has its own filters: (1, KH, KW, C * multiplier) over (B, H, W, C)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import linear, rules
from .spec import Field, KernelCall, Operator, Param, Shape
from .window import Window, pad, positive_window, tap, window


def _window(node: Node) -> Window:
    filters = node.need(1).shape
    return window(node, (filters[1], filters[2]), (node.integer("dilation_h"), node.integer("dilation_w")))


def filter_fits(node: Node) -> str | None:
    """the filter must be (1, height, width, a multiple of the input's channels), with one scale or one per
    channel, and one bias each"""
    shape, channels = node.need(1).shape, node.need(0).shape[3]
    if len(shape) != 4 or 0 in shape or shape[0] != 1 or shape[3] % channels:
        return f"{shape} on {channels} channels"
    return linear.filter_limits(node, shape[3], axis=3)


def output_shapes(node: Node) -> Sequence[Shape]:
    """(B, OH, OW, C * multiplier)."""
    return [(node.need(0).shape[0], *_window(node).output, node.need(1).shape[3])]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, B, OH, OW, C * multiplier)."""
    win, filters = _window(node), node.constant(1)[0].astype(np.int64)
    x = inputs[0].reshape(-1, *node.need(0).shape[1:]).astype(np.int64) - node.need(0).zero_point
    padded = pad(np.repeat(x, filters.shape[2] // x.shape[3], axis=3), win, 0)
    acc = np.zeros((len(x), *win.output, filters.shape[2]), np.int64)
    for ky in range(win.size[0]):
        for kx in range(win.size[1]):
            acc += tap(padded, win, ky, kx) * filters[ky, kx]
    out = linear.finish(node, acc, *linear.channel_multipliers(node))
    return [out.reshape(len(inputs[0]), *node.output.shape)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of depthwise_conv2d_s8."""
    win = _window(node)
    multipliers, shifts = linear.channel_multipliers(node)
    params: dict[str, Param] = {
        "input": node.need(0).shape,
        "filter": node.need(1).shape,
        "output": node.output.shape,
        "stride": win.stride,
        "dilation": win.dilation,
        "pad": win.pad,
        **linear.params(node, multipliers, shifts),
    }
    return [KernelCall("depthwise_conv2d_s8", params, (node.need(0),), node.output)]


def macs(node: Node) -> int:
    """Outputs times the filter's height and width, taps over the padding too."""
    return node.output.size * node.need(1).shape[1] * node.need(1).shape[2]


OPERATOR = Operator(
    options={
        "padding": Field(0, "int8"),
        "stride_w": Field(1),
        "stride_h": Field(2),
        "depth_multiplier": Field(3),
        "activation": Field(4, "int8"),
        "dilation_w": Field(5, default=1),
        "dilation_h": Field(6, default=1),
    },
    constraints=(
        rules.int8_first_input,
        rules.int8_output,
        rules.four_axes,
        rules.constant_int8_filter,
        rules.constant_int32_bias,
        rules.known_activation,
        positive_window,
        linear.scales_in_range,
        filter_fits,
        rules.some_output,
    ),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
    macs=macs,
)

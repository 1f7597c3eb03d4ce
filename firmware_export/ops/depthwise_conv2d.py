"""DEPTHWISE_CONV_2D: every input channel has its own filters: (1, KH, KW, C * multiplier) over (B, H, W, C).

The multiplier is what the shapes say. TFLite Micro goes by the option depth_multiplier, which is wrong in some files;
here TFLite is followed, which ignores it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Array, Node
from . import linear, rules
from .filters import filter_proofs, filters_overlap, filters_scratch_bytes, folded_params, lower_filters
from .spec import ONLY_IN_PLACE, Field, KernelCall, Operator, Param, Shape
from .window import Window, pad, positive_window, tap, window

if TYPE_CHECKING:
    from ..requant import Channels, Form

BAND_PIXELS = 16
"""A band of output rows has at least so many pixels, if the image has."""
PIXELS, WORD_BYTES = 4, 4
"""The kernel takes so many pixels at a time, and keeps tables of int32."""


def filter_window(node: Node) -> Window:
    """How the filter slides over the input."""
    filters = node.need(1).shape
    return window(node, (filters[1], filters[2]), (node.integer("dilation_h"), node.integer("dilation_w")))


def filter_fits(node: Node) -> str | None:
    """the filter must be (1, height, width, a multiple of the input's channels), with one scale or one per
    channel, and one bias each"""
    shape, channels = node.need(1).shape, node.need(0).shape[3]
    if len(shape) != 4 or 0 in shape or shape[0] != 1 or shape[3] % channels:
        return f"{shape} on {channels} channels"
    return linear.filter_limits(node, shape[3], axes=(3,))


def output_shapes(node: Node) -> Sequence[Shape]:
    """(B, OH, OW, C * multiplier)."""
    return [(node.need(0).shape[0], *filter_window(node).output, node.need(1).shape[3])]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, B, OH, OW, C * multiplier)."""
    win, filters = filter_window(node), node.constant(1)[0].astype(np.int64)
    x = inputs[0].reshape(-1, *node.need(0).shape[1:]).astype(np.int64) - node.need(0).zero_point
    padded = pad(np.repeat(x, filters.shape[2] // x.shape[3], axis=3), win, 0)
    acc = np.zeros((len(x), *win.output, filters.shape[2]), np.int64)
    for ky in range(win.size[0]):
        for kx in range(win.size[1]):
            acc += tap(padded, win, ky, kx) * filters[ky, kx]
    out = linear.finish(node, acc, *linear.channel_multipliers(node))
    return [out.reshape(len(inputs[0]), *node.output.shape)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of depthwise_conv2d_s8; with several filters for each channel one of conv2d_s8, in groups."""
    filters, win = node.constant(1), filter_window(node)
    if not _one_filter_each(node):
        return lower_filters(node, _as_groups(filters), win)
    params: dict[str, Param] = {
        "input": node.need(0).shape,
        "output": node.output.shape,
        "filter": win.size,
        "stride": win.stride,
        "dilation": win.dilation,
        "pad": win.pad,
        "band": _band(win),
        "pad_value": node.need(0).zero_point,
        **folded_params(node, _as_groups(filters).reshape(filters.shape[3], -1)),
    }
    return [KernelCall("depthwise_conv2d_s8", params, (node.need(0),), node.output, scratch=True)]


def _one_filter_each(node: Node) -> bool:
    """Whether the kernel for depthwise convolutions is the right one: with one channel an ordinary one is faster."""
    channels = node.need(0).shape[3]
    return channels > 1 and node.need(1).shape[3] == channels


def _as_groups(filters: Array) -> Array:
    """(1, KH, KW, OC) as the filters (OC, KH, KW, 1) of a convolution with groups of one channel."""
    return filters.transpose(3, 1, 2, 0)


def _band(win: Window) -> int:
    """How many output rows are computed at a time: those that hold enough pixels."""
    height, width = win.output
    return min(height, -(-BAND_PIXELS // width))


def scratch_bytes(node: Node) -> int:
    """A word for each tap, two for each pixel of a band, and what the filter sees of one channel."""
    win = filter_window(node)
    if not _one_filter_each(node):
        return filters_scratch_bytes(node, _as_groups(node.constant(1)).shape)
    height, width = win.output
    band = _band(win)
    rest = height % band
    # The last band's pixels are rounded up to fours: those that are no outputs see rows that may lie below the last.
    rows = height - rest + min(band, -(-_in_fours(rest * width) // width))
    seen = [(n - 1) * win.stride[i] + (win.size[i] - 1) * win.dilation[i] + 1 for i, n in enumerate((rows, width))]
    return WORD_BYTES * (math.prod(win.size) + 2 * _in_fours(band * width)) + math.prod(seen)


def _in_fours(pixels: int) -> int:
    return -(-pixels // PIXELS) * PIXELS


def overlap(node: Node, number: int) -> int | None:
    """In place: a channel's outputs only take the places of its own inputs, which have been copied."""
    win = filter_window(node)
    if not _one_filter_each(node):
        return filters_overlap(node, number, _as_groups(node.constant(1)).shape, win)
    shrinks = math.prod(win.output) <= math.prod(win.input)
    return ONLY_IN_PLACE if number == 0 and (shrinks or node.output.shape[0] == 1) else None


def proofs(node: Node) -> Sequence[tuple[Channels, Form]]:
    """What its requantization rests on."""
    return filter_proofs(node, _as_groups(node.constant(1)).reshape(node.output.shape[3], -1))


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
    scratch_bytes=scratch_bytes,
    overlap=overlap,
    proofs=proofs,
)

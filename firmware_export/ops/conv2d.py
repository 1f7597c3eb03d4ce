"""CONV_2D: a filter (OC, KH, KW, IC) slides over (B, H, W, C); with IC < C in C / IC groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Array, Node
from . import linear, rules
from .filters import filter_proofs, filters_overlap, filters_scratch_bytes, lower_filters
from .spec import Field, KernelCall, Operator, Shape
from .window import Window, pad, positive_window, tap, window

if TYPE_CHECKING:
    from ..requant import Channels, Form

CHUNK_BYTES = 32 << 20
"""Samples are taken in chunks so that the patches of one chunk take about this much memory."""


def window_of(node: Node) -> Window:
    """How the filter slides."""
    filters = node.need(1).shape
    return window(node, (filters[1], filters[2]), (node.integer("dilation_h"), node.integer("dilation_w")))


def filter_fits(node: Node) -> str | None:
    """the filter must have four axes, channels that divide the input's, one scale or one per
    output channel, and one bias each"""
    shape, channels = node.need(1).shape, node.need(0).shape[3]
    if len(shape) != 4 or 0 in shape or channels % shape[3] or shape[0] % (channels // shape[3]):
        return f"{shape} on {channels} channels"
    return linear.filter_limits(node, shape[0])


def output_shapes(node: Node) -> Sequence[Shape]:
    """(B, OH, OW, OC)."""
    return [(node.need(0).shape[0], *window_of(node).output, node.need(1).shape[0])]


def _patches(x: Array, win: Window) -> Array:
    """(M, OH, OW, KH * KW * C) float64 of a padded input (M, H, W, C)."""
    taps = [tap(x, win, ky, kx) for ky in range(win.size[0]) for kx in range(win.size[1])]
    return np.concatenate(taps, axis=3)


def _accumulate(x: Array, filters: Array, win: Window) -> Array:
    """Exact sums (M, OH, OW, OC) int64: float64 holds every product and sum of fewer than 2**37 terms."""
    groups = x.shape[3] // filters.shape[3]
    per_group = filters.shape[0] // groups
    sums = []
    for g in range(groups):
        channels = slice(g * filters.shape[3], (g + 1) * filters.shape[3])
        kernel = filters[g * per_group : (g + 1) * per_group].reshape(per_group, -1).astype(np.float64)
        sums.append(_patches(x[..., channels], win) @ kernel.T)
    return np.concatenate(sums, axis=3).astype(np.int64)


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, B, OH, OW, OC)."""
    win, filters = window_of(node), node.constant(1)
    x = inputs[0].reshape(-1, *node.need(0).shape[1:])
    multipliers, shifts = linear.channel_multipliers(node)
    step = max(1, CHUNK_BYTES // (8 * math.prod(win.output) * filters[0].size))
    parts = []
    for start in range(0, len(x), step):
        chunk = pad(x[start : start + step].astype(np.float64) - node.need(0).zero_point, win, 0.0)
        parts.append(linear.finish(node, _accumulate(chunk, filters, win), multipliers, shifts))
    shape = node.output.shape
    return [np.concatenate(parts).reshape(len(inputs[0]), *shape)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of conv2d_s8."""
    return lower_filters(node, node.constant(1), window_of(node))


def scratch_bytes(node: Node) -> int:
    """Two pixels' windows."""
    return filters_scratch_bytes(node, node.need(1).shape)


def overlap(node: Node, number: int) -> int | None:
    """How far ahead of its input the output has to begin."""
    return filters_overlap(node, number, node.need(1).shape, window_of(node))


def proofs(node: Node) -> Sequence[tuple[Channels, Form]]:
    """What its requantization rests on."""
    return filter_proofs(node, node.constant(1).reshape(node.output.shape[3], -1))


def macs(node: Node) -> int:
    """Outputs times the filter's taps, those over the padding too."""
    return node.output.size * math.prod(node.need(1).shape[1:])


def work(node: Node) -> Mapping[str, int]:
    """The inputs that are copied to windows."""
    windows = node.output.size // node.output.shape[3]
    return {"gathered": windows * math.prod(node.need(1).shape[1:3]) * node.need(0).shape[3]}


OPERATOR = Operator(
    options={
        "padding": Field(0, "int8"),
        "stride_w": Field(1),
        "stride_h": Field(2),
        "activation": Field(3, "int8"),
        "dilation_w": Field(4, default=1),
        "dilation_h": Field(5, default=1),
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
    work=work,
)

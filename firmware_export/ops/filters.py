"""The kernel conv2d_s8: how convolutions, depthwise ones with several filters for each channel too, are lowered to it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..graph import Array, Node
from . import linear
from .spec import Constant, KernelCall, Param, Shape
from .window import Window

PIXELS, CHANNELS, SUM_BYTES = 2, 4, 4
"""What the kernel computes at a time."""


def lower_filters(node: Node, filters: Array, win: Window) -> Sequence[KernelCall]:
    """One call of conv2d_s8 for filters int8 (OC, KH, KW, IC); with IC < C in C / IC groups."""
    multipliers, shifts = linear.channel_multipliers(node)
    groups = node.need(0).shape[3] // filters.shape[3]
    flat = filters.reshape(len(filters), -1)
    name = node.need(1).name
    params: dict[str, Param] = {
        "input": node.need(0).shape,
        "filter": filters.shape,
        "output": node.output.shape,
        "stride": win.stride,
        "dilation": win.dilation,
        "pad": win.pad,
        "groups": groups,
        "pad_value": node.need(0).zero_point,
        **linear.folded_params(node, flat, multipliers, shifts),
        "weights": Constant(
            "weights",
            linear.side_by_side(flat, CHANNELS, groups),
            f"'{name}' {filters.shape}, {CHANNELS} channels side by side",
        ),
    }
    return [KernelCall("conv2d_s8", params, (node.need(0),), node.output, scratch=True)]


def filters_scratch_bytes(node: Node, filter_shape: Shape) -> int:
    """Two pixels' sums of one group's channels, int32, and their windows."""
    groups = node.need(0).shape[3] // filter_shape[3]
    return PIXELS * (SUM_BYTES * (filter_shape[0] // groups) + math.prod(filter_shape[1:]))


def filters_overlap(node: Node, number: int, filter_shape: Shape, win: Window) -> int | None:
    return None

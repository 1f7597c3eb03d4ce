"""Filters as the fast kernels take them: laid out for their loops, the input's zero point in the bias.

And conv2d_s8, to which convolutions are lowered, and depthwise ones with several filters for each channel too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import linear
from .arithmetic import Int, wrap_int32
from .overlap import safe_distance
from .spec import Constant, KernelCall, Param, Shape
from .window import Window, first_bytes

PIXELS, CHANNELS, SUM_BYTES = 2, 4, 4
"""conv2d_s8 takes so many pixels and channels at a time, and keeps sums of int32."""
LEAST_MULTIPLIER = 1 << 30


def folded_params(
    node: Node, weights: Array, multipliers: Int, shifts: Int, width: int = 1, groups: int = 1
) -> dict[str, Param]:
    """The kernel parameters from output_offset to shift, for kernels whose sums are those of input times weight alone.

    The sum of (input - zero point) * weight is that of input * weight less zero point * (sum of weights), modulo 2**32.

    Args:
        node: the operator.
        weights: int8 (channels, taps), channel after channel.
        multipliers: as `linear.channel_multipliers` gives them.
        shifts: likewise.
        width: as in `side_by_side`.
        groups: likewise.
    """
    bias, zero_point = node.input(2), node.need(0).zero_point
    folded = wrap_int32(linear.constant_bias(node) - zero_point * weights.astype(np.int64).sum(axis=1))
    # A factor of 0 gives what a sum of 0 gives; the kernels need a multiplier of 2**30 or more.
    dead = multipliers == 0
    folded, weights = np.where(dead, 0, folded), np.where(dead[:, None], 0, weights).astype(np.int8)
    low, high = linear.output_range(node)
    name = "" if bias is None else f"'{bias.name}' "
    order = f", {width} channels side by side" if width > 1 else ", channel after channel"
    return {
        "output_offset": node.output.zero_point,
        "activation_min": low,
        "activation_max": high,
        "per_channel": int(len(multipliers) > 1),
        "weights": Constant(
            "weights", side_by_side(weights, width, groups), f"'{node.need(1).name}' {node.need(1).shape}{order}"
        ),
        "bias": Constant("bias", folded.astype(np.int32), f"{name}less input zero point * sum of weights"),
        "multiplier": Constant(
            "multiplier",
            np.where(dead, LEAST_MULTIPLIER, multipliers).astype(np.int32),
            "input * weight / output scale",
        ),
        "shift": Constant("shift", shifts.astype(np.int8), "as multiplier * 2^(shift - 31)"),
    }


def side_by_side(weights: Array, width: int, groups: int = 1) -> Array:
    """int8 weights (channels, taps) as the kernels read them, flat.

    In each group of channels `width` of them lie side by side, tap by tap, then the next `width`; what remains of the
    group comes channel after channel.
    """
    parts: list[Array] = []
    for group in np.split(weights, groups):
        whole = len(group) // width * width
        blocks = group[:whole].reshape(-1, width, group.shape[1])
        parts += [blocks.transpose(0, 2, 1).reshape(-1), group[whole:].reshape(-1)]
    return np.concatenate(parts)


def lower_filters(node: Node, filters: Array, win: Window) -> Sequence[KernelCall]:
    """One call of conv2d_s8 for filters int8 (OC, KH, KW, IC); with IC < C in C / IC groups."""
    multipliers, shifts = linear.channel_multipliers(node)
    groups = node.need(0).shape[3] // filters.shape[3]
    params: dict[str, Param] = {
        "input": node.need(0).shape,
        "filter": filters.shape,
        "output": node.output.shape,
        "stride": win.stride,
        "dilation": win.dilation,
        "pad": win.pad,
        "groups": groups,
        "pad_value": node.need(0).zero_point,
        **folded_params(node, filters.reshape(len(filters), -1), multipliers, shifts, CHANNELS, groups),
    }
    return [KernelCall("conv2d_s8", params, (node.need(0),), node.output, scratch=True)]


def filters_scratch_bytes(node: Node, filter_shape: Shape) -> int:
    """Two pixels' sums of one group's channels, int32, and their windows."""
    groups = node.need(0).shape[3] // filter_shape[3]
    return PIXELS * (SUM_BYTES * (filter_shape[0] // groups) + math.prod(filter_shape[1:]))


def filters_overlap(node: Node, number: int, filter_shape: Shape, win: Window) -> int | None:
    """How far before the input the output has to begin; with groups, each of which reads it anew, they lie apart."""
    if number != 0 or filter_shape[3] != node.need(0).shape[3]:
        return None
    reads = first_bytes(node.need(0).shape, win).reshape(-1)
    pairs = -(-len(reads) // PIXELS)
    filled = np.full(pairs * PIXELS, reads[-1])
    filled[: len(reads)] = reads
    written = np.minimum((np.arange(pairs) + 1) * PIXELS, len(reads)) * node.output.shape[3]
    return safe_distance(filled.reshape(pairs, PIXELS).min(axis=1), written)

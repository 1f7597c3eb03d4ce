"""Filters as the fast kernels take them: laid out for their loops, the input's zero point in the bias.

And conv2d_s8, to which convolutions are lowered, and depthwise ones with several filters for each channel too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Array, Node
from . import linear
from .arithmetic import INT8_MAX, INT8_MIN, wrap_int32
from .overlap import safe_distance
from .packed import EXACT, PLAIN, Requant, folded_bias, requantization
from .spec import Constant, KernelCall, Param, Shape
from .window import Window, first_bytes

if TYPE_CHECKING:
    from ..requant import Channels, Form

PIXELS, CHANNELS, SUM_BYTES = 2, 4, 4
"""conv2d_s8 takes so many pixels and channels at a time, and keeps sums of int32."""


def folded_params(node: Node, weights: Array, width: int = 1, groups: int = 1) -> dict[str, Param]:
    """The kernel parameters from form to shift, for kernels whose sums are those of input times weight alone.

    The sum of (input - zero point) * weight is that of input * weight less zero point * (sum of weights), modulo 2**32.

    Args:
        node: the operator.
        weights: int8 (channels, taps), channel after channel.
        width: as in `side_by_side`.
        groups: likewise.
    """
    order = f", {width} channels side by side" if width > 1 else ", channel after channel"
    return {
        **_requant_params(node, weights),
        "weights": Constant(
            "weights", side_by_side(weights, width, groups), f"'{node.need(1).name}' {node.need(1).shape}{order}"
        ),
    }


def _requant_params(node: Node, weights: Array) -> dict[str, Param]:
    """How sums become outputs: by the short form that is proved, else by the reference kernel's own arithmetic."""
    low, high = linear.output_range(node)
    requant = requantization(node, weights, PLAIN, ())
    if requant is None:
        requant = _exact(node, weights)
    elif not any(form.clamps for _, form in requant.proofs):
        low, high = INT8_MIN, INT8_MAX
    bias = node.input(2)
    name = "" if bias is None else f"'{bias.name}' "
    return {
        "form": requant.form,
        "activation_min": low,
        "activation_max": high,
        "bias": Constant(
            "bias", wrap_int32(requant.bias).astype(np.int32), f"{name}less input zero point * sum of weights"
        ),
        "multiplier": Constant("multiplier", requant.multiplier.astype(np.int32), "input * weight / output scale"),
        "constant": Constant("constant", requant.constant.astype(np.int32), "rounding and output zero point"),
        "shift": Constant("shift", requant.shift.astype(np.int8), "right shift; of the exact form 2^(shift - 31)"),
    }


def filter_proofs(node: Node, weights: Array) -> Sequence[tuple[Channels, Form]]:
    """What the requantization in `folded_params` rests on: nothing where it is TensorFlow Lite's own."""
    requant = requantization(node, weights, PLAIN, ())
    return requant.proofs if requant else ()


def _exact(node: Node, weights: Array) -> Requant:
    """Nothing is proved: the zero point is the constant, multiplier and shift are TensorFlow Lite's own."""
    bias = folded_bias(node, weights)
    multipliers, shifts = (np.broadcast_to(table, bias.shape) for table in linear.channel_multipliers(node))
    return Requant(EXACT, bias, multipliers, np.full_like(bias, node.output.zero_point), shifts, ())


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
        **folded_params(node, filters.reshape(len(filters), -1), CHANNELS, groups),
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

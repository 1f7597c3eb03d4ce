"""What convolutions and FULLY_CONNECTED share: multiply, accumulate, add the bias, requantize, clamp."""

from __future__ import annotations

import numpy as np

from ..graph import Array, Node, Tensor
from .arithmetic import (
    INT8_MAX,
    INT8_MIN,
    Int,
    activation_range,
    clamp_int8,
    quantize_multiplier,
    requantize,
    wrap_int32,
)
from .spec import Constant, Param, Shape

MAX_FACTOR = 2.0**30
"""A factor between scales that still is a shift of at most 30."""
MAX_DIFFERENCE = 255
"""The largest difference between an int8 value and its zero point."""
MAX_TAPS = 65_000
"""With so many products of up to 128 * 255 a sum stays below 2**31, whatever the weights are."""


def channel_multipliers(node: Node) -> tuple[Int, Int]:
    """(multipliers, shifts) of input scale * filter scale / output scale: one each, or one for every output channel.

    The product is computed in float64, as TFLite Micro does.
    """
    quant = node.need(1).quant
    scales = quant.scale if quant else ()
    return _pairs([node.need(0).scale * s / node.output.scale for s in scales])


def _pairs(reals: list[float]) -> tuple[Int, Int]:
    pairs = np.array([quantize_multiplier(real) for real in reals], np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def finish(node: Node, acc: Int, multipliers: Int, shifts: Int) -> Array:
    """int8 outputs from accumulators (..., channels) without bias."""
    scaled = requantize(wrap_int32(acc + constant_bias(node)), multipliers, shifts) + node.output.zero_point
    return clamp_int8(scaled, *output_range(node))


def constant_bias(node: Node) -> Int:
    """int64 (channels,), or (1,) of 0 where the file has none or an operator computes it.

    Files give it other shapes too, like (1, 1, 1, channels); only its order counts, as in TFLite Micro.
    """
    bias = node.input(2)
    if bias is None or bias.data is None:
        return np.zeros(1, np.int64)
    return bias.data.reshape(-1).astype(np.int64)


def output_range(node: Node) -> tuple[int, int]:
    """The int8 range that the fused activation leaves."""
    return activation_range(node.integer("activation"), node.output.scale, node.output.zero_point)


def only_saturated(node: Node) -> str | None:
    """the fused activation must leave the whole range of int8"""
    found = output_range(node)
    return None if found == (INT8_MIN, INT8_MAX) else f"{found}"


def params(node: Node, multipliers: Int, shifts: Int) -> dict[str, Param]:
    """The kernel parameters that all linear operators have: offsets, clamp, and the four tables."""
    low, high = output_range(node)
    weights = node.need(1)
    bias = node.input(2)
    has_bias = bias is not None and bias.data is not None
    return {
        "input_offset": -node.need(0).zero_point,
        "output_offset": node.output.zero_point,
        "activation_min": low,
        "activation_max": high,
        "per_channel": int(len(multipliers) > 1),
        "weights": Constant("weights", node.constant(1), f"'{weights.name}' {weights.shape}"),
        "bias": Constant("bias", node.constant(2), f"'{node.need(2).name}'") if has_bias else None,
        "multiplier": Constant("multiplier", multipliers.astype(np.int32), "input * weight / output scale"),
        "shift": Constant("shift", shifts.astype(np.int8), "as multiplier * 2^(shift - 31)"),
    }


def scales_in_range(node: Node) -> str | None:
    """the output's scale must be positive, and the factor from the input's to it below 2**30"""
    filters = node.input(1)
    widest = max(filters.quant.scale) if filters is not None and filters.quant is not None else 1.0
    if node.output.scale > 0 and node.need(0).scale * widest / node.output.scale < MAX_FACTOR:
        return None
    return f"{node.need(0).scale:g} to {node.output.scale:g}"


def filter_limits(node: Node, channels: int, axes: tuple[int, ...] = (0,)) -> str | None:
    """What is wrong with a filter with `channels` output channels along `axes`, or None: scales, biases, sums."""
    filters, bias = node.need(1), node.input(2)
    if bias is not None and bias.size != channels:
        return f"{bias.size} biases for {channels} channels"
    count = len(filters.quant.scale) if filters.quant else 0
    if count not in (1, channels):
        return f"{count} scales for {channels} channels"
    if count > 1 and filters.quant and not _is_axis(filters.quant.axis, filters.shape, channels):
        return f"{count} scales along axis {filters.quant.axis}"
    return _sum_too_large(filters, axes) if filters.size // channels > MAX_TAPS else None


def _sum_too_large(filters: Tensor, axes: tuple[int, ...]) -> str | None:
    """What is wrong where the sum of so many products may leave int32, or None."""
    if filters.data is None:
        return f"{filters.size:,} computed weights"
    others = tuple(i for i in range(len(filters.shape)) if i not in axes)
    largest = int(np.abs(filters.data.astype(np.int64)).sum(axis=others).max()) * MAX_DIFFERENCE
    return f"weights that may add up to {largest:,}" if largest >= 2**31 else None


def _is_axis(axis: int, shape: Shape, extent: int) -> bool:
    return 0 <= axis < len(shape) and shape[axis] == extent

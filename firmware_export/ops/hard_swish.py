"""HARD_SWISH: x * min(6, max(0, x + 3)) / 6, in 16-bit fixed point.

Source: TFLite's int8 HardSwish (reference/hard_swish.h) and TFLite Micro's HardSwishPrepare, which divides scales in
float64 (TFLite 2.14 in float32).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Node
from .arithmetic import Int, clamp_int8, quantize_multiplier
from .lookup import lookup_operator

INT16_MIN, INT16_MAX = -(2**15), 2**15 - 1
HIRES = 7
"""Bits that a difference of int8 values is shifted to the left, to fill 16 bits."""
RELUISH_SCALE = 3 / 2**15
"""The real value of one step, where 3.0 is 2**15."""


def multiplier_16(real: float) -> tuple[int, int]:
    """(multiplier, exponent) with real ~ multiplier * 2**(exponent - 15). Source: DownScaleInt32ToInt16Multiplier."""
    multiplier, exponent = quantize_multiplier(real)
    return min((multiplier + (1 << 15)) >> 16, INT16_MAX), exponent


def hires_scale(node: Node) -> float:
    """The scale of the shifted input."""
    return node.need(0).scale / (1 << HIRES)


def output_scaling(node: Node) -> tuple[int, int]:
    """From the shifted input to the output's scale."""
    return multiplier_16(hires_scale(node) / node.output.scale)


def reluish_scaling(node: Node) -> tuple[int, int]:
    """From the shifted input to RELUISH_SCALE."""
    return multiplier_16(hires_scale(node) / RELUISH_SCALE)


def scales_in_range(node: Node) -> str | None:
    """the input's scale must be below 128 output scales and below 2**24"""
    scale, out = node.need(0).scale, node.output.scale
    return None if scale < min(2.0**24, (1 << HIRES) * out) else f"{scale:g} to {out:g}"


def high_mul_16(a: Int, b: int) -> Int:
    """round(a * b / 2**15), halves towards +infinity, saturated to int16. Source: SaturatingRoundingDoublingHighMul."""
    return np.asarray(np.minimum((a * b + (1 << 14)) >> 15, INT16_MAX))


def wrap_int16(x: Int | np.int64) -> Int:
    """`x` modulo 2**16 as a signed number, int64: what a 16-bit variable keeps."""
    return np.asarray(x.astype(np.int16).astype(np.int64))


def divide_16(x: Int, exponent: int) -> Int:
    """round(x / 2**exponent), halves away from zero, for `exponent` below 16.

    Source: RoundingDivideByPOT of int16, whose mask has 16 bits: from exponent 16 on it makes 1 of x >= 0, else -1.
    """
    mask = wrap_int16(np.int64((1 << exponent) - 1))
    threshold = (mask >> 1) + (x < 0)
    return np.asarray((x >> exponent) + ((x & mask) > threshold))


def shift_left_16(x: Int, bits: int) -> Int:
    """x * 2**bits, saturated to int16."""
    return np.asarray(np.clip(x << bits, INT16_MIN, INT16_MAX))


def gate(node: Node, hires: Int) -> Int:
    """min(1, max(0, x / 6 + 1 / 2)) as Q0.15; the last bit of a left shift comes after the multiplication."""
    multiplier, exponent = reluish_scaling(node)
    scaled = high_mul_16(shift_left_16(hires, max(exponent - 1, 0)), multiplier)
    scaled = shift_left_16(scaled, 1) if exponent > 0 else divide_16(scaled, -exponent)
    return (scaled + (1 << 15)) >> 1


def formula(node: Node, x: Int) -> npt.NDArray[np.int8]:
    """The input at the output's scale, times the gate (rounded towards 0), shifted and clamped."""
    multiplier, exponent = output_scaling(node)
    hires = (x - node.need(0).zero_point) << HIRES
    product = gate(node, hires) * high_mul_16(hires, multiplier)
    gated = np.sign(product) * (np.abs(product) >> 15)
    return clamp_int8(wrap_int16(divide_16(gated, -exponent) + node.output.zero_point))


OPERATOR = lookup_operator(formula, scales_in_range)

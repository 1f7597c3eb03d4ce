"""The integer maths that operators share, bit-exact with TensorFlow Lite Micro's reference kernels.

Source: gemmlowp's fixed-point arithmetic (https://github.com/google/gemmlowp, fixedpoint/fixedpoint.h) and TFLite's
quantization specification (https://ai.google.dev/edge/litert/models/quantization_spec). Every function that takes
arrays works on any shape.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Int: TypeAlias = npt.NDArray[Any]
"""Integers of any width; int64 unless a function says otherwise."""
INT8_MIN, INT8_MAX = -128, 127
NONE, RELU, RELU_N1_TO_1, RELU6 = range(4)
"""Fused activations, as the schema numbers them."""
ACTIVATIONS = (NONE, RELU, RELU_N1_TO_1, RELU6)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """(multiplier, shift) with real ~ multiplier * 2**(shift - 31) and multiplier in [2**30, 2**31), or (0, 0).

    Source: TFLite QuantizeMultiplier: halves round away from zero; below 2**-32 everything is zero.
    """
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def wrap_int32(x: Int) -> Int:
    """`x` modulo 2**32 as a signed number, int64: what a 32-bit register keeps."""
    return x.astype(np.int64).astype(np.int32).astype(np.int64)


def high_mul(a: Int, b: Int | int) -> Int:
    """round(a * b / 2**31), halves towards +infinity, saturated to int32; int64.

    `a` and `b` hold int32 values. Source: gemmlowp SaturatingRoundingDoublingHighMul: its nudge and its division that
    truncates are together this floor.
    """
    return np.asarray(np.minimum((a.astype(np.int64) * b + (1 << 30)) >> 31, 2**31 - 1))


def divide_by_power_of_two(x: Int, exponent: Int | int) -> Int:
    """round(x / 2**exponent), halves away from zero; int64. Exponents are 0 to 31. Source: RoundingDivideByPOT."""
    shift = np.asarray(exponent, np.int64)
    half = (np.int64(1) << shift) >> 1
    wide = np.asarray(x, np.int64)
    return np.asarray((wide + half - ((wide < 0) & (shift > 0))) >> shift, np.int64)


def requantize(x: Int, multiplier: Int | int, shift: Int | int) -> Int:
    """x * multiplier * 2**(shift - 31), rounded twice; int64 within int32.

    `multiplier` and `shift` broadcast along the last axis (one per channel). Source: MultiplyByQuantizedMultiplier
    with double rounding; x << shift wraps, as it does in a 32-bit register.
    """
    shifts = np.asarray(shift, np.int64)
    shifted = wrap_int32(x.astype(np.int64) << np.maximum(shifts, 0))
    return divide_by_power_of_two(high_mul(shifted, np.asarray(multiplier, np.int64)), np.maximum(-shifts, 0))


def clamp_int8(x: Int, low: int = INT8_MIN, high: int = INT8_MAX) -> npt.NDArray[np.int8]:
    """`x` limited to [low, high], as int8."""
    return np.clip(x, low, high).astype(np.int8)


def activation_range(activation: int, scale: float, zero_point: int) -> tuple[int, int]:
    """The int8 range (low, high) that a fused activation leaves of an output with this scale and zero point.

    Source: TFLite CalculateActivationRangeQuantized; the division is in float32.
    """

    def quantized(real: float) -> int:
        return zero_point + round_half_away(float(np.float32(real) / np.float32(scale)))

    low, high = INT8_MIN, INT8_MAX
    if activation in (RELU, RELU6):
        low = max(low, quantized(0.0))
    if activation == RELU6:
        high = min(high, quantized(6.0))
    if activation == RELU_N1_TO_1:
        low, high = max(low, quantized(-1.0)), min(high, quantized(1.0))
    return low, high


def integer_activation_range(activation: int, limits: np.iinfo[Any]) -> tuple[int, int]:
    """The range (low, high) that a fused activation leaves of plain integers with these limits.

    Source: TFLite CalculateActivationRange.
    """
    ranges = {RELU: (0, int(limits.max)), RELU_N1_TO_1: (-1, 1), RELU6: (0, 6)}
    return ranges.get(activation, (int(limits.min), int(limits.max)))


def round_half_away(real: float) -> int:
    """`real` rounded to the nearest integer, halves away from zero, as C's round()."""
    return int(math.copysign(math.floor(abs(real) + 0.5), real))


def input_radius(integer_bits: int, left_shift: int, total_bits: int = 31) -> int:
    """The largest difference that still fits after scaling. Source: TFLite CalculateInputRadius."""
    return math.floor(((1 << integer_bits) - 1) * float(1 << (total_bits - integer_bits)) / float(1 << left_shift))

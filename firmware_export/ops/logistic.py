"""LOGISTIC: 1 / (1 + exp(-x)) in fixed point.

Source: TFLite's int8 logistic: the input as Q4.27, the result as Q0.31 rounded to 8 bits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..graph import Node
from . import fixedpoint
from .arithmetic import (
    INT8_MAX,
    INT8_MIN,
    Int,
    clamp_int8,
    divide_by_power_of_two,
    input_radius,
    quantize_multiplier,
    requantize,
)
from .lookup import lookup_operator

INPUT_BITS, OUTPUT_BITS = 4, 8


def scaling(node: Node) -> tuple[int, int]:
    """(multiplier, shift) that make Q4.27 of an input value."""
    return quantize_multiplier(node.need(0).scale * (1 << (31 - INPUT_BITS)))


def scale_in_range(node: Node) -> str | None:
    """the input's scale must be between 2**-28 and 2**32"""
    return None if 2.0**-28 <= node.need(0).scale <= 2.0**32 else f"{node.need(0).scale:g}"


def lowest_zero_point(node: Node) -> str | None:
    """the output must have zero point -128 (its scale is taken to be 1/256)"""
    return None if node.output.zero_point == INT8_MIN else f"{node.output.zero_point}"


def saturating(
    node: Node, x: Int, function: Callable[[Int], Int], output_bits: int, zero_point: int
) -> npt.NDArray[np.int8]:
    """`function`, from Q4.27 to Q0.31, rounded to `output_bits` fraction bits; beyond Q4.27 the ends of int8."""
    multiplier, shift = scaling(node)
    radius = input_radius(INPUT_BITS, shift)
    centred = x - node.need(0).zero_point
    inside = np.abs(centred) < radius
    q4 = requantize(np.where(inside, centred, 0), multiplier, shift)
    result = divide_by_power_of_two(function(q4), 31 - output_bits) + zero_point
    return clamp_int8(np.where(inside, result, np.where(centred <= -radius, INT8_MIN, INT8_MAX)))


def formula(node: Node, x: Int) -> npt.NDArray[np.int8]:
    """The logistic function; beyond the range of Q4.27 it is 0 or 255/256."""
    return saturating(node, x, lambda q4: fixedpoint.logistic(q4, INPUT_BITS), OUTPUT_BITS, INT8_MIN)


OPERATOR = lookup_operator(formula, lowest_zero_point, scale_in_range)

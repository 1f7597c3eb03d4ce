"""LOGISTIC: 1 / (1 + exp(-x)) in fixed point.

Source: TFLite's int8 logistic: the input as Q4.27, the result as Q0.31 rounded to 8 bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Node
from . import fixedpoint
from .arithmetic import Int, clamp_int8, divide_by_power_of_two, input_radius, quantize_multiplier, requantize
from .lookup import lookup_operator
from .softmax import probabilities

INPUT_BITS, OUTPUT_BITS = 4, 8


def scaling(node: Node) -> tuple[int, int]:
    """(multiplier, shift) that make Q4.27 of an input value."""
    return quantize_multiplier(node.need(0).scale * (1 << (31 - INPUT_BITS)))


def scale_in_range(node: Node) -> str | None:
    """the input's scale must be above 2**-28"""
    return None if scaling(node)[1] >= 0 else f"{node.need(0).scale:g}"


def formula(node: Node, x: Int) -> npt.NDArray[np.int8]:
    """The logistic function; beyond the range of Q4.27 it is 0 or 255/256."""
    multiplier, shift = scaling(node)
    radius = input_radius(INPUT_BITS, shift)
    centred = x - node.need(0).zero_point
    inside = np.abs(centred) < radius
    q4 = requantize(np.where(inside, centred, 0), multiplier, shift)
    result = divide_by_power_of_two(fixedpoint.logistic(q4, INPUT_BITS), 31 - OUTPUT_BITS) - 128
    return clamp_int8(np.where(inside, result, np.where(centred < 0, -128, 127)))


OPERATOR = lookup_operator(formula, probabilities, scale_in_range)

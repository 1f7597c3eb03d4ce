"""LEAKY_RELU: values below 0 are multiplied by alpha, whatever its size or sign; each side is rescaled on its own.

Source: TFLite Micro's CalculateOpDataLeakyRelu, with both factors in float64 (TFLite 2.14 computes them in float32).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..graph import Node
from .arithmetic import Int, clamp_int8, quantize_multiplier, requantize
from .linear import MAX_FACTOR
from .lookup import lookup_operator
from .spec import Field


def factors_in_range(node: Node) -> str | None:
    """alpha must be finite, and the input's scale, alone and times alpha, below 2**30 output scales"""
    alpha, scale, out = node.number("alpha"), node.need(0).scale, node.output.scale
    if math.isfinite(alpha) and scale * max(1.0, abs(alpha)) < MAX_FACTOR * out:
        return None
    return f"alpha {alpha:g}, {scale:g} to {out:g}"


def formula(node: Node, x: Int) -> npt.NDArray[np.int8]:
    """x where it is positive, else alpha * x; rescaled and clamped."""
    scale, out = node.need(0).scale, node.output.scale
    centred = x - node.need(0).zero_point
    negative = quantize_multiplier(scale * node.number("alpha") / out)
    positive = quantize_multiplier(scale / out)
    scaled = np.where(centred < 0, requantize(centred, *negative), requantize(centred, *positive))
    return clamp_int8(scaled + node.output.zero_point)


OPERATOR = lookup_operator(formula, factors_in_range, options={"alpha": Field(0, "float32", 0.0)})

"""QUANTIZE from int8 to int8: another scale and zero point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Node
from .arithmetic import Int, clamp_int8, quantize_multiplier, requantize
from .linear import scales_in_range
from .lookup import lookup_operator


def rescale(node: Node, x: Int) -> Int:
    """`x` in the output's quantization, before it is clamped; int64. Source: TFLite Requantize."""
    pair = quantize_multiplier(node.need(0).scale / node.output.scale)
    return np.asarray(requantize(x - node.need(0).zero_point, *pair) + node.output.zero_point)


def formula(node: Node, x: Int) -> npt.NDArray[np.int8]:
    """Rescaled and clamped."""
    return clamp_int8(rescale(node, x))


OPERATOR = lookup_operator(formula, scales_in_range)

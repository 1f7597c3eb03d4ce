"""RELU_N1_TO_1 as an operator of its own: rescales, then limits to [-1, 1].

TFLite Micro has no such operator; TFLite 2.14 is followed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Node
from .arithmetic import RELU_N1_TO_1, Int, activation_range, clamp_int8
from .linear import scales_in_range
from .lookup import lookup_operator
from .quantize import rescale


def formula(node: Node, x: Int) -> npt.NDArray[np.int8]:
    """min(1, max(-1, real)), in the output's quantization."""
    return clamp_int8(rescale(node, x), *activation_range(RELU_N1_TO_1, node.output.scale, node.output.zero_point))


OPERATOR = lookup_operator(formula, scales_in_range)

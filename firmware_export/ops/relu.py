"""RELU as an operator of its own: rescales, then cuts below the output's zero point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Node
from .arithmetic import RELU, Int, activation_range, clamp_int8
from .linear import scales_in_range
from .lookup import lookup_operator
from .quantize import rescale


def formula(node: Node, x: Int) -> npt.NDArray[np.int8]:
    """max(0, real), in the output's quantization."""
    return clamp_int8(rescale(node, x), *activation_range(RELU, node.output.scale, node.output.zero_point))


OPERATOR = lookup_operator(formula, scales_in_range)

"""RELU6 as an operator of its own: rescales, then limits to [0, 6].

TFLite Micro forgets to rescale where input and output differ in scale; here TFLite 2.14 is followed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Node
from .arithmetic import RELU6, Int, activation_range, clamp_int8
from .linear import scales_in_range
from .lookup import lookup_operator
from .quantize import rescale


def formula(node: Node, x: Int) -> npt.NDArray[np.int8]:
    """min(6, max(0, real)), in the output's quantization."""
    return clamp_int8(rescale(node, x), *activation_range(RELU6, node.output.scale, node.output.zero_point))


OPERATOR = lookup_operator(formula, scales_in_range)

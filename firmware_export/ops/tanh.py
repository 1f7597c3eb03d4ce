"""TANH in fixed point.

Source: TFLite's int8 tanh: the input as Q4.27, the result as Q0.31 rounded to Q0.7, whatever the output's scale and
zero point say (converters make them 1/128 and 0).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Node
from . import fixedpoint
from .arithmetic import Int
from .logistic import INPUT_BITS, saturating, scale_in_range
from .lookup import lookup_operator

OUTPUT_BITS = 7


def formula(node: Node, x: Int) -> npt.NDArray[np.int8]:
    """The hyperbolic tangent; beyond the range of Q4.27 it is -1 or 127/128."""
    return saturating(node, x, lambda q4: fixedpoint.tanh(q4, INPUT_BITS), OUTPUT_BITS, 0)


OPERATOR = lookup_operator(formula, scale_in_range)

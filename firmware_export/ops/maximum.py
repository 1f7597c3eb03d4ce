"""MAXIMUM of two int8 tensors, value by value; broadcasts. As in TFLite, scales and zero points play no part."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Node
from .arithmetic import Int, clamp_int8
from .broadcast import broadcast_operator, loops
from .spec import KernelCall


def formula(node: Node, first: Int, second: Int) -> npt.NDArray[np.int8]:
    """The maximum of both."""
    return clamp_int8(np.maximum(first, second))


def call(node: Node) -> KernelCall:
    """One call of maximum_s8."""
    first, second = node.need(0), node.need(1)
    return KernelCall("maximum_s8", {"broadcast": loops(first, second)}, (first, second), node.output)


OPERATOR = broadcast_operator(formula, call, integers=np.maximum)

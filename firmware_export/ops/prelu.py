"""PRELU: positive values rescaled, negative ones times alpha, a second int8 tensor that broadcasts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Node
from . import linear
from .arithmetic import Int, clamp_int8, quantize_multiplier, requantize
from .broadcast import broadcast_operator, loops
from .mul import factor
from .spec import KernelCall, Param


def identity(node: Node) -> float:
    """How many steps of the output one step of the input is. Source: TFLite's PreluPrepare, in float64."""
    return node.need(0).scale / node.output.scale


def scales_in_range(node: Node) -> str | None:
    """the input's scale, alone and times alpha's, must be below 2**30 output scales"""
    if max(identity(node), factor(node)) < linear.MAX_FACTOR:
        return None
    return f"{node.need(0).scale:g} and {node.need(1).scale:g} to {node.output.scale:g}"


def formula(node: Node, x: Int, alpha: Int) -> npt.NDArray[np.int8]:
    """x where it is positive, else x * alpha; rescaled and clamped."""
    centred = x - node.need(0).zero_point
    product = centred * (alpha - node.need(1).zero_point)
    positive = requantize(centred, *quantize_multiplier(identity(node)))
    negative = requantize(product, *quantize_multiplier(factor(node)))
    return clamp_int8(np.where(centred >= 0, positive, negative) + node.output.zero_point)


def call(node: Node) -> KernelCall:
    """One call of prelu_s8."""
    x, alpha = node.need(0), node.need(1)
    positive, negative = quantize_multiplier(identity(node)), quantize_multiplier(factor(node))
    params: dict[str, Param] = {
        "broadcast": loops(x, alpha),
        "input_offset": -x.zero_point,
        "alpha_offset": -alpha.zero_point,
        "output_offset": node.output.zero_point,
        "positive_multiplier": positive[0],
        "positive_shift": positive[1],
        "negative_multiplier": negative[0],
        "negative_shift": negative[1],
    }
    return KernelCall("prelu_s8", params, (x, alpha), node.output)


OPERATOR = broadcast_operator(formula, call, scales_in_range)

"""MUL: the product of two int8 tensors, requantized; broadcasts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Node
from . import linear, rules
from .arithmetic import Int, clamp_int8, quantize_multiplier, requantize
from .broadcast import broadcast_operator, loops, quantized
from .spec import Field, KernelCall, Param

EXACT_FACTOR = 2.0**14
"""With a shift of at most 14 the shifted product of two differences of 8 bits still fits 32 bits."""
MIN_SHIFT = -22
"""A product of at most 255 * 255 times a factor below 2**-22 rounds to 0, whatever the factor."""


def factor(node: Node) -> float:
    """How many steps of the output one step of the product is. Source: TFLite's MulPrepare, in float64."""
    return node.need(0).scale * node.need(1).scale / node.output.scale


def scales_in_range(node: Node) -> str | None:
    """the product of the scales of two int8 operands must be below 2**30 output scales"""
    if not quantized(node) or factor(node) < linear.MAX_FACTOR:
        return None
    return f"{node.need(0).scale:g} * {node.need(1).scale:g} to {node.output.scale:g}"


def rescaled(node: Node, product: Int) -> Int:
    """The output for a product of two differences to a zero point, before it is clamped; int64."""
    return np.asarray(requantize(product, *quantize_multiplier(factor(node))) + node.output.zero_point)


def formula(node: Node, first: Int, second: Int) -> npt.NDArray[np.int8]:
    """The product, rescaled and clamped."""
    product = (first - node.need(0).zero_point) * (second - node.need(1).zero_point)
    return clamp_int8(rescaled(node, product), *linear.output_range(node))


def call(node: Node) -> KernelCall:
    """One call of mul_s8, or of mul_general_s8 where the shifted product wraps around."""
    first, second = node.need(0), node.need(1)
    multiplier, shift = quantize_multiplier(factor(node))
    low, high = linear.output_range(node)
    params: dict[str, Param] = {
        "broadcast": loops(first, second),
        "first_offset": -first.zero_point,
        "second_offset": -second.zero_point,
        "output_offset": node.output.zero_point,
        "multiplier": multiplier if shift >= MIN_SHIFT else 0,
        "shift": max(shift, MIN_SHIFT),
        "activation_min": low,
        "activation_max": high,
    }
    kernel = "mul_s8" if factor(node) < EXACT_FACTOR else "mul_general_s8"
    return KernelCall(kernel, params, (first, second), node.output)


OPERATOR = broadcast_operator(
    formula,
    call,
    rules.known_activation,
    scales_in_range,
    options={"activation": Field(0, "int8")},
    integers=np.multiply,
)

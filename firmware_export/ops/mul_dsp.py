"""MUL for cores with SIMD instructions: one factor for the product, right for all 65,536 pairs of operands.

    scaled = (product * factor >> 32) + constant;  output = (scaled + (below where product < 0)) >> 16
where product is of two differences to a zero point, each with 7 bits behind the point. TFLite rounds twice, halves away
from zero, so negative products need another constant than positive ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from ..graph import Node
from . import linear, mul
from .addition import INT32_MAX, limits_of, two_constants
from .addition_dsp import word_rows
from .arithmetic import Int
from .broadcast import loops
from .lookup import ALL_INT8
from .spec import KernelCall, Param

PRODUCT_BITS, FACTOR_SHIFT = 14, 34
"""Bits behind the point: of a product, and of a factor, since 32 of 48 are dropped and 16 wanted."""


@dataclass(frozen=True)
class ProductLine:
    """What the kernel computes with; 128 is in the constant, since the kernel saturates to [0, 255]."""

    factor: int
    constant: int
    below: int


def find_product_line(products: Int, wanted: Int, ratio: float) -> ProductLine | None:
    """The numbers that give `wanted`, saturated, for all `products`; None if there are none.

    `ratio` is how many steps of the output one step of the product is, about.
    """
    factor = round(ratio * 2.0**FACTOR_SHIFT)
    if factor > INT32_MAX:
        return None
    limits, scaled = limits_of(wanted + 128, (0, 255), 16), (products << PRODUCT_BITS) * factor >> 32
    found = two_constants(scaled, products < 0, *limits)
    return None if found is None else ProductLine(factor, *found)


def line(node: Node) -> ProductLine | None:
    """The numbers for the products that two int8 can have."""
    first, second = (ALL_INT8 - node.need(number).zero_point for number in (0, 1))
    products = np.unique(first[:, None] * second[None, :])
    return find_product_line(products, mul.rescaled(node, products), mul.factor(node))


def factor_exists(node: Node) -> str | None:
    """there must be a factor that is right for every pair of operands"""
    return "there is none" if line(node) is None else None


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of mul_dsp_s8."""
    found = line(node)
    assert found is not None  # factor_exists
    first, second = node.need(0), node.need(1)
    params: dict[str, Param] = {
        "broadcast": loops(first, second),
        "first_zero": first.zero_point,
        "second_zero": second.zero_point,
        **asdict(found),
    }
    return [KernelCall("mul_dsp_s8", params, (first, second), node.output)]


OPERATOR = replace(
    mul.OPERATOR,
    lower=lower,
    constraints=(*mul.OPERATOR.constraints, word_rows, linear.only_saturated, factor_exists),
    internal=True,
    replaces="MUL",
    dsp=True,
)

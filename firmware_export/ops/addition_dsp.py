"""ADD and SUB for cores with SIMD instructions: factors for halfwords, right for all 65,536 pairs of operands.

    output = (((first << 8) * first_factor >> 16) + ((second << 8) * second_factor >> 16) + constant) >> 16
One instruction multiplies a factor of 32 bits by a halfword, drops 16 bits and adds. As in `addition` the factors are
searched for, and all pairs are compared with what TFLite rounds; where none are right the plain kernel stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from ..graph import Node
from . import linear
from .addition import Sum, limits_of, middle_constant, near
from .arithmetic import Int
from .broadcast import loops, quantized, row_steps
from .lookup import ALL_INT8
from .spec import KernelCall, Operator, Param

SHIFT = 16
"""Bits behind the point of the sum."""
FACTOR_SHIFT = 24
"""Bits behind the point of a factor: operands have 8, and 16 are dropped."""
MAX_RATIO = 127.0
"""Larger ones make a factor of more than 32 bits."""
WORD = 4
"""Elements that the kernel takes at a time."""


@dataclass(frozen=True)
class HalfwordLine:
    """What the kernel computes with; `constant` has 128 in it, since the kernel saturates to [0, 255]."""

    first_factor: int
    second_factor: int
    constant: int


def word_rows(node: Node) -> str | None:
    """both operands must be int8, and what both go through step by step at least 4 elements"""
    if not quantized(node):
        return "integers"
    length, *steps = row_steps(node.need(0), node.need(1))
    return f"rows of {length} in steps of {steps}" if length < WORD or steps != [1, 1] else None


def find_halfword_line(wanted: Int, ratios: tuple[float, float]) -> HalfwordLine | None:
    """Factors and a constant that give `wanted` (256 first operands, 256 second), saturated; None if there are none.

    `ratios` are how many steps of the output one step of each operand is, about.
    """
    if max(map(abs, ratios)) >= MAX_RATIO:
        return None
    limits = limits_of(wanted + 128, (0, 255), SHIFT)
    for factors in near((ratios[0] * 2.0**FACTOR_SHIFT, ratios[1] * 2.0**FACTOR_SHIFT)):
        products = [ALL_INT8 * 256 * factor >> 16 for factor in factors]
        constant = middle_constant(products[0][:, None] + products[1][None, :], *limits)
        if constant is not None:
            return HalfwordLine(*factors, constant)
    return None


def dsp_operator(integers: Operator, kind: str, total: Sum) -> Operator:
    """The operator that takes the place of `kind`, whose declaration is `integers`, where halfwords do."""

    def line(node: Node) -> HalfwordLine | None:
        return find_halfword_line(total.pairs(node), total.ratios(node))

    def factors_exist(node: Node) -> str | None:
        """there must be factors that are right for every pair of operands"""
        return "there are none" if line(node) is None else None

    def lower(node: Node) -> Sequence[KernelCall]:
        """One call of add_dsp_s8."""
        found = line(node)
        assert found is not None  # factors_exist
        operands = node.need(0), node.need(1)
        params: dict[str, Param] = {"broadcast": loops(*operands), **asdict(found)}
        return [KernelCall("add_dsp_s8", params, operands, node.output)]

    constraints = (*integers.constraints, word_rows, linear.only_saturated, factors_exist)
    return replace(integers, lower=lower, constraints=constraints, internal=True, replaces=kind, dsp=True)

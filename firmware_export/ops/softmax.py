"""SOFTMAX over the last axis, in fixed point.

Source: TFLite's int8 softmax: differences to the row's largest value as Q5.26, exp as Q0.31, sums as Q12.19, one
reciprocal per row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import fixedpoint, rules
from .arithmetic import Int, clamp_int8, divide_by_power_of_two, high_mul, input_radius, quantize_multiplier
from .spec import Field, KernelCall, Operator, Param, Shape, in_place

DIFF_BITS, SUM_BITS = 5, 12
"""Integer bits of the scaled differences and of the sum."""
MAX_SUM = 1 << 30
"""Sums are limited to 2048: from 512 on every probability rounds to 0, and there TFLite Micro stops."""


def probabilities(node: Node) -> str | None:
    """the output must have scale 1/256 and zero point -128"""
    out = node.output
    return None if (out.scale, out.zero_point) == (1 / 256, -128) else f"{out.scale:g} and {out.zero_point}"


def scaling(node: Node) -> tuple[int, int]:
    """(multiplier, left shift) that make Q5.26 of a difference. Source: TFLite PreprocessSoftmaxScaling."""
    real = node.number("beta") * node.need(0).scale * (1 << (31 - DIFF_BITS))
    return quantize_multiplier(min(real, 2**31 - 1.0))


def scale_in_range(node: Node) -> str | None:
    """beta must be finite, and beta times the input's scale above 2**-26"""
    if not math.isfinite(node.number("beta")) or node.number("beta") < 0:
        return f"beta is {node.number('beta')}"
    return None if scaling(node)[1] > 0 else f"{node.number('beta') * node.need(0).scale:g}"


def not_empty(node: Node) -> str | None:
    """the input must have an axis, and none of them empty"""
    shape = node.need(0).shape
    return f"{shape}" if not shape or 0 in shape else None


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's."""
    return [node.need(0).shape]


def _leading_zeros(x: Int) -> Int:
    """Of the 32-bit numbers `x` > 0."""
    return 31 - np.floor(np.log2(x.astype(np.float64))).astype(np.int64)


def exponentials(node: Node, differences: Int) -> Int:
    """exp of the scaled differences, which are at most 0, in Q0.31."""
    multiplier, left = scaling(node)
    return fixedpoint.exp_of_negative(high_mul(differences << left, multiplier), DIFF_BITS)


def least_difference(node: Node) -> int:
    """Differences below this one count as nothing."""
    return -input_radius(DIFF_BITS, scaling(node)[1])


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, *shape)."""
    x = inputs[0].astype(np.int64)
    diff = x - x.max(axis=-1, keepdims=True)
    used = diff >= least_difference(node)
    exps = exponentials(node, np.where(used, diff, 0))
    parts = np.where(used, divide_by_power_of_two(exps, SUM_BITS), 0)
    total = np.minimum(parts.sum(axis=-1, keepdims=True), MAX_SUM)
    headroom = _leading_zeros(total)
    reciprocal = fixedpoint.one_over_one_plus((total << headroom) - (1 << 31))
    raw = divide_by_power_of_two(high_mul(exps, reciprocal), SUM_BITS - headroom + 31 - 8)
    return [clamp_int8(np.where(used, raw - 128, -128))]


def rows(node: Node) -> dict[str, Param]:
    """The kernel parameters that say what is normalised together."""
    return {"rows": math.prod(node.output.shape[:-1]), "depth": node.output.shape[-1]}


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of softmax_s8."""
    multiplier, left = scaling(node)
    params: dict[str, Param] = {
        **rows(node),
        "multiplier": multiplier,
        "left_shift": left,
        "diff_min": least_difference(node),
    }
    return [KernelCall("softmax_s8", params, (node.need(0),), node.output)]


OPERATOR = Operator(
    options={"beta": Field(0, "float32", 0.0)},
    constraints=(rules.int8_first_input, rules.int8_output, probabilities, scale_in_range, not_empty),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
    overlap=in_place,
)

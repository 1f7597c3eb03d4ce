"""exp, the logistic function and tanh in 32-bit fixed point, bit-exact with gemmlowp.

Qm.n is a 32-bit number with m integer bits, n = 31 - m fraction bits and a sign. Source: gemmlowp,
fixedpoint/fixedpoint.h (https://github.com/google/gemmlowp).
"""

from __future__ import annotations

import numpy as np

from .arithmetic import Int, divide_by_power_of_two, high_mul

ONE = 2**31 - 1
"""1.0 in Q0.31, as near as it gets."""
EXP_OF_POWERS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
"""(k, exp(-2**k) in Q0.31)."""


def rescale_left(x: Int, bits: int) -> Int:
    """x * 2**bits, saturated to int32. Source: SaturatingRoundingMultiplyByPOT."""
    return np.asarray(np.clip(x.astype(np.int64) << bits, -(2**31), 2**31 - 1))


def exp_near_minus_eighth(a: Int) -> Int:
    """exp(a) in Q0.31 for `a` in [-1/4, 0), Q0.31: a Taylor series of the fourth degree around -1/8."""
    constant, third = 1895147668, 715827883
    x = a + (1 << 28)
    x2 = high_mul(x, x)
    x3 = high_mul(x2, x)
    x4_over_4 = divide_by_power_of_two(high_mul(x2, x2), 2)
    tail = divide_by_power_of_two(high_mul(x4_over_4 + x3, third) + x2, 1)
    return constant + high_mul(x + tail, constant)


def exp_of_negative(a: Int, integer_bits: int) -> Int:
    """exp(a) in Q0.31 for `a` <= 0 with `integer_bits` (at most 5) integer bits; int64."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    rest = (a & (quarter - 1)) - quarter
    result = exp_near_minus_eighth(rescale_left(rest, integer_bits))
    remainder = rest - a
    for power, factor in EXP_OF_POWERS:
        if integer_bits > power:
            bit = 1 << (fraction_bits + power)
            result = np.where(remainder & bit, high_mul(result, factor), result)
    return np.where(a == 0, ONE, result)


def half_sum(a: Int, b: int) -> Int:
    """(a + b) / 2, halves away from zero. Source: RoundingHalfSum."""
    total = a.astype(np.int64) + b
    biased = total + np.where(total >= 0, 1, -1)
    return np.asarray(np.sign(biased) * (np.abs(biased) >> 1))


def _two_over_one_plus(a: Int) -> Int:
    """2 / (1 + a) in Q2.29 for `a` in [0, 1], Q0.31: three Newton-Raphson steps."""
    half = half_sum(a, ONE)
    x = 1515870810 + high_mul(half, -1010580540)
    for _ in range(3):
        x = x + rescale_left(high_mul(x, (1 << 29) - high_mul(half, x)), 2)
    return x


def one_over_one_plus(a: Int) -> Int:
    """1 / (1 + a) in Q0.31 for `a` in [0, 1], Q0.31."""
    return rescale_left(_two_over_one_plus(a), 1)


def one_minus_over_one_plus(a: Int) -> Int:
    """(1 - a) / (1 + a) in Q0.31 for `a` in [0, 1], Q0.31."""
    return rescale_left(_two_over_one_plus(a) - (1 << 29), 2)


def logistic(a: Int, integer_bits: int) -> Int:
    """1 / (1 + exp(-a)) in Q0.31; `a` has `integer_bits` integer bits."""
    positive = one_over_one_plus(exp_of_negative(-np.abs(a), integer_bits))
    return np.where(a > 0, positive, np.where(a < 0, ONE - positive, 1 << 30))


def tanh(a: Int, integer_bits: int) -> Int:
    """tanh(a) in Q0.31; `a` has `integer_bits` integer bits."""
    positive = one_minus_over_one_plus(exp_of_negative(-np.abs(a), integer_bits + 1))
    return np.where(a > 0, positive, np.where(a < 0, -positive, 0))

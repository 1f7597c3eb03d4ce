"""The vectorised integer maths against the plainest possible definitions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from firmware_export.ops import arithmetic, fixedpoint


def half_away(x: Fraction) -> int:
    return int(math.copysign(math.floor(abs(x) + Fraction(1, 2)), x)) if x else 0


def numbers(count: int) -> list[int]:
    source = np.random.RandomState(1)
    edges = [0, 1, -1, 2**30, -(2**30), 2**31 - 1, -(2**31)]
    return edges + [int(v) for v in source.randint(-(2**31), 2**31 - 1, count)]


def test_high_mul_rounds_halves_up() -> None:
    for a in numbers(200):
        for b in (2**30, 2**31 - 1, 1518500250):
            expected = math.floor(Fraction(a * b, 2**31) + Fraction(1, 2))
            assert int(arithmetic.high_mul(np.array(a), b)) == expected


def test_divide_by_power_of_two_rounds_halves_away() -> None:
    for x in [*numbers(200), 3, -3, 6, -6]:
        for n in (0, 1, 2, 7, 30, 31):
            assert int(arithmetic.divide_by_power_of_two(np.array(x), n)) == half_away(Fraction(x, 2**n))


@pytest.mark.parametrize("real", [0.5, 0.3, 1.0, 3.7, 1e-5, 2.0**-32, 1 - 2.0**-33])
def test_quantize_multiplier(real: float) -> None:
    multiplier, shift = arithmetic.quantize_multiplier(real)
    assert 2**30 <= multiplier < 2**31
    assert abs(multiplier * 2.0 ** (shift - 31) / real - 1) <= 2.0**-31


def test_quantize_multiplier_of_next_to_nothing() -> None:
    assert arithmetic.quantize_multiplier(0.0) == (0, 0)
    assert arithmetic.quantize_multiplier(2.0**-33) == (0, 0)


def test_requantize_is_near_the_real_product() -> None:
    x = np.random.RandomState(2).randint(-(2**20), 2**20, 1000)
    got = arithmetic.requantize(x, *arithmetic.quantize_multiplier(0.00123))
    assert np.max(np.abs(got - x * 0.00123)) <= 0.501


def test_activation_ranges() -> None:
    ranges = [arithmetic.activation_range(code, 0.05, 10) for code in arithmetic.ACTIVATIONS]
    assert ranges == [(-128, 127), (10, 127), (-10, 30), (10, 127)]
    assert arithmetic.activation_range(arithmetic.RELU6, 0.1, -128) == (-128, -68)


def test_exp_and_logistic_are_near_the_real_functions() -> None:
    x = -np.arange(0, 2**31, 9_999_991)
    got = fixedpoint.exp_of_negative(x, 5) / 2.0**31
    assert np.max(np.abs(got - np.exp(x / 2.0**26))) < 2e-6
    y = np.arange(-(2**30), 2**30, 9_999_991)
    assert np.max(np.abs(fixedpoint.logistic(y, 4) / 2.0**31 - 1 / (1 + np.exp(-y / 2.0**27)))) < 2e-6

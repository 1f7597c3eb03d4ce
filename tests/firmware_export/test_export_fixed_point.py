"""The C of the fixed-point functions against their published definitions, in exact Python integers.

Nothing here uses firmware_export.ops: the oracle is written afresh from gemmlowp's algorithms
(https://github.com/google/gemmlowp, fixedpoint/fixedpoint.h) and TFLite's QuantizeMultiplier, and derives gemmlowp's
constants from the numbers they stand for.
"""

from __future__ import annotations

import itertools
import math
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from single_op import KERNELS, SANITIZE, WARNINGS, linear_specs, model, run_c, tflm_outputs
from tflite_builder import TensorSpec

from firmware_export import emit
from firmware_export.passes import apply_passes
from firmware_export.planner import plan_memory
from firmware_export.program import lower
from firmware_export.reader import read_tflite

LOW, HIGH = -(2**31), 2**31 - 1
EDGES = [LOW, LOW + 1, -(2**30) - 1, -(2**30), -3, -2, -1, 0, 1, 2, 3, 2**30 - 1, 2**30, 2**30 + 1, HIGH - 1, HIGH]
Pairs = list[tuple[int, int]]
COUNTS = [20_000, pytest.param(300_000, marks=pytest.mark.slow)]
EXP_ERROR, RECIPROCAL_ERROR = 2.0**-22, 2.0**-28


# The oracle: one number at a time, integers only.


def saturated(x: int) -> int:
    return min(max(x, LOW), HIGH)


@cache
def constant(real: float, integer_bits: int = 0) -> int:
    """`real` as the nearest number with `integer_bits` integer bits."""
    return math.floor(Fraction(real) * 2 ** (31 - integer_bits) + Fraction(1, 2))


def high_mul(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul: a nudge with the product's sign, then a division that truncates."""
    if a == b == LOW:
        return HIGH
    total = a * b + (2**30 if a * b >= 0 else 1 - 2**30)
    return total // 2**31 if total >= 0 else -(-total // 2**31)


def divide(x: int, n: int) -> int:
    """RoundingDivideByPOT: to the nearest, halves away from zero; any n."""
    size = (2 * abs(x) + 2**n) // 2 ** (n + 1)
    return size if x >= 0 else -size


def exp_on_quarter(a: int) -> int:
    """exp_on_interval_between_negative_one_quarter_and_0_excl, Q0.31."""
    x = a + 2**28
    x2 = high_mul(x, x)
    x3, x4 = high_mul(x2, x), high_mul(x2, x2)
    sixths = high_mul(divide(x4, 2) + x3, constant(1 / 3))
    at_eighth = constant(math.exp(-1 / 8))
    return saturated(at_eighth + high_mul(at_eighth, x + divide(sixths + x2, 1)))


def exp_on_negative_values(a: int) -> int:
    """exp(a / 2**26) in Q0.31: quarters by a chain of factors, what is left over by the series."""
    if a == 0:
        return HIGH
    quarters = -a // 2**24 if -a % 2**24 else -a // 2**24 - 1
    result = exp_on_quarter(saturated((a + quarters * 2**24) * 32))
    for bit in range(7):
        if quarters >> bit & 1:
            result = high_mul(result, constant(math.exp(-(2.0 ** (bit - 2)))))
    return result


def one_over_one_plus_x(a: int) -> int:
    """one_over_one_plus_x_for_x_in_0_1, Q0.31: Newton-Raphson in Q2.29."""
    half = (a + HIGH + 1) // 2
    x = constant(48 / 17, 2) + high_mul(half, constant(-32 / 17, 2))
    for _ in range(3):
        x += saturated(high_mul(x, 2**29 - high_mul(half, x)) * 4)
    return saturated(x * 2)


def quantize_multiplier(real: float | Fraction) -> tuple[int, int]:
    """TFLite's QuantizeMultiplier, for `real` in normal range: real ~ multiplier * 2**(shift - 31)."""
    exact, shift = Fraction(real), 0
    while exact >= 1:
        exact, shift = exact / 2, shift + 1
    while exact < Fraction(1, 2):
        exact, shift = exact * 2, shift - 1
    multiplier = math.floor(exact * 2**31 + Fraction(1, 2))
    return (2**30, shift + 1) if multiplier == 2**31 else (multiplier, shift)


def softmax_params(scale: float, beta: float = 1.0) -> tuple[int, int, int]:
    """(multiplier, left shift, least difference): PreprocessSoftmaxScaling and CalculateInputRadius, Q5.26."""
    multiplier, left = quantize_multiplier(min(beta * float(np.float32(scale)) * 2**26, 2**31 - 1.0))
    return multiplier, left, -(31 * 2**26 // 2**left)


def softmax_row(x: Sequence[int], multiplier: int, left: int, least: int) -> list[int]:
    """TFLite's int8 softmax; a division by any power of two, which TFLite's own 32-bit one limits to 31."""

    @cache
    def exp_of(difference: int) -> int:
        return exp_on_negative_values(high_mul(difference * 2**left, multiplier))

    largest = max(x)
    total = sum(divide(exp_of(v - largest), 12) for v in x if v - largest >= least)
    zeros = 32 - total.bit_length()
    reciprocal = one_over_one_plus_x(total * 2**zeros - 2**31)

    @cache
    def probability(difference: int) -> int:
        if difference < least:
            return -128
        return min(divide(high_mul(exp_of(difference), reciprocal), 12 - zeros + 31 - 8) - 128, 127)

    return [probability(v - largest) for v in x]


# The C, compiled once.


class Harness:
    def __init__(self, binary: Path) -> None:
        self.binary = binary

    def _run(self, operation: str, data: bytes) -> bytes:
        source, result = (self.binary.with_suffix(end) for end in (".in", ".out"))
        source.write_bytes(data)
        subprocess.run([str(self.binary), operation, str(source), str(result)], check=True, timeout=20)
        return result.read_bytes()

    def pairs(self, operation: str, values: Pairs) -> list[int]:
        done = self._run(operation, np.array(values, np.int32).tobytes())
        return [int(v) for v in np.frombuffer(done, np.int32)]

    def softmax(self, rows: npt.NDArray[np.int8], params: tuple[int, int, int]) -> list[list[int]]:
        header = np.array([*rows.shape, *params], np.int32)
        done = self._run("softmax", header.tobytes() + rows.tobytes())
        return [[int(v) for v in row] for row in np.frombuffer(done, np.int8).reshape(rows.shape)]


@pytest.fixture(scope="module", params=[0, 1], ids=["wide", "narrow"])
def harness(request: pytest.FixtureRequest, compiler: str, tmp_path_factory: pytest.TempPathFactory) -> Harness:
    """With products of 64 bits, and with those that cores without them make of halfwords."""
    binary = tmp_path_factory.mktemp("fixed_point") / "harness"
    source = Path(__file__).with_name("fixed_point_harness.c")
    flags = [*WARNINGS, *SANITIZE, "-I", str(KERNELS), f"-DEDGENET_NARROW_PRODUCTS={request.param}"]
    subprocess.run([compiler, *flags, str(source), "-o", str(binary)], check=True)
    return Harness(binary)


def assert_same(harness: Harness, operation: str, values: Pairs, oracle: Callable[[int, int], int]) -> list[int]:
    got = harness.pairs(operation, values)
    expected = [oracle(*v) for v in values]
    wrong = [row for row in zip(values, got, expected, strict=True) if row[1] != row[2]]
    assert not wrong, f"{len(wrong)} of {len(values)}; first: {operation}{wrong[0][0]} is {wrong[0][1:]}"
    return got


def random_int32(seed: int, count: int, low: int = LOW, high: int = HIGH) -> list[int]:
    """Half of them equally likely, half with equally likely magnitudes; the same in every run."""
    source = np.random.RandomState(seed)
    flat = source.randint(low, high + 1, count // 2, dtype=np.int64)
    wide = source.randint(low, high + 1, count - count // 2, dtype=np.int64)
    small = wide >> source.randint(0, 31, len(wide))
    return [int(v) for v in np.concatenate([flat, small])]


def half_way_products(seed: int, count: int) -> Pairs:
    """Pairs whose product is an odd multiple of 2**30, half way between two results, and pairs beside them."""
    source = np.random.RandomState(seed)
    pairs = []
    for _ in range(count // 3):
        k = int(source.randint(0, 31))
        a = (2 * int(source.randint(0, 2 ** (30 - k))) + 1) * 2**k
        b = (2 * int(source.randint(0, 2**k)) + 1) * 2 ** (30 - k)
        a, b = a * int(source.choice([-1, 1])), b * int(source.choice([-1, 1]))
        pairs += [(a, b), (a + 1, b), (a - 1, b)]
    return pairs


@pytest.mark.parametrize("count", COUNTS)
def test_high_mul(count: int, harness: Harness) -> None:
    edges = [(a, b) for a in EDGES for b in EDGES if (a, b) != (LOW, LOW)]
    ties = half_way_products(1, count)
    assert sum(a * b % 2**31 == 2**30 for a, b in ties) >= count // 3
    noise = list(zip(random_int32(2, count), random_int32(3, count), strict=True))
    assert_same(harness, "high_mul", edges + ties + noise, high_mul)


@pytest.mark.parametrize("count", COUNTS)
def test_divide_by_power_of_two(count: int, harness: Harness) -> None:
    edges = [(x, n) for x in EDGES for n in range(32)]
    halves = [(sign * (2 * m + 1) * 2 ** (n - 1), n) for n in range(1, 31) for m in range(3) for sign in (-1, 1)]
    ties = [(saturated(x + d), n) for x, n in halves for d in (-1, 0, 1)]
    noise = [(x, i % 32) for i, x in enumerate(random_int32(4, count))]
    assert_same(harness, "divide_by_power_of_two", edges + ties + noise, divide)


def int8_output(x: int, multiplier: int, shift: int, offset: int) -> int:
    """MultiplyByQuantizedMultiplier with two roundings, the output's offset, and int8's limits."""
    left = (x * 2 ** max(shift, 0) - LOW) % 2**32 + LOW
    return min(max(divide(high_mul(left, multiplier), max(-shift, 0)) + offset, -128), 127)


def sums_near_halves(shift: int, multipliers: list[int]) -> Pairs:
    """Sums that become nearly a half, or just a number, and multipliers."""
    pairs = []
    for number, multiplier in enumerate(multipliers):
        for twice in np.random.RandomState(number).randint(-600, 600, 100):
            x = int(twice) * 2 ** (30 - min(shift, 0)) // multiplier
            pairs += [(x + d, multiplier) for d in (-1, 0, 1, 2) if LOW <= x + d <= HIGH]
    return pairs


@pytest.mark.parametrize("shift", [-31, -30, -23, -17, -9, -8, -5, -3, -2, -1, 0, 1, 7, 30])
def test_outputs_of_linear_operators(shift: int, harness: Harness) -> None:
    flat = [int(v) for v in np.random.RandomState(shift + 50).randint(2**30, HIGH, 20, dtype=np.int64)]
    multipliers = [2**30, 2**30 + 1, HIGH, *flat]
    values = [(x, m) for x in [*EDGES, *random_int32(7, 200)] for m in multipliers]
    values += sums_near_halves(shift, multipliers)
    seen: set[int] = set()
    for offset in (-128, -3, 0, 127):

        def oracle(x: int, multiplier: int, offset: int = offset) -> int:
            return int8_output(x, multiplier, shift, offset)

        seen.update(assert_same(harness, f"output {shift} {offset}", values, oracle))
    assert len(seen) > (200 if -22 < shift < 2 else 2)


def saturated_s8(x: int) -> int:
    return min(max(x, -128), 127)


@pytest.mark.parametrize("shift", [0, 1, 9, 22])
def test_short_forms_of_outputs(shift: int, harness: Harness) -> None:
    """What their proofs take them for, wherever no step leaves 32 bits."""
    multipliers = [0, 1, 2**30, HIGH, *random_int32(8, 6, low=0)]
    sums = [*EDGES, *random_int32(9, 400)]
    for constant in (0, -(2**27), 2**27 + 5):

        def staircase(x: int, multiplier: int, constant: int = constant) -> int:
            return saturated_s8((x * multiplier // 2**32 + constant) >> shift)

        def linear(x: int, multiplier: int, constant: int = constant) -> int:
            rounded = (2 * x * multiplier + 2**31) // 2**32
            return saturated_s8((rounded - (rounded < 0) + constant) >> shift)

        assert_same(harness, f"staircase {shift} {constant}", [(x, m) for x in sums for m in multipliers], staircase)
        small = [(x, m) for x in sums if abs(x) < 2**29 for m in multipliers]
        assert_same(harness, f"linear {shift} {constant}", small, linear)


@pytest.mark.parametrize("count", [100_000, *COUNTS[1:]])
def test_exp_of_negative(count: int, harness: Harness) -> None:
    edges = [x for x in EDGES if x <= 0]
    steps = [-k * 2**24 + d for k in range(128) for d in (-1, 0, 1)]
    values = [(x, 0) for x in [*edges, *steps, *random_int32(5, count, high=0)] if LOW <= x <= 0]
    got = assert_same(harness, "exp_of_negative", values, lambda a, _: exp_on_negative_values(a))
    assert max(abs(y / 2**31 - math.exp(x / 2**26)) for (x, _), y in zip(values, got, strict=True)) < EXP_ERROR
    assert all(0 <= y <= HIGH for y in got)


@pytest.mark.parametrize("count", COUNTS)
def test_one_over_one_plus(count: int, harness: Harness) -> None:
    edges = [x for x in EDGES if x >= 0]
    steps = [k * 2**24 + d for k in range(128) for d in (-1, 0, 1)]
    values = [(x, 0) for x in [*edges, *steps, *random_int32(6, count, low=0)] if 0 <= x <= HIGH]
    got = assert_same(harness, "one_over_one_plus", values, lambda a, _: one_over_one_plus_x(a))
    assert max(abs(y / 2**31 - 1 / (1 + x / 2**31)) for (x, _), y in zip(values, got, strict=True)) < RECIPROCAL_ERROR


# SOFTMAX where TFLite Micro cannot say: by the definition.


def test_the_least_difference_counts_and_the_next_does_not(harness: Harness) -> None:
    """The least difference that a model can have is so small that nobody sees it counted: so a larger one."""
    multiplier, left, _ = softmax_params(0.05)
    rows = np.array([[127, v, w] for v in range(90, 128) for w in (118, 119, 120, 121)], np.int8)
    got = harness.softmax(rows, (multiplier, left, -8))
    assert got == [softmax_row([int(v) for v in row], multiplier, left, -8) for row in rows]
    counted, left_out = (harness.softmax(np.array([[127, v]], np.int8), (multiplier, left, -8)) for v in (119, 118))
    assert counted[0][1] > -128
    assert left_out == [[127, -128]]


def test_a_least_difference_of_nothing(harness: Harness) -> None:
    """Scales so large that every smaller logit counts as nothing, and the largest still counts."""
    for scale in (16.0, 40.0):
        params = softmax_params(scale)
        assert params[2] == 0
        assert harness.softmax(np.array([[5, 4, 5, -128]], np.int8), params) == [[0, -128, 0, -128]]


@pytest.mark.parametrize("depth", [255, 256, 257, 511, 512, 513, 1000, 4095])
def test_many_equal_logits(depth: int, harness: Harness) -> None:
    """From 512 on the last shift is by 32 bits, which 32-bit C must not do: all is less than half a step."""
    rows = np.full((3, depth), [[-128], [0], [127]], np.int8)
    assert harness.softmax(rows, softmax_params(0.1)) == [softmax_row([0] * depth, *softmax_params(0.1))] * 3


@pytest.mark.parametrize("scale", [0.0001, 0.003, 0.02])
def test_many_logits(scale: float, harness: Harness) -> None:
    rows = np.random.RandomState(7).randint(-128, 128, (4, 2000)).astype(np.int8)
    rows[1:, :2] = [127, 126]
    rows[3, 2:] = -128
    params = softmax_params(scale)
    assert harness.softmax(rows, params) == [softmax_row([int(v) for v in row], *params) for row in rows]


# The multipliers and shifts in the generated C.


def generated(data: bytes) -> str:
    """All generated C of `data`."""
    graph = apply_passes(read_tflite(data, "single.tflite"))
    return "\n".join(emit.emit(lower(graph, plan_memory(graph)), "single", (), ()).values())


def pairs_in(text: str, name: str = "") -> Pairs:
    """(multiplier, shift) as the C has them: single fields, or the two tables."""
    found = []
    for what in ("multiplier", "shift"):
        table = re.search(rf"_op0_{what}\[\d+\] = \{{([^}}]*)\}}", text)
        field = re.search(rf"/\* {name}{what} \*/ (-?\d+),", text)
        match = field or table
        assert match is not None, what
        found.append([int(v) for v in re.findall(r"-?\d+", match[1])])
    return list(zip(*found, strict=True))


def float32s(seed: int, count: int) -> Iterable[list[float]]:
    """Rows of three float32 scales from 2**-9 to 1."""
    scales = 2 ** np.random.RandomState(seed).uniform(-9, 0, (count, 3))
    return [[float(v) for v in row] for row in scales.astype(np.float32)]


def mean(count: int, scale: float, out_scale: float, *, rows: int = 1, zero_points: tuple[int, int] = (4, -3)) -> bytes:
    axis = TensorSpec((1,), "int32", None, data=np.array([1], np.int32))
    given = TensorSpec((rows, count), scale=scale, zero_point=zero_points[0])
    return model("MEAN", [given, axis], [TensorSpec((rows,), scale=out_scale, zero_point=zero_points[1])])


@pytest.mark.parametrize("count", [1, 2, 3, 7, 16, 49, 64, 1000])
def test_multiplier_of_mean(count: int) -> None:
    for scale, out_scale, _ in [*float32s(count, 5), [0.5, 0.5, 0], [0.25, 0.5, 0], [0.5, 0.25, 0]]:
        multiplier, shift = quantize_multiplier(scale / out_scale)
        down = min(count.bit_length() - 1, 32, 31 + shift)
        expected = (multiplier * 2**down // count, shift - down)
        assert pairs_in(generated(mean(count, scale, out_scale))) == [expected]
        assert math.isclose(expected[0] * 2.0 ** (expected[1] - 31), scale / out_scale / count, rel_tol=2e-9)


@pytest.mark.parametrize("count", [2, 4])
def test_means_that_are_halves(count: int, tmp_path: Path, compiler: str) -> None:
    """Sums half way between two results: a multiplier larger or smaller by one rounds some to the other side."""
    sums = np.arange(-255, 256)
    rows = np.stack([sums // 2, sums - sums // 2] + [np.zeros_like(sums)] * (count - 2), axis=1).clip(-128, 127)
    data = mean(count, 0.5, 0.5, rows=len(rows), zero_points=(0, 0))
    inputs = [rows[np.newaxis].astype(np.int8)]
    expected = tflm_outputs(data, inputs)
    totals = [int(v) for v in rows.sum(axis=1)]
    (multiplier, shift), got = pairs_in(generated(data))[0], [int(v) for v in expected[0][0]]
    assert [divide(high_mul(t, multiplier), -shift) for t in totals] == got
    for near in (multiplier - 1, multiplier + 1):
        assert [divide(high_mul(t, near), -shift) for t in totals] != got
    run_c(data, tmp_path, compiler, inputs, expected)


def add_of(scales: Sequence[float]) -> bytes:
    specs = [TensorSpec((1, 3), scale=s, zero_point=z) for s, z in zip(scales, (3, -7, 5), strict=True)]
    return model("ADD", specs[:2], specs[2:])


def multipliers_of_add(first: float, second: float, out: float) -> Pairs:
    twice = 2 * max(first, second)
    return [quantize_multiplier(real) for real in (first / twice, second / twice, twice / (2**20 * out))]


def test_multipliers_of_add() -> None:
    for scales in ((0.001, 0.1, 0.1), (100.0, 0.01, 1.0)):
        text = generated(add_of(scales))
        exact = [float(np.float32(s)) for s in scales]
        expected = multipliers_of_add(exact[0], exact[1], exact[2])
        assert [pairs_in(text, name)[0] for name in ("first_", "second_", "output_")] == expected


def test_factors_of_add_round_every_pair_as_tflite_does() -> None:
    for scales in [*float32s(11, 4), [0.5, 0.25, 1.0]]:
        text = generated(add_of(scales))
        names = ("first_factor", "second_factor", "constant", "shift")
        first, second, constant, shift = (int(re.findall(rf"/\* {name} \*/ (-?\d+),", text)[0]) for name in names)
        (m, e), (n, f), (k, g) = multipliers_of_add(scales[0], scales[1], scales[2])
        a = {x: divide(high_mul((x - 3) << 20, m), -e) for x in range(-128, 128)}
        b = {y: divide(high_mul((y + 7) << 20, n), -f) for y in range(-128, 128)}
        for x, y in itertools.product(a, b):
            wanted = divide(high_mul(a[x] + b[y], k), -g) + 5
            got = (x * first + y * second + constant) >> shift
            assert min(max(got, -128), 127) == min(max(wanted, -128), 127), (scales, x, y)


@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_scaling_of_softmax(beta: float) -> None:
    for scale in [row[0] for row in float32s(13, 20)] + [0.0625, 0.25, 8.0, 16.0, 100.0]:
        output = TensorSpec((1, 3), scale=1 / 256, zero_point=-128)
        text = generated(model("SOFTMAX", [TensorSpec((1, 3), scale=scale)], [output], {"beta": beta}))
        fields = [re.search(rf"/\* {name} \*/ (-?\d+),", text) for name in ("multiplier", "left_shift", "diff_min")]
        found = tuple(int(field[1]) for field in fields if field)
        assert found == softmax_params(scale, float(np.float32(beta)))


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", ["CONV_2D", "FULLY_CONNECTED"])
def test_multipliers_of_linear_operators(kind: str, per_channel: bool) -> None:
    shape, filters = ((1, 1, 1, 4), (5, 1, 1, 4)) if kind == "CONV_2D" else ((1, 4), (5, 4))
    options = {"stride_h": 1, "stride_w": 1} if kind == "CONV_2D" else {}
    for seed, (scale, out, _) in enumerate(float32s(12, 10)):
        linear = linear_specs(seed, filters, 5, axis=0, per_channel=per_channel, bias=True, input_scale=scale)
        # Sums that may leave int32: nothing shorter than TFLite's own arithmetic is proved for them.
        linear[1] = replace(linear[1], data=np.full(5, HIGH, np.int32))
        weights = [float(v) for v in linear[0].scale]  # type: ignore[union-attr]
        products = [scale * w for w in weights]
        outputs = [TensorSpec((*shape[:-1], 5), scale=out)]
        text = generated(model(kind, [TensorSpec(shape, scale=scale), *linear], outputs, options))
        expected = [quantize_multiplier(product / out) for product in products]
        assert pairs_in(text) == (expected * 5 if kind == "CONV_2D" and not per_channel else expected)

"""What ADD and SUB share: both operands at a common scale with 20 more bits, their sum, requantized.

TFLite rounds four times for it: each operand, then the sum twice. That is slow, and nearly always the same as
    output = (first * first_factor + second * second_factor + constant) >> shift
in 32 bits. Whether it is the same is no matter of theory: an operator has 65,536 pairs of inputs, so factors are
searched that are right for every one of them. Where none are found the kernel rounds as TFLite does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..graph import Node
from . import linear, rules
from .arithmetic import INT8_MAX, INT8_MIN, Int, clamp_int8, quantize_multiplier, requantize
from .broadcast import broadcast_operator, loops, quantized
from .lookup import ALL_INT8
from .spec import Field, KernelCall, Operator, Param

LEFT_SHIFT = 20
NEIGHBOURS = 4
"""How far a factor may be from the nearest one to the true ratio of scales."""
_AROUND = range(-NEIGHBOURS, NEIGHBOURS + 1)
STEPS = sorted(itertools.product(_AROUND, _AROUND), key=lambda s: (abs(s[0]) + abs(s[1]), s))
"""How far from the nearest factors both are tried, the nearest first."""
INT32_MAX = 2**31 - 1


@dataclass(frozen=True)
class Scaling:
    """(multiplier, shift) of the first operand, the second operand and the sum. Source: TFLite AddPrepare."""

    first: tuple[int, int]
    second: tuple[int, int]
    output: tuple[int, int]


@dataclass(frozen=True)
class Line:
    """output = (first * first_factor + second * second_factor + constant) >> shift, before it is clamped."""

    first_factor: int
    second_factor: int
    constant: int
    shift: int


def scales_in_range(node: Node) -> str | None:
    """twice the larger scale of two int8 operands must be below 2**20 output scales"""
    scales = [node.need(0).scale, node.need(1).scale, node.output.scale]
    if not quantized(node) or 2 * max(scales[:2]) < scales[2] * (1 << LEFT_SHIFT):
        return None
    return ", ".join(f"{s:g}" for s in scales)


@dataclass(frozen=True)
class Sum:
    """first + sign * second."""

    sign: int

    def scaling(self, node: Node) -> Scaling:
        """The three multipliers, computed in float64 from the larger operand's scale."""
        a, b = node.need(0).scale, node.need(1).scale
        twice_max = 2 * max(a, b)
        return Scaling(
            quantize_multiplier(a / twice_max),
            quantize_multiplier(b / twice_max),
            quantize_multiplier(twice_max / ((1 << LEFT_SHIFT) * node.output.scale)),
        )

    def unclamped(self, node: Node, first: Int, second: Int) -> Int:
        """The outputs for operands that broadcast, rounded as TFLite does; int64."""
        scale = self.scaling(node)
        a = requantize((first - node.need(0).zero_point) << LEFT_SHIFT, *scale.first)
        b = requantize((second - node.need(1).zero_point) << LEFT_SHIFT, *scale.second)
        return np.asarray(requantize(a + self.sign * b, *scale.output) + node.output.zero_point)

    def formula(self, node: Node, first: Int, second: Int) -> npt.NDArray[np.int8]:
        """The same, clamped."""
        return clamp_int8(self.unclamped(node, first, second), *linear.output_range(node))

    def call(self, node: Node) -> KernelCall:
        """One call of add_s8 where a line gives the bits, else of add_general_s8."""
        first, second = node.need(0), node.need(1)
        clamp = linear.output_range(node)
        line = self.line(node, clamp)
        params: dict[str, Param] = {"broadcast": loops(first, second)}
        params |= asdict(line) if line else self._general_params(node)
        params |= {"activation_min": clamp[0], "activation_max": clamp[1]}
        return KernelCall("add_s8" if line else "add_general_s8", params, (first, second), node.output)

    def line(self, node: Node, clamp: tuple[int, int]) -> Line | None:
        """The line that gives the bits of all 65,536 pairs of operands after the clamp; None if none was found."""
        return find_line(self.pairs(node), clamp, self.ratios(node))

    def pairs(self, node: Node) -> Int:
        """The outputs for all 256 first operands and 256 second ones, rounded as TFLite does, before the clamp."""
        return self.unclamped(node, ALL_INT8[:, None], ALL_INT8[None, :])

    def ratios(self, node: Node) -> tuple[float, float]:
        """How many steps of the output one step of each operand is."""
        scale = node.output.scale
        return node.need(0).scale / scale, self.sign * node.need(1).scale / scale

    def _general_params(self, node: Node) -> dict[str, Param]:
        scale = self.scaling(node)
        return {
            "first_offset": -node.need(0).zero_point,
            "second_offset": -node.need(1).zero_point,
            "output_offset": node.output.zero_point,
            "first_multiplier": scale.first[0],
            "first_shift": scale.first[1],
            "second_multiplier": scale.second[0],
            "second_shift": scale.second[1],
            "second_sign": self.sign,
            "output_multiplier": scale.output[0],
            "output_shift": scale.output[1],
        }

    def operator(self, integers: np.ufunc) -> Operator:
        """As an operator; `integers` is the same for int32 and int64."""
        return broadcast_operator(
            self.formula,
            self.call,
            rules.known_activation,
            scales_in_range,
            options={"activation": Field(0, "int8")},
            integers=integers,
        )


def find_line(wanted: Int, clamp: tuple[int, int], ratios: tuple[float, float]) -> Line | None:
    """A line that gives `wanted` (256 first operands, 256 second) after the clamp; None if none was found.

    `ratios` are how many steps of the output one step of each operand is, about.
    """
    low, high = clamp
    reach = max(int(np.abs(wanted).max()) + 2, 128 * sum(map(abs, ratios)) + 1)
    shift = 31 - math.frexp(reach)[1]
    outputs, places = np.arange(low, high + 1, dtype=np.int64), np.clip(wanted, low, high) - low
    floor = np.where(outputs > low, outputs << shift, -INT32_MAX)[places]
    ceiling = np.where(outputs < high, ((outputs + 1) << shift) - 1, INT32_MAX)[places]
    nearest = (round(ratios[0] * 2.0**shift), round(ratios[1] * 2.0**shift))
    sums = ALL_INT8[:, None] * nearest[0] + ALL_INT8[None, :] * nearest[1]
    lower, upper = _Bound(floor - sums), _Bound(sums - ceiling)
    for step in STEPS:
        least, most = lower.worst(-step[0], -step[1]), -upper.worst(*step)
        constant, factors = (least + most) // 2, (nearest[0] + step[0], nearest[1] + step[1])
        if least <= most and _fits(factors, constant):
            return Line(*factors, constant, shift)
    return None


class _Bound:
    """Differences for all pairs of operands, and the largest of them for factors that are a few steps away."""

    def __init__(self, differences: Int) -> None:
        """`differences` are int64 (256 first operands, 256 second)."""
        self._differences = differences
        self._largest = int(differences.max())
        self._rows: dict[int, tuple[Int, Int]] = {}

    def worst(self, first_step: int, second_step: int) -> int:
        """The largest of difference + first * first_step + second * second_step."""
        if first_step == second_step == 0:
            return self._largest
        if second_step not in self._rows:
            self._rows[second_step] = self._by_first(second_step)
        firsts, values = self._rows[second_step]
        return int((values + firsts * first_step).max())

    def _by_first(self, second_step: int) -> tuple[Int, Int]:
        """First operands, and the largest of difference + second * second_step for each."""
        places, starts = self._tight
        values = self._differences.reshape(-1)[places] + ALL_INT8[places & 255] * second_step
        return ALL_INT8[places[starts] >> 8], np.maximum.reduceat(values, starts)

    @cached_property
    def _tight(self) -> tuple[Int, Int]:
        """The places of differences that steps can make the largest, few as a rule; and where each row begins there."""
        reach = 2 * NEIGHBOURS * (128 + 128)
        places = np.flatnonzero(self._differences >= self._largest - reach)
        return places, np.flatnonzero(np.diff(places >> 8, prepend=-1))


def _fits(factors: tuple[int, int], constant: int) -> bool:
    """Whether all sums fit 32 bits, with the constant and without: those of the extreme operands are the largest."""
    sums = [a * factors[0] + b * factors[1] for a in (INT8_MIN, INT8_MAX) for b in (INT8_MIN, INT8_MAX)]
    return max(map(abs, (constant, *sums, *(total + constant for total in sums)))) <= INT32_MAX


def near(factors: tuple[float, float]) -> Iterator[tuple[int, int]]:
    """Pairs of integers around `factors`, the nearest first."""
    nearest = [round(factor) for factor in factors]
    steps = range(-NEIGHBOURS, NEIGHBOURS + 1)
    for step in sorted(itertools.product(steps, steps), key=lambda s: (abs(s[0]) + abs(s[1]), s)):
        yield nearest[0] + step[0], nearest[1] + step[1]


def limits_of(wanted: Int, clamp: tuple[int, int], shift: int) -> tuple[Int, Int]:
    """The least and the most that, shifted right by `shift` and then clamped, is `wanted` clamped."""
    target = np.clip(wanted, *clamp)
    floor = np.where(target > clamp[0], target << shift, -INT32_MAX)
    ceiling = np.where(target < clamp[1], ((target + 1) << shift) - 1, INT32_MAX)
    return floor, ceiling


def middle_constant(sums: Int, floor: Int, ceiling: Int) -> int | None:
    """A constant that puts every sum between `floor` and `ceiling`, and all in 32 bits; None if there is none."""
    least, most = int((floor - sums).max()), int((ceiling - sums).min())
    constant = (least + most) // 2
    largest = max(abs(constant), int(np.abs(sums).max()), int(np.abs(sums + constant).max()))
    return constant if least <= most and largest <= INT32_MAX else None


def two_constants(sums: Int, less: npt.NDArray[np.bool_], floor: Int, ceiling: Int) -> tuple[int, int] | None:
    """(a constant for all sums, what those in `less` need beside it), as `middle_constant`; None if there are none."""
    common = middle_constant(sums, floor, ceiling)
    if common is not None:
        return common, 0
    if less.all() or not less.any():
        return None
    first, second = (middle_constant(sums[side], floor[side], ceiling[side]) for side in (~less, less))
    if first is None or second is None or max(abs(second - first), int(np.abs(sums + first).max())) > INT32_MAX:
        return None
    return first, second - first

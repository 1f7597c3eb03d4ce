"""AVERAGE_POOL_2D, MEAN and SUM for cores with SIMD instructions: sums of channels in halfwords, then one factor.

    scaled = (sum * factor >> 16) + constant;  output = (scaled + (below where scaled < zero)) >> 16
for a factor of 32 bits and sums of 16. An operator has at most 65,281 sums; the numbers are searched for, and all sums
are compared with what TFLite rounds. Halves are rounded away from zero there: a factor that is a little too large does
that, while it is so little that nothing else is rounded otherwise. MEAN rounds twice, so that more than halves is
rounded away from zero: that is what `below` is for, where values on both sides of zero are possible.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from ..graph import Node
from . import reduce
from .addition import INT32_MAX, limits_of, middle_constant, two_constants
from .arithmetic import INT8_MAX, INT8_MIN, Int, requantize
from .pool import pool_window
from .pool_dsp import WORD, distance
from .spec import Constraint, KernelCall, Operator, Param, Shape
from .window import Window, first_bytes

MOST_VALUES = 256
"""So many int8 add up to a halfword."""
BLOCK = 16
"""Channels that the kernel takes at a time."""
TILTS = (0.0, 0.5, 0.25, -0.25, 0.75, -0.5)
"""How much larger than the true ratio a factor may be: parts of what moves the largest sum by one step of a sum."""


@dataclass(frozen=True)
class Slope:
    """What a sum is multiplied by, and what is added; 128 is in the constant: the kernel saturates to [0, 255]."""

    factor: int
    constant: int
    zero: int = 0
    below: int = 0

    def scaled(self, sums: Int) -> Int:
        """What the kernel saturates and cuts the lower 16 bits off."""
        scaled = (sums * self.factor >> 16) + self.constant
        return np.asarray(scaled + np.where(scaled < self.zero, self.below, 0))


@dataclass(frozen=True)
class Means:
    """Windows over an image, and the outputs for every sum that a window can have.

    Attributes:
        window: of every output, all within the input.
        shape: of the input.
        wanted: the outputs for the sums from count * -128 to count * 127, before they are saturated; int64.
        ratio: how many steps of the output a sum larger by 1 is, about.
    """

    window: Window
    shape: Shape
    wanted: Int
    ratio: float


def all_sums(count: int) -> Int:
    """Every sum of `count` int8 values."""
    return np.arange(count * INT8_MIN, count * INT8_MAX + 1, dtype=np.int64)


def find_slope(wanted: Int, zero_point: int, ratio: float) -> Slope | None:
    """The numbers that give `wanted`, saturated, for all sums; None if none were found.

    `zero_point` is the values', and `ratio` how many steps of the output a sum larger by 1 is, about.
    """
    count = len(wanted) // (INT8_MAX - INT8_MIN)
    sums, limits = all_sums(count), limits_of(wanted + 128, (0, 255), 16)
    factors = [round(ratio * 2.0**32 * (1 + tilt / (128 * count))) for tilt in TILTS]
    for factor in filter(lambda factor: factor <= INT32_MAX, factors):
        constant = middle_constant(sums * factor >> 16, *limits)
        if constant is not None:
            return Slope(factor, constant)
    return _bent(sums, factors[0], zero_point * count, limits) if factors[0] <= INT32_MAX else None


def _bent(sums: Int, factor: int, middle: int, limits: tuple[Int, Int]) -> Slope | None:
    """The numbers that put every scaled sum between `limits`, with one for those below `middle`, which stands for 0."""
    products, (floor, ceiling) = sums * factor >> 16, limits
    found = two_constants(products, sums < middle, floor, ceiling)
    if found is None:
        return None
    slope = Slope(factor, found[0], (middle * factor >> 16) + found[0], found[1])
    scaled = slope.scaled(sums)
    return slope if np.all((floor <= scaled) & (scaled <= ceiling)) else None


def pool_means(node: Node) -> Means:
    """Those of AVERAGE_POOL_2D."""
    win, shape = pool_window(node), node.need(0).shape
    count = math.prod(win.size)
    sums = all_sums(count)
    wanted = np.sign(sums) * ((np.abs(sums) + count // 2) // count)
    if win.size == win.input:
        win, shape = side_by_side(count), (shape[0], 1, count, shape[3])
    return Means(win, shape, wanted, 1 / count)


def reduced_means(node: Node, scaling: Callable[[Node], tuple[int, int]]) -> Means:
    """Those of MEAN or SUM, whose (multiplier, shift) `scaling` gives."""
    kept, _ = reduce.runs(node)
    count, source = reduce.count(node), node.need(0)
    multiplier, shift = scaling(node)
    wanted = requantize(all_sums(count) - count * source.zero_point, multiplier, shift) + node.output.zero_point
    shape = (kept[0][0] if len(kept) > 1 else 1, 1, count, kept[-1][0])
    return Means(side_by_side(count), shape, wanted, math.ldexp(multiplier, shift - 31))


def side_by_side(count: int) -> Window:
    """The window that is the whole of one row."""
    return Window((1, count), (1, 1), (1, 1), (0, 0), (1, count), (1, 1))


def windows_inside(node: Node) -> str | None:
    """the windows must lie within the input, and hold at most 256 values"""
    win = pool_window(node)
    around = (*win.pad, win.pad_after(0), win.pad_after(1))
    if any(around) or math.prod(win.size) > MOST_VALUES:
        return f"{win.size} with {around} around"
    return None


def channels_stay(node: Node) -> str | None:
    """what vanishes must lie between the first axes and the last, which stay, and be at most 256 values"""
    kept, reduced = reduce.runs(node)
    if len(reduced) != 1 or not kept or kept[-1][1] != 1 or len(kept) > 2 or reduce.count(node) > MOST_VALUES:
        return f"axes {reduce.axes(node)} of {node.need(0).shape}"
    return None if kept[-1][0] >= WORD else f"{kept[-1][0]} channels"


def dsp_operator(plain: Operator, kind: str, means: Callable[[Node], Means], *rules: Constraint) -> Operator:
    """The operator that takes the place of `kind`, declared as `plain`, where `rules` hold and a slope is found."""

    def slope(node: Node) -> Slope | None:
        found = means(node)
        return find_slope(found.wanted, node.need(0).zero_point, found.ratio)

    def slope_exists(node: Node) -> str | None:
        """there must be a factor that is right for every sum"""
        return "there is none" if slope(node) is None else None

    def lower(node: Node) -> Sequence[KernelCall]:
        """One call of mean_dsp_s8."""
        found, line = means(node), slope(node)
        assert line is not None  # slope_exists
        params: dict[str, Param] = {
            "input": found.shape,
            "output": (found.shape[0], *found.window.output, found.shape[3]),
            "filter": found.window.size,
            "stride": found.window.stride,
            **asdict(line),
        }
        return [KernelCall("mean_dsp_s8", params, (node.need(0),), node.output)]

    def overlap(node: Node, number: int) -> int | None:
        """How far before its input the output has to begin."""
        found = means(node)
        first = first_bytes(found.shape, found.window).reshape(-1)
        return distance(first, found.shape[3], BLOCK) if number == 0 else None

    constraints = (*plain.constraints, *rules, slope_exists)
    return replace(plain, lower=lower, constraints=constraints, overlap=overlap, internal=True, replaces=kind, dsp=True)

"""What kind of error makes two tensors differ, guessed from the pattern of their differences: arrays in, a word out.

A guess is a hint where to look, not a proof: the same pattern may have another reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from firmware_export.graph import Array

ROUNDING, SATURATION, PADDING, LAYOUT = "rounding", "saturation", "padding", "layout"
CHANNEL, OFFSET, SCALE, UNKNOWN = "channel", "offset", "scale", "unknown"
CHANCE = 0.01
"""A pattern that random differences show more often than this is no pattern."""
NEARLY_ALL = 0.9
ROUNDING_ULPS = 2
RELATED, UNRELATED = 0.99, 0.5
"""Correlation from which on values follow each other, and below which they have nothing to do with each other."""
SLOPE = 0.02
ENOUGH = 4
"""Fewer differences than this fit nearly any pattern."""


@dataclass(frozen=True)
class Cause:
    """A named guess, and the pattern that it rests on, as half a sentence."""

    name: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.name} ({self.evidence})"


def name_cause(expected: Array, got: Array) -> Cause:
    """The first cause whose pattern the differences show, else "unknown".

    Args:
        expected: what is right, (N, *shape), of some samples that differ.
        got: what is wrong, the same shape and dtype; channels are the last axis of `shape`, rows and columns those
            between the first and the last.
    """
    pair = _Pair(expected, got)
    if not pair.count:
        return Cause(UNKNOWN, "nothing differs")
    for pattern in PATTERNS:
        cause = pattern(pair)
        if cause is not None:
            return cause
    return Cause(UNKNOWN, "no pattern that is known")


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two tensors of N samples, and what the patterns ask of them."""

    expected: Array
    got: Array

    @cached_property
    def differs(self) -> npt.NDArray[np.bool_]:
        """Where they differ, bit by bit."""
        where: npt.NDArray[np.bool_] = ordered(self.expected) != ordered(self.got)
        return where

    @cached_property
    def count(self) -> int:
        """How many values differ."""
        return int(self.differs.sum())

    @cached_property
    def steps(self) -> npt.NDArray[np.int64]:
        """got - expected in quanta; of floats in steps from one float to the next."""
        return ordered(self.got) - ordered(self.expected)

    @cached_property
    def at_limit(self) -> npt.NDArray[np.bool_]:
        """Where one of them is at the smallest or the largest value of its dtype, or of what it takes anywhere."""
        limits = [_limits(values, self.count >= ENOUGH) for values in (self.expected, self.got)]
        return np.isin(self.expected, limits[0]) | np.isin(self.got, limits[1])

    @cached_property
    def inner(self) -> npt.NDArray[np.bool_]:
        """Where neither is at a limit: there a difference shows as it is."""
        return ~self.at_limit

    @property
    def channels(self) -> int:
        """Length of the last axis, where it is one of channels."""
        return int(self.expected.shape[-1]) if self.expected.ndim > 2 else 1


def _permuted(pair: _Pair) -> Cause | None:
    """The same values in another order."""
    rows = [values.reshape(len(values), -1) for values in (pair.expected, pair.got, pair.differs)]
    enough = pair.count >= ENOUGH and bool((np.abs(pair.steps) > 1).any())
    if not enough or not np.array_equal(np.sort(rows[0], axis=1), np.sort(rows[1], axis=1)):
        return None
    return Cause(LAYOUT, "every sample has the right values in other places")


def _one_channel(pair: _Pair) -> Cause | None:
    """All in one channel."""
    channels = np.unique(np.nonzero(pair.differs)[-1])
    if len(channels) != 1 or float(pair.channels) ** (1 - min(pair.count, 64)) > CHANCE:
        return None
    return Cause(CHANNEL, f"all differences are in channel {channels[0]}: its multiplier, shift, bias or weights")


def _border(pair: _Pair) -> Cause | None:
    """All in the outer rows and columns."""
    shape = pair.expected.shape[2:-1] if pair.expected.ndim > 3 else ()
    axes = [axis for axis, extent in enumerate(shape) if extent > 2]
    if not axes:
        return None
    depth = np.full(shape, max(shape))
    for axis in axes:
        place = np.indices(shape)[axis]
        depth = np.minimum(depth, np.minimum(place, shape[axis] - 1 - place))
    spots = pair.differs.any(axis=-1).reshape(-1, *shape).any(axis=0)
    width = int(depth[spots].max()) + 1
    share = float((depth < width).mean())
    if share == 1 or share ** int(spots.sum()) > CHANCE:
        return None
    return Cause(PADDING, f"all differences are in the outer {width} rows and columns")


def _clamped(pair: _Pair) -> Cause | None:
    """All where one side is at a limit."""
    if pair.at_limit.mean() > NEARLY_ALL or not pair.at_limit[pair.differs].all():
        return None
    values = np.unique(pair.got[pair.differs]), np.unique(pair.expected[pair.differs])
    fewest = min(values, key=len)
    side = "got" if fewest is values[0] else "expected"
    return Cause(SATURATION, f"wherever they differ one side is at its limit ({side}: {_listed(fewest)})")


def _shifted(pair: _Pair) -> Cause | None:
    """Off by the same amount everywhere, or everywhere in a channel."""
    if pair.count < ENOUGH:
        return None
    amounts = []
    for steps, inner in zip(_by_channel(pair.steps, pair), _by_channel(pair.inner, pair), strict=True):
        if not inner.any() or not steps[inner].any():
            continue
        if np.ptp(steps[inner]) > 1 or (steps[inner] != 0).mean() < NEARLY_ALL:
            return None
        amounts.append(int(np.median(steps[inner])))
    if not amounts:
        return None
    if max(amounts) - min(amounts) <= 1:
        return Cause(OFFSET, f"every value that is not at a limit is off by {amounts[0]:+d}: an output offset")
    return Cause(OFFSET, "each channel is off by an amount of its own: biases, or the input offset")


def _rounded(pair: _Pair) -> Cause | None:
    """Off by one, here and there."""
    allowed = 1 if pair.expected.dtype.kind in "iub" else ROUNDING_ULPS
    if np.abs(pair.steps).max() > allowed:
        return None
    return Cause(ROUNDING, f"{pair.count} scattered values of {pair.differs.size} are off by {allowed} at most")


def _stretched(pair: _Pair) -> Cause | None:
    """A straight line through (expected, got) that is not the diagonal."""
    found = _line(pair)
    if found is None or found[0] < RELATED or abs(found[1] - 1) < SLOPE:
        return None
    return Cause(SCALE, f"values are {found[1]:.3g} times what they should be: a multiplier or a shift")


def _unrelated(pair: _Pair) -> Cause | None:
    """As widely spread as they should be, but with no relation to what they should be."""
    found = _line(pair)
    if found is None or abs(found[0]) > UNRELATED or pair.differs.mean() < UNRELATED:
        return None
    ratio = float(np.std(pair.got.astype(np.float64)) / np.std(pair.expected.astype(np.float64)))
    if not 0.5 < ratio < 2:
        return None
    return Cause(LAYOUT, "values are spread as they should be but unrelated: weights or inputs in another order")


PATTERNS: tuple[Callable[[_Pair], Cause | None], ...] = (
    _permuted,
    _one_channel,
    _border,
    _clamped,
    _shifted,
    _rounded,
    _stretched,
    _unrelated,
)
"""The most telling first."""


def ordered(values: Array) -> npt.NDArray[np.int64]:
    """Values as integers in the same order; the next float is the next integer, and equal means the same bits."""
    if values.dtype.kind != "f":
        return values.astype(np.int64)
    bits = np.ascontiguousarray(values).view(f"i{values.dtype.itemsize}").astype(np.int64)
    return np.where(bits < 0, -(bits & np.int64(2 ** (8 * values.dtype.itemsize - 1) - 1)) - 1, bits)


def _limits(values: Array, observed: bool) -> list[float]:
    """What counts as a limit of values: those of the dtype, and with `observed` the extremes that they reach."""
    limits: list[float] = [float(values.min()), float(values.max())] if observed else []
    if values.dtype.kind in "iu":
        information = np.iinfo(values.dtype)
        limits += [float(information.min), float(information.max)]
    return limits


def _by_channel(values: Array, pair: _Pair) -> list[Array]:
    """Flat values of every channel."""
    return list(values.reshape(-1, pair.channels).T)


def _line(pair: _Pair) -> tuple[float, float] | None:
    """Correlation and slope of got over expected, where neither is at a limit."""
    x, y = (values[pair.inner].astype(np.float64) for values in (pair.expected, pair.got))
    if len(x) < 2 * ENOUGH or np.ptp(x) == 0 or np.ptp(y) == 0 or not np.isfinite([x, y]).all():
        return None
    return float(np.corrcoef(x, y)[0, 1]), float(np.polyfit(x, y, 1)[0])


def _listed(values: Array) -> str:
    shown = ", ".join(f"{value:g}" for value in values[:3].astype(np.float64))
    return shown + (", ..." if len(values) > 3 else "")

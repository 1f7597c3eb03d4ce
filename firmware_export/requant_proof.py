"""The proof that a short form of requantization gives the exact bits, for every accumulator that can occur.

Both functions are staircases that never fall: the exact one has at most 255 steps. Its steps T_j (the smallest
accumulator whose output is at least j) come from a formula, and the exact function itself confirms them: at least j at
T_j, less than j at T_j - 1. So it is constant from each step to the one before the next. The form never falls either,
since nothing in it overflows; if it is right at both ends of each such stretch, it is right inside. All integers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from .ops.arithmetic import INT8_MAX, INT8_MIN, Int
from .requant_forms import INT32_MAX, INT32_MIN, WORD, Channels, Flags, Form, KappaStaircase, Linear, Staircase

MAX_SHIFT = 31
Doubt = tuple[str, Flags]
"""A sentence about a channel, and the channels (C,) of which it is true."""


def levels(channels: Channels) -> Int:
    """(J,) the outputs j that a step leads to, one above the lowest on."""
    return np.arange(channels.low + 1, channels.high + 1, dtype=np.int64)


def steps(channels: Channels) -> Int:
    """(J, C) the smallest accumulator with an output of at least j: acc_low .. acc_high, or acc_high + 1 for none.

    RDPOT(x, e) + zero_point >= j is x >= (n - 1/2) * 2**e with n = j - zero_point, and > where n <= 0, since halves
    round away from zero; SRDHM(a, m) >= x is a * m >= x * 2**31 - 2**30. Right only where acc << shift does not wrap.
    """
    right, left = np.maximum(-channels.shift, 0), np.maximum(channels.shift, 0)
    n = (levels(channels) - channels.zero_point)[:, None]
    half = np.where(right > 0, (np.int64(1) << right) >> 1, 0)
    x = np.clip((n << right) - half + ((n <= 0) & (right > 0)), INT32_MIN, INT32_MAX + 1)
    factor = np.maximum(channels.multiplier, 1) << left
    found = -(((1 << 30) - (x << 31)) // factor)
    found = np.where((channels.multiplier == 0) & (x > 0) | (x > INT32_MAX), INT32_MAX + 1, found)
    found = np.where((channels.multiplier == 0) & (x <= 0) | (x == INT32_MIN), INT32_MIN, found)
    return np.asarray(np.clip(found, channels.acc_low, channels.acc_high + 1))


def check_staircase(channels: Channels, form: Staircase | KappaStaircase) -> list[str]:
    """Sentences that say where `form` is not proved to be exact; none: it is, for all accumulators in range."""
    return _sentences(len(channels), staircase_doubts(channels, form))


def check_linear(channels: Channels, form: Linear) -> list[str]:
    """Sentences that say where `form` is not proved to be exact; none: it is, for all accumulators in range."""
    return _sentences(len(channels), linear_doubts(channels, form))


def doubts(channels: Channels, form: Form) -> list[Doubt]:
    """What may be wrong with `form`, with the channels of each finding."""
    return linear_doubts(channels, form) if isinstance(form, Linear) else staircase_doubts(channels, form)


def staircase_doubts(channels: Channels, form: Staircase | KappaStaircase) -> list[Doubt]:
    """What `check_staircase` finds, with the channels of each finding."""
    ends = np.stack([channels.acc_low, channels.acc_high])
    sums, moves = form.sums(ends), form.multiplier != 0
    fits = _in_int32(sums) & moves
    products = np.where(fits, sums * np.where(fits, form.multiplier, 0), 0) >> WORD
    return [
        ("the shift has to be 0 to 31", np.full(len(channels), not 0 <= form.shift <= MAX_SHIFT)),
        ("the multiplier is negative or above 2**31 - 1", (form.multiplier < 0) | ~_in_int32(form.multiplier)),
        ("the constant leaves int32", ~_in_int32(form.constant)),
        ("the scaled accumulator leaves int32", ~_in_int32(sums).all(axis=0) & moves),
        ("constant + product leaves int32", ~_in_int32(form.constant + products).all(axis=0)),
        *_common_doubts(channels, form),
    ]


def linear_doubts(channels: Channels, form: Linear) -> list[Doubt]:
    """What `check_linear` finds, with the channels of each finding."""
    ends = np.stack([channels.acc_low, channels.acc_high])
    moves = form.multiplier != 0
    shifts = (form.left < 0) | (form.left > MAX_SHIFT) | (form.right < 1) | (form.right > MAX_SHIFT)
    return [
        ("the shifts have to be 0 to 31 (left) and 1 to 31 (right)", shifts),
        ("the multiplier is negative or above 2**31 - 1", (form.multiplier < 0) | ~_in_int32(form.multiplier)),
        ("the constant leaves int32", ~_in_int32(form.constant)),
        ("acc << left leaves int32", ~_in_int32(ends << np.clip(form.left, 0, MAX_SHIFT)).all(axis=0) & moves),
        ("x + constant leaves int32", ~_in_int32(form.rounded(ends) + form.constant).all(axis=0)),
        *_common_doubts(channels, form),
    ]


def _common_doubts(channels: Channels, form: Form) -> list[Doubt]:
    """Whether the exact function never falls, has the steps that it should have, and equals the form around them."""
    ends = np.stack([channels.acc_low, channels.acc_high])
    wraps = ~_in_int32(ends << np.maximum(channels.shift, 0)).all(axis=0)
    no_range = (channels.acc_low > channels.acc_high) | ~_in_int32(ends).all(axis=0)
    at, j = steps(channels), levels(channels)[:, None]
    reached, before = np.minimum(at, channels.acc_high), np.maximum(at - 1, channels.acc_low)
    exact_at, exact_before = channels.values(reached), channels.values(before)
    misplaced = (exact_at < j) & (at <= channels.acc_high) | (exact_before >= j) & (at > channels.acc_low)
    points = ((reached, exact_at), (before, exact_before), (ends, channels.values(ends)))
    wrong = [(_clamped(channels, form, acc) != exact).any(axis=0) for acc, exact in points]
    return [
        ("the bounds of the accumulator are no range within int32", no_range),
        ("the exact function falls, since acc << shift leaves int32", wraps | (channels.multiplier < 0)),
        ("a step of the exact function is not where it was computed", misplaced.any(axis=0)),
        ("the output differs", np.logical_or.reduce(wrong)),
    ]


def _clamped(channels: Channels, form: Form, acc: Int) -> Int:
    values = form.values(acc)
    return np.clip(values, channels.low, channels.high) if form.clamps else values


def needs_clamp(channels: Channels, form: Form) -> bool:
    """Whether SSAT8 alone leaves values outside [low, high] somewhere in range (the form never falls)."""
    if channels.low <= INT8_MIN and channels.high >= INT8_MAX:
        return False
    below, above = form.values(channels.acc_low) < channels.low, form.values(channels.acc_high) > channels.high
    return bool((below | above).any())


def doubtful(found: list[Doubt]) -> Flags:
    """(C,) the channels that are not proved."""
    return np.asarray(np.logical_or.reduce([flags for _, flags in found]))


def _in_int32(x: Int) -> Flags:
    return np.asarray((x >= INT32_MIN) & (x <= INT32_MAX))


def _sentences(count: int, found: list[Doubt]) -> list[str]:
    return [f"channel {c} of {count}: {text}" for text, flags in found for c in np.flatnonzero(flags)]


@dataclass(frozen=True)
class Verdict:
    """What the proof says about one layer (or about some channels of it); `failures` is empty where it is proved."""

    layer: str
    form: str
    channels: int
    thresholds: int
    proved: bool
    failures: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The same as plain values."""
        return asdict(self)


def prove_requant(layers: Iterable[tuple[str, Channels, Form]]) -> list[Verdict]:
    """One verdict for each (layer's name, what it has to compute, form that its kernel computes)."""
    return [_verdict(*layer) for layer in layers]


def _verdict(name: str, channels: Channels, form: Form) -> Verdict:
    failures = _sentences(len(channels), doubts(channels, form))
    at = steps(channels)
    thresholds = int(((at > channels.acc_low) & (at <= channels.acc_high)).sum())
    return Verdict(name, type(form).__name__, len(channels), thresholds, not failures, tuple(failures))

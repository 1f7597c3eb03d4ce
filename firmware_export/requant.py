"""Finds short forms of requantization that give the exact bits; `requant_proof.py` proves each before it is given out.

The exact function of a ReLU layer is a staircase with at most 255 steps, and any staircase with the same steps will do.
With sum = scale * (acc + offset) the form reaches j where sum * multiplier + constant * 2**32 >= j * 2**(32 + shift).
For a given multiplier and shift each step therefore bounds

    offset * scale * multiplier + constant * 2**32

from below (T_j reaches j) and from above (T_j - 1 does not): a window, in which integers `offset` and `constant` have
to put it. Linear layers have steps for negative numbers that no window holds: TFLite's own arithmetic, rewritten, is
their form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .ops.arithmetic import Int
from .requant_forms import (
    INT32_MAX,
    INT32_MIN,
    WORD,
    AnyForm,
    Channels,
    Flags,
    Form,
    KappaStaircase,
    Linear,
    Staircase,
    arrays_of,
    changed,
    channels_of,
    take,
)
from .requant_proof import (
    MAX_SHIFT,
    Verdict,
    check_linear,
    check_staircase,
    doubtful,
    doubts,
    levels,
    linear_doubts,
    needs_clamp,
    prove_requant,
    steps,
)

__all__ = [
    "Channels",
    "Form",
    "KappaStaircase",
    "Linear",
    "Staircase",
    "Verdict",
    "channels_of",
    "check_linear",
    "check_staircase",
    "kappa_channels",
    "kappa_staircase",
    "linear",
    "linear_channels",
    "prove_requant",
    "staircase",
    "staircase_channels",
    "take",
]

KAPPAS = range(258, 128, -1)
"""Factors of int8 weights that leave int16 weights; the finest bias first."""
TOP_SHIFT = 24
"""With a larger shift not all of -128..127 can be reached."""
TOP_KAPPA_SHIFT = 22
"""hi32 alone is at most 2**30: with a larger shift not all of -128..127 can be reached."""
LOWER_SHIFTS = 4
"""So many shifts are tried from the largest that all channels allow downwards."""
NUDGES = (0, *(sign << bit for bit in range(8) for sign in (1, -1)))
"""What is added to the nearest multiplier, until one works."""
NEAR = 64
"""So many constants around the middle of the window are tried at once, before number theory finds the nearest one."""
BLANK = ("offset", "multiplier", "constant", "kappa", "fine")
"""What is 0 in a channel that is not proved."""
Float: TypeAlias = npt.NDArray[np.float64]
Search: TypeAlias = Callable[[Int, Int, Int], Int]


@dataclass(frozen=True, eq=False)
class _Task:
    """Channels with their steps: `at` (J, C), and `j` (J, 1)."""

    channels: Channels
    at: Int
    j: Int

    @property
    def reached(self) -> Flags:
        """(J, C) where some accumulator in range gives j or more."""
        return np.asarray(self.at <= self.channels.acc_high)

    @property
    def missed(self) -> Flags:
        """(J, C) where some accumulator in range gives less than j."""
        return np.asarray(self.at > self.channels.acc_low)

    def take(self, index: Int) -> _Task:
        """The same for the channels `index`."""
        return _Task(take(self.channels, index), self.at[:, index], self.j)

    def hopeless(self, width: Int, scales: Int, nudge: int) -> Flags:
        """(C,) where the nearest multiplier's window is so narrow that rounding it otherwise opens none."""
        if nudge:
            return np.zeros(len(width), np.bool_)
        return np.asarray(width < -3 * scales * (self.channels.acc_high - self.channels.acc_low + 1))

    def window(self, start: Int, factor: Int, shift: int) -> tuple[Int, Int]:
        """(low, high), both (C,): what has to be added to (acc + start) * factor so that bit 32 + shift counts steps.

        `low` belongs to it, `high` does not. int64 that wraps where no solution exists: the proof finds out.
        """
        goal, at = self.j << (WORD + shift), self.at + start
        low = np.where(self.reached, goal - at * factor, -(2**63)).max(axis=0)
        high = np.where(self.missed, goal - (at - 1) * factor, 2**63 - 1).min(axis=0)
        return low, high


def _task(channels: Channels) -> _Task:
    return _Task(channels, steps(channels), levels(channels)[:, None])


def staircase(channels: Channels, scale: Int | int) -> Staircase | None:
    """A proved form for all channels with one shift, or None."""
    form, proved = staircase_channels(channels, scale)
    return form if proved.all() else None


def staircase_channels(channels: Channels, scale: Int | int) -> tuple[Staircase, Flags]:
    """The form whose shift proves the most channels, and which these are; the others have multiplier 0."""
    scales = np.broadcast_to(np.asarray(scale, np.int64), channels.multiplier.shape)
    task = _task(channels)
    caps = np.minimum(_multiplier_cap(channels, scales), _constant_cap(channels))
    caps = np.where(_single(channels), TOP_SHIFT, np.minimum(caps, TOP_SHIFT))

    def attempt(shift: int) -> tuple[Staircase, Flags]:
        return _staircase_at(task, scales, shift, caps >= shift)

    return _best(caps, attempt)


def kappa_staircase(
    channels: Channels, kappas: Sequence[int] = KAPPAS, limit: Int | int = KAPPAS[0]
) -> KappaStaircase | None:
    """A proved form for all channels with one shift, or None; see `kappa_channels`."""
    form, proved = kappa_channels(channels, kappas, limit)
    return form if proved.all() else None


def kappa_channels(
    channels: Channels, kappas: Sequence[int] = KAPPAS, limit: Int | int = KAPPAS[0]
) -> tuple[KappaStaircase, Flags]:
    """The form whose shift proves the most channels, and which these are; the others have kappa and multiplier 0.

    Every channel has a kappa of its own, the first of `kappas` that is at most its `limit` (32767 // largest weight)
    and works.
    """
    limits = np.broadcast_to(np.asarray(limit, np.int64), channels.multiplier.shape)
    task = _task(channels)
    caps = np.minimum(_multiplier_cap(channels, np.minimum(limits, max(kappas))), TOP_KAPPA_SHIFT)
    caps = np.where(_single(channels), TOP_KAPPA_SHIFT, caps)

    def attempt(shift: int) -> tuple[KappaStaircase, Flags]:
        return _kappa_at(task, kappas, limits, shift)

    return _best(caps, attempt)


def linear(channels: Channels) -> Linear | None:
    """A proved form for all channels, or None."""
    form, proved = linear_channels(channels)
    return form if proved.all() else None


def linear_channels(channels: Channels) -> tuple[Linear, Flags]:
    """A form, and the channels for which it is proved; the others have multiplier 0."""
    right = np.maximum(-channels.shift, 0)
    constant = (channels.zero_point << right) + ((np.int64(1) << right) >> 1)
    form = Linear(channels.multiplier, np.maximum(channels.shift, 0) + 1, right, constant, clamps=True)
    form = _with_constants(channels, form)
    doubt = doubtful(doubts(channels, form))
    return _proved(channels, _with_other_shifts(channels, form, doubt), np.zeros(0, np.int64))


def _with_constants(channels: Channels, form: Linear) -> Linear:
    """`form` with a constant in each channel that can only give one value, and the others' shift there if it fits."""
    single = _single(channels)
    others = form.right[~single]
    right = int(np.clip(others[0] if len(others) else 1, 1, TOP_SHIFT))
    value = channels.values(channels.acc_low) << right
    return Linear(
        np.where(single, 0, form.multiplier),
        np.where(single, 1, form.left),
        np.where(single, right, form.right),
        np.where(single, value, form.constant),
        form.clamps,
    )


def _with_other_shifts(channels: Channels, form: Linear, pending: Flags) -> Linear:
    """`form` with a larger `left` and `right` (or smaller ones) in `pending` channels where the steps allow it."""
    index = np.flatnonzero(pending)
    for right in range(TOP_SHIFT, 0, -1):
        if not len(index):
            break
        trial, fits = _linear_at(_task(take(channels, index)), right)
        form = _merge(form, index[fits], take(trial, fits))
        index = index[~fits]
    return form


def _linear_at(task: _Task, right: int) -> tuple[Linear, Flags]:
    """The form with this `right` and the smallest constant that reaches every step, and where it is proved."""
    channels = task.channels
    left = channels.shift + 1 + right
    cut = np.clip(-left, 0, MAX_SHIFT)
    multiplier = (channels.multiplier + ((1 << cut) >> 1)) >> cut
    left = np.clip(left, 0, MAX_SHIFT)
    form = Linear(multiplier, left, np.full_like(left, right), np.zeros_like(left), clamps=True)
    lowest = np.where(task.reached, (task.j << right) - form.rounded(task.at), -(2**40))
    form = replace(form, constant=lowest.max(axis=0, initial=-(2**40)))
    return form, ~doubtful(linear_doubts(channels, form))


def _best(caps: Int, attempt: Callable[[int], tuple[AnyForm, Flags]]) -> tuple[AnyForm, Flags]:
    """The attempt that proves the most channels; `caps` (C,) are the largest shifts that they allow."""
    tries = _shifts(caps)
    best, proved = attempt(tries[0])
    for shift in tries[1:]:
        if np.count_nonzero(caps >= shift) > np.count_nonzero(proved):
            trial, flags = attempt(shift)
            if np.count_nonzero(flags) > np.count_nonzero(proved):
                best, proved = trial, flags
    return best, proved


def _shifts(caps: Int) -> list[int]:
    """From the largest shift that all channels allow a few downwards, then those above it."""
    lowest = max(int(caps.min(initial=TOP_SHIFT)), 0)
    return [*range(lowest, max(lowest - LOWER_SHIFTS, -1), -1), *range(lowest + 1, int(caps.max(initial=0)) + 1)]


def _staircase_at(task: _Task, scales: Int, shift: int, allowed: Flags) -> tuple[Staircase, Flags]:
    """The form with this shift, and the channels for which it is proved."""
    channels, zeros = task.channels, np.zeros_like(scales)
    single = _single(channels)
    constant = np.where(single, channels.values(channels.acc_low) << shift, 0)
    form = Staircase(zeros, zeros, constant, shift, scales, clamps=True)
    index = np.flatnonzero(allowed & ~single)
    for search in (_near, _nearest_constant):
        for nudge in NUDGES:
            if len(index):
                trial, fits, hopeless = _walk(task.take(index), scales[index], shift, nudge, search)
                form = _merge(form, index[fits], take(trial, fits))
                index = index[~fits & ~hopeless]
    return _proved(channels, form, index)


def _walk(task: _Task, scales: Int, shift: int, nudge: int, search: Search) -> tuple[Staircase, Flags, Flags]:
    """A form, the channels where it fits its window, and those where no neighbouring multiplier will."""
    multiplier = np.maximum(_nearest(task.channels, scales, shift) + nudge, 1)
    lowest, highest = _room(task.channels, scales)
    start = np.clip(0, lowest, highest)
    factor = scales * multiplier
    low, high = task.window(start, factor, shift)
    width = high - low
    constants = search(low, width, factor)
    rest = low[:, None] - (constants << WORD)
    offsets = -(-rest // factor[:, None])
    fits = (offsets * factor[:, None] < rest + width[:, None]) & (abs(constants) <= INT32_MAX)
    offsets = offsets + start[:, None]
    fits &= (offsets >= lowest[:, None]) & (offsets <= highest[:, None])
    first = (np.arange(len(scales)), fits.argmax(axis=1))
    form = Staircase(offsets[first], multiplier, constants[first], shift, scales, clamps=True)
    usable = (lowest <= highest) & (multiplier <= INT32_MAX) & (width > 0)
    return form, fits[first] & usable, task.hopeless(width, scales, nudge)


def _near(low: Int, width: Int, factor: Int) -> Int:
    """(C, NEAR) constants, from the one that puts the offset near 0 to both sides."""
    walk = np.arange(NEAR)
    return np.asarray(_middle(low, width)[:, None] + np.where(walk % 2, -1, 1) * ((walk + 1) >> 1))


def _nearest_constant(low: Int, width: Int, factor: Int) -> Int:
    """(C, 1) the constant nearest to that one with which some offset fits the window, however far it is."""
    found = []
    for middle, at, wide, step in np.stack([_middle(low, width), low, width, factor], axis=1).tolist():
        start = (middle << WORD) - at
        ways = [(sign, first_residue(sign << WORD, start, step, wide)) for sign in (1, -1)] if wide > 0 else []
        moves = [sign * count for sign, count in ways if count is not None]
        found.append(middle + min(moves, key=abs, default=0))
    return np.array(found, np.int64)[:, None]


def _middle(low: Int, width: Int) -> Int:
    return np.asarray((low + (width >> 1)) >> WORD)


def first_residue(step: int, start: int, modulus: int, width: int) -> int | None:
    """The smallest k >= 0 with (start + k * step) % modulus < width, or None: Euclid's algorithm on the interval."""
    if start % modulus < width:
        return 0
    return _first_between(step % modulus, modulus, -start % modulus, -start % modulus + width - 1)


def _first_between(step: int, modulus: int, low: int, high: int) -> int | None:
    """The smallest k > 0 with low <= k * step % modulus <= high, where 0 < low <= high < modulus."""
    if step == 0:
        return None
    count = -(-low // step)
    if count * step <= high:
        return count
    turns = _first_between(modulus % step, step, -high % step, -low % step)
    return None if turns is None else -(-(low + turns * modulus) // step)


def _kappa_at(task: _Task, kappas: Sequence[int], limits: Int, shift: int) -> tuple[KappaStaircase, Flags]:
    """The form with this shift, and the channels for which it is proved."""
    channels, zeros = task.channels, np.zeros_like(limits)
    single = _single(channels)
    goal = channels.values(channels.acc_low) << (WORD + shift)
    form = KappaStaircase(
        zeros, np.where(single, -(-goal // INT32_MAX), 0), np.where(single, INT32_MAX, 0), shift, clamps=True
    )
    index = np.flatnonzero(~single)
    for nudge in NUDGES:
        for kappa in kappas:
            if len(index):
                trial, fits, hopeless = _fine(task.take(index), kappa, shift, nudge)
                fits &= kappa <= limits[index]
                form = _merge(form, index[fits], take(trial, fits))
                index = index[~fits & ~hopeless]
    return _proved(channels, form, index)


def _fine(task: _Task, kappa: int, shift: int, nudge: int) -> tuple[KappaStaircase, Flags, Flags]:
    """A form, the channels where it fits its window, and those where no other kappa will."""
    kappas = np.full_like(task.channels.multiplier, kappa)
    multiplier = np.maximum(_nearest(task.channels, kappas, shift) + nudge, 1)
    low, high = task.window(np.zeros_like(kappas), kappas * multiplier, shift)
    fine = -(-low // multiplier)
    sums = kappas * np.stack([task.channels.acc_low, task.channels.acc_high]) + fine
    usable = ((sums >= INT32_MIN) & (sums <= INT32_MAX)).all(axis=0) & (multiplier <= INT32_MAX)
    form = KappaStaircase(kappas, fine, multiplier, shift, clamps=True)
    return form, usable & (fine * multiplier < high), task.hopeless(high - low, kappas, nudge)


def _proved(channels: Channels, form: AnyForm, given_up: Int) -> tuple[AnyForm, Flags]:
    """`form`, blank where it is not proved and without clamps where it needs none; and where it is proved."""
    proved = ~doubtful(doubts(channels, form))
    proved[given_up] = False
    blank = {name: np.where(proved, array, 0) for name, array in arrays_of(form).items() if name in BLANK}
    form = changed(form, **blank)
    return changed(form, clamps=needs_clamp(take(channels, proved), take(form, proved))), proved


def _merge(form: AnyForm, index: Int, trial: AnyForm) -> AnyForm:
    """`form` with the channels of `trial` at `index`."""
    arrays = {name: array.copy() for name, array in arrays_of(form).items()}
    for name, values in arrays_of(trial).items():
        arrays[name][index] = values
    return changed(form, **arrays)


def _single(channels: Channels) -> Flags:
    """The channels that give one value only."""
    return np.asarray(channels.values(channels.acc_low) == channels.values(channels.acc_high))


def _nearest(channels: Channels, scales: Int, shift: int) -> Int:
    """(C,) multiplier * 2**(channel's shift + 1 + shift) / scale, rounded; too large ones end at 2**31."""
    up = channels.shift + 1 + shift
    above = channels.multiplier << np.clip(up, 0, MAX_SHIFT)
    below = scales << np.clip(-up, 0, MAX_SHIFT)
    return np.asarray(np.clip((above + (below >> 1)) // below, 0, INT32_MAX + 1))


def _room(channels: Channels, scales: Int) -> tuple[Int, Int]:
    """The smallest and the largest offset with which scale * (acc + offset) fits in int32."""
    return -(-INT32_MIN // scales) - channels.acc_low, INT32_MAX // scales - channels.acc_high


def _slope(channels: Channels) -> Float:
    """Steps of the output for one of the accumulator."""
    return np.asarray(np.ldexp(np.maximum(channels.multiplier, 1).astype(np.float64), channels.shift - 31))


def _multiplier_cap(channels: Channels, scales: Int) -> Int:
    """The largest shift with which the multiplier stays below 2**31."""
    return np.floor(np.log2(INT32_MAX * scales / _slope(channels))).astype(np.int64) - WORD


def _constant_cap(channels: Channels) -> Int:
    """The largest shift with which the form's value stays within int32 over the whole range."""
    ends = np.stack([channels.acc_low, channels.acc_high]) * _slope(channels) + channels.zero_point
    return np.asarray(31 - np.ceil(np.log2(np.abs(ends).max(axis=0) + 1)).astype(np.int64))

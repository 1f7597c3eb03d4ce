"""The search for a staircase: steps and the window that they leave, multipliers and shifts, choosing among attempts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .ops.arithmetic import Int
from .requant_forms import INT32_MAX, INT32_MIN, WORD, AnyForm, Channels, Flags, arrays_of, changed, take
from .requant_proof import MAX_SHIFT, doubtful, doubts, levels, needs_clamp, steps

TOP_SHIFT = 24
"""With a larger shift not all of -128..127 can be reached."""
LOWER_SHIFTS = 4
"""So many shifts are tried from the largest that all channels allow downwards."""
NUDGES = (0, *(sign << bit for bit in range(10) for sign in (1, -1)))
"""What is added to the nearest multiplier, until one works."""
BLANK = ("offset", "multiplier", "constant", "kappa", "fine")
"""What is 0 in a channel that is not proved."""
Float: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Task:
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

    def take(self, index: Int) -> Task:
        """The same for the channels `index`."""
        return Task(take(self.channels, index), self.at[:, index], self.j)

    def window(self, start: Int, factor: Int, shift: int) -> tuple[Int, Int]:
        """(low, high), both (C,): what has to be added to (acc + start) * factor so that bit 32 + shift counts steps.

        `low` belongs to it, `high` does not. int64 that wraps where no solution exists: the proof finds out.
        """
        goal, at = self.j << (WORD + shift), self.at + start
        low = np.where(self.reached, goal - at * factor, -(2**63)).max(axis=0, initial=-(2**63))
        high = np.where(self.missed, goal - (at - 1) * factor, 2**63 - 1).min(axis=0, initial=2**63 - 1)
        return low, high


def allowed_shifts(task: Task, scales: Int, caps: Int) -> Int:
    """(C,) `caps`, and -1 where the window is so narrow that rounding the multiplier otherwise opens none.

    A multiplier that is off by one moves no step by more than the range of scaled accumulators, and rounding by half.
    """
    shift = _shifts(caps)[0]
    multiplier = np.maximum(nearest(task.channels, scales, shift), 1)
    low, high = task.window(np.clip(0, *room(task.channels, scales)), scales * multiplier, shift)
    reach = 3 * scales * (task.channels.acc_high - task.channels.acc_low + 1)
    return np.where(one_value(task.channels), caps, np.where(high - low < -reach, -1, caps))


def task_of(channels: Channels) -> Task:
    """The channels with their steps."""
    return Task(channels, steps(channels), levels(channels)[:, None])


def best(caps: Int, attempt: Callable[[int], tuple[AnyForm, Flags]]) -> tuple[AnyForm, Flags]:
    """The attempt that proves the most channels; `caps` (C,) are the largest shifts that they allow."""
    tries = _shifts(caps)
    best_form, proved = attempt(tries[0])
    for shift in tries[1:]:
        if np.count_nonzero(caps >= shift) > np.count_nonzero(proved):
            trial, flags = attempt(shift)
            if np.count_nonzero(flags) > np.count_nonzero(proved):
                best_form, proved = trial, flags
    return best_form, proved


def _shifts(caps: Int) -> list[int]:
    """From the largest shift that all channels allow, but those with -1, a few downwards, then those above it."""
    lowest = int(caps[caps >= 0].min(initial=TOP_SHIFT))
    return [*range(lowest, max(lowest - LOWER_SHIFTS, -1), -1), *range(lowest + 1, int(caps.max(initial=0)) + 1)]


def keep_proved(channels: Channels, form: AnyForm) -> tuple[AnyForm, Flags]:
    """`form`, blank where it is not proved and without clamps where it needs none; and where it is proved."""
    proved = ~doubtful(doubts(channels, form))
    blank = {name: np.where(proved, array, 0) for name, array in arrays_of(form).items() if name in BLANK}
    form = changed(form, **blank)
    return changed(form, clamps=needs_clamp(take(channels, proved), take(form, proved))), proved


def merge(form: AnyForm, index: Int, trial: AnyForm) -> AnyForm:
    """`form` with the channels of `trial` at `index`."""
    arrays = {name: array.copy() for name, array in arrays_of(form).items()}
    for name, values in arrays_of(trial).items():
        arrays[name][index] = values
    return changed(form, **arrays)


def one_value(channels: Channels) -> Flags:
    """The channels that give one value only."""
    return np.asarray(channels.values(channels.acc_low) == channels.values(channels.acc_high))


def nearest(channels: Channels, scales: Int, shift: int) -> Int:
    """(C,) multiplier * 2**(channel's shift + 1 + shift) / scale, rounded; too large ones end at 2**31."""
    up = channels.shift + 1 + shift
    above = channels.multiplier << np.clip(up, 0, MAX_SHIFT)
    below = scales << np.clip(-up, 0, MAX_SHIFT)
    return np.asarray(np.clip((above + (below >> 1)) // below, 0, INT32_MAX + 1))


def room(channels: Channels, scales: Int) -> tuple[Int, Int]:
    """The smallest and the largest offset with which scale * (acc + offset) fits in int32."""
    return -(-INT32_MIN // scales) - channels.acc_low, INT32_MAX // scales - channels.acc_high


def _slope(channels: Channels) -> Float:
    """Steps of the output for one of the accumulator."""
    return np.asarray(np.ldexp(np.maximum(channels.multiplier, 1).astype(np.float64), channels.shift - 31))


def multiplier_cap(channels: Channels, scales: Int) -> Int:
    """The largest shift with which the multiplier stays below 2**31."""
    return np.floor(np.log2(INT32_MAX * scales / _slope(channels))).astype(np.int64) - WORD


def constant_cap(channels: Channels) -> Int:
    """The largest shift with which the form's value stays within int32 over the whole range."""
    ends = np.stack([channels.acc_low, channels.acc_high]) * _slope(channels) + channels.zero_point
    return np.asarray(31 - np.ceil(np.log2(np.abs(ends).max(axis=0) + 1)).astype(np.int64))


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

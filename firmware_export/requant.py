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
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from .ops.arithmetic import Int
from .requant_forms import (
    INT32_MAX,
    INT32_MIN,
    WORD,
    Channels,
    Flags,
    Form,
    KappaStaircase,
    Linear,
    Staircase,
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
    linear_doubts,
    prove_requant,
)
from .requant_search import (
    NUDGES,
    TOP_SHIFT,
    Task,
    allowed_shifts,
    best,
    constant_cap,
    first_residue,
    keep_proved,
    merge,
    multiplier_cap,
    nearest,
    one_value,
    room,
    task_of,
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
TOP_KAPPA_SHIFT = 22
"""hi32 alone is at most 2**30: with a larger shift not all of -128..127 can be reached."""
FIRST_KAPPAS = 8
"""So many are tried with all channels at once, before all others are tried with the few channels left."""
NEAR = 64
"""So many constants around the middle of the window are tried at once, before number theory finds the nearest one."""
Search: TypeAlias = Callable[[Int, Int, Int], Int]


def staircase(channels: Channels, scale: Int | int) -> Staircase | None:
    """A proved form for all channels with one shift, or None."""
    form, proved = staircase_channels(channels, scale)
    return form if proved.all() else None


def staircase_channels(channels: Channels, scale: Int | int, shift: int | None = None) -> tuple[Staircase, Flags]:
    """The form whose shift proves the most channels, and which these are; the others have multiplier 0.

    With `shift` that one alone is tried.
    """
    scales = np.broadcast_to(np.asarray(scale, np.int64), channels.multiplier.shape)
    task = task_of(channels)
    caps = np.minimum(multiplier_cap(channels, scales), constant_cap(channels))
    caps = allowed_shifts(task, scales, np.where(one_value(channels), TOP_SHIFT, np.minimum(caps, TOP_SHIFT)))

    def attempt(shift: int) -> tuple[Staircase, Flags]:
        return _staircase_at(task, scales, shift, caps >= shift)

    return best(caps, attempt) if shift is None else attempt(shift)


def kappa_staircase(
    channels: Channels, kappas: Sequence[int] = KAPPAS, limit: Int | int = KAPPAS[0]
) -> KappaStaircase | None:
    """A proved form for all channels with one shift, or None; see `kappa_channels`."""
    form, proved = kappa_channels(channels, kappas, limit)
    return form if proved.all() else None


def kappa_channels(
    channels: Channels, kappas: Sequence[int] = KAPPAS, limit: Int | int = KAPPAS[0], shift: int | None = None
) -> tuple[KappaStaircase, Flags]:
    """The form whose shift proves the most channels, and which these are; the others have kappa and multiplier 0.

    Every channel has a kappa of its own, the first of `kappas` that is at most its `limit` (32767 // largest weight)
    and works. With `shift` that one alone is tried.
    """
    limits = np.broadcast_to(np.asarray(limit, np.int64), channels.multiplier.shape)
    task = task_of(channels)
    largest = np.clip(limits, 1, max(kappas))
    caps = np.minimum(multiplier_cap(channels, largest), TOP_KAPPA_SHIFT)
    caps = allowed_shifts(task, largest, np.where(one_value(channels), TOP_KAPPA_SHIFT, caps))

    def attempt(shift: int) -> tuple[KappaStaircase, Flags]:
        return _kappa_at(task, kappas, limits, shift, caps >= shift)

    return best(caps, attempt) if shift is None else attempt(shift)


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
    return keep_proved(channels, _with_other_shifts(channels, form, doubt))


def _with_constants(channels: Channels, form: Linear) -> Linear:
    """`form` with a constant in each channel that can only give one value, and the others' shift there if it fits."""
    single = one_value(channels)
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
        trial, fits = _linear_at(task_of(take(channels, index)), right)
        form = merge(form, index[fits], take(trial, fits))
        index = index[~fits]
    return form


def _linear_at(task: Task, right: int) -> tuple[Linear, Flags]:
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


def _staircase_at(task: Task, scales: Int, shift: int, allowed: Flags) -> tuple[Staircase, Flags]:
    """The form with this shift, and the channels for which it is proved."""
    channels, zeros = task.channels, np.zeros_like(scales)
    single = one_value(channels)
    constant = np.where(single, channels.values(channels.acc_low) << shift, 0)
    form = Staircase(zeros, zeros, constant, shift, scales, clamps=True)
    index = np.flatnonzero(allowed & ~single)
    for search in (_near, _nearest_constant):
        for nudge in NUDGES:
            if len(index):
                trial, fits = _walk(task.take(index), scales[index], shift, nudge, search)
                form = merge(form, index[fits], take(trial, fits))
                index = index[~fits]
    return keep_proved(channels, form)


def _walk(task: Task, scales: Int, shift: int, nudge: int, search: Search) -> tuple[Staircase, Flags]:
    """A form, and the channels where it fits its window."""
    multiplier = np.maximum(nearest(task.channels, scales, shift) + nudge, 1)
    lowest, highest = room(task.channels, scales)
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
    return form, fits[first] & usable


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


def _kappa_at(
    task: Task, kappas: Sequence[int], limits: Int, shift: int, allowed: Flags
) -> tuple[KappaStaircase, Flags]:
    """The form with this shift, and the channels for which it is proved."""
    channels, zeros = task.channels, np.zeros_like(limits)
    single = one_value(channels)
    goal = channels.values(channels.acc_low) << (WORD + shift)
    form = KappaStaircase(
        zeros, np.where(single, -(-goal // INT32_MAX), 0), np.where(single, INT32_MAX, 0), shift, clamps=True
    )
    pending = np.flatnonzero(allowed & ~single)
    for kappa in kappas[:FIRST_KAPPAS]:
        if len(pending):
            trial, fits = _fine(task.take(pending), np.full(len(pending), kappa), shift, 0)
            fits &= kappa <= limits[pending]
            form = merge(form, pending[fits], take(trial, fits))
            pending = pending[~fits]
    for channel in pending:
        few = np.array([kappa for kappa in kappas if kappa <= limits[channel]], np.int64)
        trial = _any_kappa(task.take(np.full(len(few), channel)), few, shift)
        form = merge(form, np.full(len(trial.kappa), channel), trial)
    return keep_proved(channels, form)


def _any_kappa(task: Task, kappas: Int, shift: int) -> KappaStaircase:
    """A form for one channel, which `task` holds once for each of `kappas`; with no channel where none fits."""
    for nudge in NUDGES:
        trial, fits = _fine(task, kappas, shift, nudge)
        if fits.any():
            break
    return take(trial, np.flatnonzero(fits)[:1])


def _fine(task: Task, kappas: Int, shift: int, nudge: int) -> tuple[KappaStaircase, Flags]:
    """A form, and the channels where it fits its window."""
    multiplier = np.maximum(nearest(task.channels, kappas, shift) + nudge, 1)
    low, high = task.window(np.zeros_like(kappas), kappas * multiplier, shift)
    fine = -(-low // multiplier)
    sums = kappas * np.stack([task.channels.acc_low, task.channels.acc_high]) + fine
    usable = ((sums >= INT32_MIN) & (sums <= INT32_MAX)).all(axis=0) & (multiplier <= INT32_MAX)
    form = KappaStaircase(kappas, fine, multiplier, shift, clamps=True)
    return form, usable & (fine * multiplier < high)

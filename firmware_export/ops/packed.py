"""Filters for kernels with SIMD instructions: pairs of channels packed into halfwords, and their requantization.

c/kernels/edgenet_dsp.h describes both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Array, Node
from . import linear
from .arithmetic import Int, wrap_int32

if TYPE_CHECKING:
    from ..requant import Channels, Form

ODD = 256
"""What the odd channel of a pair is multiplied by."""
EVEN_SHIFT, ODD_BITS = 2, 8
"""The staircase's shift for even channels in kernels that have it in an instruction; odd channels' are 8 more."""
STAIRCASE, LINEAR, EXACT = 0, 1, 2
"""The forms, as the kernels number them; the last one is for plain C only, and needs no proof."""


@dataclass(frozen=True)
class Sums:
    """What an even and an odd channel's sums are multiplied by when they are requantized, and their biases before."""

    scale: tuple[int, int]
    bias: tuple[int, int]


PLAIN = Sums((1, 1), (1, 1))
"""As they are."""
PACKED = Sums((1, ODD), (1, ODD))
"""Of packed pairs."""
SEPARATE = Sums((1, 1), (1, ODD))
"""Of packed pairs whose odd sums are divided again."""


@dataclass(frozen=True, eq=False)
class Requant:
    """How a kernel requantizes, one entry for each channel (C,); `bias` is in the scale of the channel's sum.

    `proofs` are what was asked for and the forms that were proved, for some channels each.
    """

    form: int
    bias: Int
    multiplier: Int
    constant: Int
    shift: Int
    proofs: tuple[tuple[Channels, Form], ...]


def run_order(runs: int, run: int) -> Int:
    """The inputs (words, 2) of each word, for so many runs of inputs; -1 stands for 0.

    The last inputs of two runs of odd length share the word that the first of them began.
    """
    order: list[tuple[int, int]] = []
    begun: int | None = None
    for start in range(0, runs * run, run):
        whole, end = start + run - run % 4, start + run
        for k in range(start, whole, 4):
            order += [(k, k + 2), (k + 1, k + 3)]
        if run % 4 >= 2:
            order.append((whole, whole + 1))
        if run % 2 and begun is None:
            begun = len(order)
            order.append((end - 1, -1))
        elif run % 2 and begun is not None:
            order[begun], begun = (order[begun][0], end - 1), None
    return np.array(order, np.int64)


def halves(weights: Array) -> Int:
    """int64 (pairs, taps): 256 * odd + even, of int8 weights (channels, taps); a missing last channel counts as 0."""
    wide = weights.astype(np.int64)
    if len(wide) % 2:
        wide = np.concatenate([wide, np.zeros_like(wide[:1])])
    return ODD * wide[1::2] + wide[::2]


def packable(weights: Array) -> bool:
    """Whether every pair fits into a halfword; all do where no weight is -128."""
    packed = halves(weights)
    return bool(packed.min() >= -(1 << 15) and packed.max() < 1 << 15)


def packed_words(weights: Array, order: Int) -> Array:
    """int32 (pairs, words): for each pair of channels all its words in order, the first input in the lower half."""
    packed = halves(weights)
    padded = np.concatenate([packed, np.zeros((len(packed), 1), np.int64)], axis=1)[:, order]
    return wrap_int32((padded[:, :, 0] & 0xFFFF) | padded[:, :, 1] << 16).astype(np.int32)


def folded_bias(node: Node, weights: Array) -> Int:
    """int64 (channels,): the bias less the input's zero point times the sum of int8 weights (channels, taps)."""
    bias: Int = linear.constant_bias(node) - node.need(0).zero_point * weights.astype(np.int64).sum(axis=1)
    return bias


def accumulator_bounds(node: Node, weights: Array) -> tuple[Int, Int]:
    """(lowest, highest) int64 (channels,) that bias and products can add up to, with int8 weights (channels, taps).

    A pass may have put closer bounds into the options acc_low and acc_high.
    """
    low, high = node.op.options.get("acc_low"), node.op.options.get("acc_high")
    if isinstance(low, tuple) and isinstance(high, tuple):
        return np.array(low, np.int64), np.array(high, np.int64)
    wide, zero_point = weights.astype(np.int64), node.need(0).zero_point
    least, most = wide * (-128 - zero_point), wide * (127 - zero_point)
    bias = linear.constant_bias(node)
    return bias + np.minimum(least, most).sum(axis=1), bias + np.maximum(least, most).sum(axis=1)


def requantization(
    node: Node, weights: Array, sums: Sums = PACKED, shifts: tuple[int, ...] = (EVEN_SHIFT,)
) -> Requant | None:
    """How to requantize the sums of int8 weights (channels, taps), proved for every sum; None where no form is.

    Args:
        node: the operator.
        weights: its filters.
        sums: what the kernel makes of them.
        shifts: the staircase's for even channels that the kernel can do; the first one that is proved is taken. With
            none every channel has a shift of its own.
    """
    options = node.op.options
    facts = (options["activation"], options.get("acc_low"), options.get("acc_high"), weights.shape)
    return _requantization(_Task(node, weights, sums, shifts, (*node.inputs, *node.outputs, *facts)))


@dataclass(frozen=True)
class _Task:
    """What `requantization` is asked; equal where `key`, `sums` and `shifts` are."""

    node: Node = field(compare=False)
    weights: Array = field(compare=False)
    sums: Sums
    shifts: tuple[int, ...]
    key: tuple[object, ...]


@lru_cache(maxsize=256)
def _requantization(task: _Task) -> Requant | None:
    """Remembered, because a choice of kernels asks again and again."""
    low, high = accumulator_bounds(task.node, task.weights)
    if low.min() < -(1 << 31) or high.max() >= 1 << 31:
        return None
    one_for_all = task.sums == PLAIN and len(linear.channel_multipliers(task.node)[0]) == 1
    joint = np.full_like(low, low.min()), np.full_like(high, high.max())
    # What holds for the sums of all channels is the same for each: one entry of the tables is enough then.
    found = _within(task, *joint) if one_for_all else None
    return found or _within(task, low, high)


def _within(task: _Task, low: Int, high: Int) -> Requant | None:
    """The same for these bounds of the sums."""
    from ..requant import channels_of

    channels, bias = channels_of(task.node, low, high), folded_bias(task.node, task.weights)
    if task.shifts:
        stairs = (_staircase(channels, bias, task.sums, shift) for shift in task.shifts)
        return next(filter(None, stairs), None) or _linear(channels, bias, task.sums)
    return _own_staircases(channels, bias) or _linear(channels, bias, task.sums)


def _own_staircases(channels: Channels, bias: Int) -> Requant | None:
    """Every channel with a shift of its own, its sum as it is."""
    from ..requant import staircase_channels, take

    new_bias, multiplier, constant, shift = (np.zeros(len(bias), np.int64) for _ in range(4))
    proofs: list[tuple[Channels, Form]] = []
    left = np.arange(len(bias))
    while len(left):
        group = take(channels, left)
        form, proved = staircase_channels(group, 1)
        if not proved.any():
            return None
        index = left[proved]
        new_bias[index] = bias[index] + form.offset[proved]
        multiplier[index], constant[index] = form.multiplier[proved], form.constant[proved]
        shift[index] = form.shift
        proofs.append((take(group, proved), take(form, proved)))
        left = left[~proved]
    return Requant(STAIRCASE, new_bias, multiplier, constant, shift, tuple(proofs))


def _staircase(channels: Channels, bias: Int, sums: Sums, even_shift: int) -> Requant | None:
    """One shift for the even channels, and one for the odd ones."""
    from ..requant import staircase_channels, take

    arrays = [np.zeros(len(bias), np.int64) for _ in range(4)]
    proofs: list[tuple[Channels, Form]] = []
    for first in range(2):
        index = np.arange(first, len(bias), 2)
        shift = even_shift + (ODD_BITS if sums.scale[first] == ODD else 0)
        group = take(channels, index)
        form, proved = staircase_channels(group, np.full(len(index), sums.scale[first], np.int64), shift)
        if not proved.all():
            return None
        found = (
            sums.bias[first] * (bias[index] + form.offset),
            form.multiplier,
            form.constant,
            np.full_like(index, shift),
        )
        for array, values in zip(arrays, found, strict=True):
            array[index] = values
        proofs.append((group, form))
    return Requant(STAIRCASE, arrays[0], arrays[1], arrays[2], arrays[3], tuple(proofs))


def _linear(channels: Channels, bias: Int, sums: Sums) -> Requant | None:
    """None where a channel needs a left shift, or where a sum leaves int32."""
    from ..requant import linear as linear_form

    odd = np.arange(len(bias)) % 2
    form = linear_form(channels)
    reach = np.maximum(np.abs(channels.acc_low), np.abs(channels.acc_high))
    scale = np.maximum(np.array(sums.scale)[odd], 2)
    if form is None or (form.left != 1).any() or (reach * scale >= 1 << 31).any():
        return None
    biases = np.array(sums.bias)[odd] * bias
    return Requant(LINEAR, biases, form.multiplier, form.constant, form.right, ((channels, form),))


def records(requant: Requant, words: Array, together: int = 1, chunks: int = 1) -> Array:
    """int32, flat: the pairs' records, as edgenet_dsp.h describes them, from words (pairs, chunks * W).

    So many pairs `together` are one record, their words side by side; what remains are records of one pair. With
    several chunks of words what requantizes comes last; the biases belong to the first chunk.
    """
    biases, ends = _pair_columns(requant)
    whole = len(words) // together * together
    groups = [slice(*bounds) for bounds in pairwise([*range(0, whole, together), *range(whole, len(words) + 1)])]
    parts: list[Array] = []
    for number, chunk in enumerate(np.split(words, chunks, axis=1)):
        for at in groups:
            parts += [biases[at].reshape(-1) * (number == 0), chunk[at].T.reshape(-1)]
            parts += [ends[at].reshape(-1)] if chunks == 1 else []
    parts += [ends.reshape(-1)] if chunks > 1 else []
    return np.concatenate(parts).astype(np.int32)


def _pair_columns(requant: Requant) -> tuple[Array, Array]:
    """int32 (pairs, 2) and (pairs, 4 or 6): what comes before and behind a pair's words."""
    count = len(requant.bias)
    padding = (0, count % 2)
    arrays = (requant.bias, requant.multiplier, requant.constant, requant.shift)
    bias, multiplier, constant, shift = (np.pad(array, padding).reshape(-1, 2) for array in arrays)
    biases = np.stack([bias[:, 0], bias.sum(axis=1)], axis=1)
    ends = [multiplier[:, 0], constant[:, 0], multiplier[:, 1], constant[:, 1]]
    ends += [*shift.T] if requant.form == LINEAR else []
    return wrap_int32(biases).astype(np.int32), wrap_int32(np.stack(ends, axis=1)).astype(np.int32)

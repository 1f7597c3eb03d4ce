"""Filters for kernels with SIMD instructions: pairs of channels packed into halfwords, and their requantization.

c/kernels/edgenet_dsp.h describes both.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Array, Node
from . import linear
from .arithmetic import Int, wrap_int32

if TYPE_CHECKING:
    from ..requant import Channels

ODD = 256
"""What the odd channel of a pair is multiplied by."""
STAIRCASE, LINEAR = 0, 1
"""The forms, as the kernels number them."""
MOST_SHIFT_GROUPS = 8


@dataclass(frozen=True, eq=False)
class Requant:
    """How a kernel requantizes, one entry for each channel (C,); `bias` is in the scale of the channel's sum."""

    form: int
    bias: Int
    multiplier: Int
    constant: Int
    shift: Int


def run_order(runs: int, run: int) -> Int:
    """The inputs (words, 2) of each word, for so many runs of inputs; -1 stands for 0."""
    order: list[tuple[int, int]] = []
    for start in range(0, runs * run, run):
        whole = start + run - run % 4
        for k in range(start, whole, 4):
            order += [(k, k + 2), (k + 1, k + 3)]
        rest = [*range(whole, start + run), -1]
        order += [(rest[i], rest[i + 1]) for i in range(0, len(rest) - 1, 2)]
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


def requantization(node: Node, weights: Array, scale: Int | None = None) -> Requant | None:
    """How to requantize the sums of int8 weights (channels, taps), proved for every sum; None where no form is.

    A kernel's sums are multiplied by `scale` (channels,); that of packed pairs where it is None.
    """
    from ..requant import channels_of

    low, high = accumulator_bounds(node, weights)
    if low.min() < -(1 << 31) or high.max() >= 1 << 31:
        return None
    channels, bias = channels_of(node, low, high), folded_bias(node, weights)
    if scale is None:
        scale = np.where(np.arange(len(weights)) % 2, ODD, 1).astype(np.int64)
    return _staircase(channels, bias, scale) or _linear(channels, bias, scale)


def _staircase(channels: Channels, bias: Int, scale: Int) -> Requant | None:
    """Every channel with a shift of its own."""
    from ..requant import staircase_channels, take

    count = len(bias)
    found = Requant(STAIRCASE, *(np.zeros(count, np.int64) for _ in range(4)))
    left = np.arange(count)
    for _ in range(MOST_SHIFT_GROUPS):
        form, proved = staircase_channels(take(channels, left), scale[left])
        index = left[proved]
        found.bias[index] = scale[index] * (bias[index] + form.offset[proved])
        found.multiplier[index], found.constant[index] = form.multiplier[proved], form.constant[proved]
        found.shift[index] = form.shift
        left = left[~proved]
        if not len(left) or not proved.any():
            break
    return None if len(left) else found


def _linear(channels: Channels, bias: Int, scale: Int) -> Requant | None:
    """None where a channel needs a left shift, or where a multiplied sum, or a doubled one, leaves int32."""
    from ..requant import linear as linear_form

    form = linear_form(channels)
    reach = np.maximum(np.abs(channels.acc_low), np.abs(channels.acc_high))
    if form is None or (form.left != 1).any() or (reach * np.maximum(scale, 2) >= 1 << 31).any():
        return None
    return Requant(LINEAR, scale * bias, form.multiplier, form.constant, form.right)


def records(requant: Requant, words: Array, together: int = 1) -> Array:
    """int32, flat: the pairs' records, as edgenet_dsp.h describes them, from words (pairs, W).

    So many pairs `together` are one record, their words side by side; what remains are records of one pair.
    """
    biases, ends = _pair_columns(requant)
    whole = len(words) // together * together
    parts: list[Array] = []
    for start, count in [
        *((i, together) for i in range(0, whole, together)),
        *((i, 1) for i in range(whole, len(words))),
    ]:
        at = slice(start, start + count)
        parts += [biases[at].reshape(-1), words[at].T.reshape(-1), ends[at].reshape(-1)]
    return np.concatenate(parts).astype(np.int32)


def _pair_columns(requant: Requant) -> tuple[Array, Array]:
    """int32 (pairs, 2) and (pairs, 6): what comes before and behind a pair's words."""
    count = len(requant.bias)
    padding = (0, count % 2)
    columns = (np.pad(getattr(requant, f.name), padding).reshape(-1, 2) for f in fields(requant)[1:])
    bias, multiplier, constant, shift = columns
    biases = np.stack([bias[:, 0], bias.sum(axis=1)], axis=1)
    ends = [multiplier[:, 0], constant[:, 0], multiplier[:, 1], constant[:, 1], *shift.T]
    return wrap_int32(biases).astype(np.int32), wrap_int32(np.stack(ends, axis=1)).astype(np.int32)

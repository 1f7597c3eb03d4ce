"""DEPTHWISE_CONV_2D_DSP: DEPTHWISE_CONV_2D with one filter for each channel, for cores with SIMD instructions.

c/kernels/edgenet_dsp.h describes the tables. Every channel has one of two exact forms of requantization: a staircase
over weights that are multiplied by a number of the channel's own, or the linear one. Groups of four channels go to the
kernel for 3x3 filters if it can compute all of them, else to the general one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..graph import Array, Node
from ..requant import Channels, Form, KappaStaircase, Linear, channels_of, kappa_channels, linear_channels, take
from ..requant_forms import Flags
from . import depthwise_conv2d as plain
from . import linear
from .arithmetic import INT8_MAX, INT8_MIN, Int, wrap_int32
from .spec import ONLY_IN_PLACE, Constant, KernelCall, Operator, Param
from .window import Window

GENERAL, SPECIAL = "depthwise_conv2d_dsp_s8", "depthwise_conv2d_3x3_dsp_s8"
LANES, WORD_BYTES, OUTPUTS = 4, 4, 4
"""Channels of a group; bytes of a word; outputs that the general kernel takes at a time."""
SHIFT = 8
"""EDGENET_DEPTHWISE_SHIFT: the shift of all staircases."""
STAIRCASE, LINEAR = 0, 1
"""The forms, as the kernels number them."""
LEAST_SLOTS, MOST_SLOTS = {1: 4, 2: 2}, 8
"""Words for which a column has room in the kernel for 3x3 filters: by the stride, or where the window is small."""
UNROLLED = 12
"""Outputs in a row, with stride 1, up to which a column has room for the most."""
SMALL_WINDOW, LARGE_WINDOW = 2048, 4096
"""Bytes of a window, with stride 2, that has the most; up to so many where that is a fourth of the input or less."""
MOST_INT16 = 32_767
LEAST_CHANNELS, LEAST_SPECIAL = 2, 48
LEAST_GENERAL = (128, 6, 4, 6)
"""Outputs, their width and channels, and weights of a filter. With fewer the plain kernel is faster on a Cortex-M4."""
MOSTLY = 4
"""So many groups for the kernel for 3x3 filters make up for one that is left to the general kernel."""


@dataclass(frozen=True)
class _Stripes:
    """How a kernel takes an image.

    Attributes:
        rows: output rows of a stripe.
        words: words that it sees of a column and channel, each of them two rows of the input.
        slots: words for which a column has room, for each channel.
        keeps: a stripe sees words of the one before.
    """

    rows: int
    words: int
    slots: int
    keeps: bool

    @property
    def together(self) -> int:
        """So many stripes are computed at a time."""
        return self.slots - self.words + 1


def _general_stripes(win: Window) -> _Stripes:
    keeps = win.dilation[0] == 1 and win.stride[0] <= 2
    rows = 2 if keeps and win.stride[0] == 1 else 1
    words = (win.size[0] + rows) // 2
    return _Stripes(rows, words, words, keeps)


def _special_stripes(win: Window, channels: int) -> _Stripes:
    stride = win.stride[0]
    if stride == 1:
        many = win.output[1] <= UNROLLED
    else:
        budget = min(max(SMALL_WINDOW, math.prod(win.input) * channels // 4), LARGE_WINDOW)
        many = LANES * WORD_BYTES * MOST_SLOTS * _columns(win) <= budget
    return _Stripes(3 - stride, 2, MOST_SLOTS if many else LEAST_SLOTS[stride], keeps=True)


def _columns(win: Window) -> int:
    """What the filters see, with padding."""
    return (win.output[1] - 1) * win.stride[1] + (win.size[1] - 1) * win.dilation[1] + 1


def _is_special(win: Window) -> bool:
    return win.size == (3, 3) and win.dilation == (1, 1) and win.stride in ((1, 1), (2, 2))


def _filters(node: Node) -> Int:
    """int64 (KH, KW, C)."""
    return np.asarray(node.constant(1)[0], np.int64)


@dataclass(frozen=True, eq=False)
class _Forms:
    """The forms that were found, and where the first and the second are proved: both (C,)."""

    channels: Channels
    kappa: KappaStaircase
    stepped: Flags
    linear: Linear
    straight: Flags

    @property
    def clamps(self) -> bool:
        """Whether the output has to be limited to the range of the activation."""
        return bool((self.stepped.any() and self.kappa.clamps) or (not self.stepped.all() and self.linear.clamps))


def _channels(node: Node) -> Channels:
    """What each channel has to compute, with tighter bounds of its sums where a pass has found some."""
    weights = _filters(node).reshape(-1, node.output.shape[3])
    zero_point, bias = node.need(0).zero_point, linear.constant_bias(node)
    ends = np.stack([weights * (INT8_MIN - zero_point), weights * (INT8_MAX - zero_point)])
    low, high = bias + ends.min(axis=0).sum(axis=0), bias + ends.max(axis=0).sum(axis=0)
    if "acc_low" in node.op.options:
        low = np.array(node.op.options["acc_low"], np.int64)
        high = np.array(node.op.options["acc_high"], np.int64)
    return channels_of(node, low, high)


def _forms(node: Node) -> _Forms:
    channels = _channels(node)
    largest = np.abs(_filters(node)).max(axis=(0, 1))
    kappa, stepped = kappa_channels(channels, limit=MOST_INT16 // np.maximum(largest, 1), shift=SHIFT)
    straight, proved = linear_channels(channels)
    return _Forms(channels, kappa, stepped, straight, proved)


def one_filter_each(node: Node) -> str | None:
    """there must be two or more channels, with one filter each"""
    channels, made = node.need(0).shape[3], node.output.shape[3]
    return None if made == channels >= LEAST_CHANNELS else f"{made} filters for {channels} channels"


def no_horizontal_dilation(node: Node) -> str | None:
    """there must be no horizontal dilation"""
    dilation = plain.filter_window(node).dilation[1]
    return None if dilation == 1 else str(dilation)


def enough_outputs(node: Node) -> str | None:
    """there must be 48 outputs or more, and with stride 2 three channels; but 128 or more, in rows of six or more, four
    channels or more, and six weights or more for each, unless the filters are 3x3 and nearly all channels have a
    staircase"""
    shape, size, win = node.output.shape, node.output.size, plain.filter_window(node)
    special, general = _groups(win, _forms(node))
    if len(special) >= MOSTLY * len(general):
        enough = size >= LEAST_SPECIAL and shape[3] > win.stride[0]
    else:
        found = (size, shape[2], shape[3], math.prod(win.size))
        enough = all(n >= least for n, least in zip(found, LEAST_GENERAL, strict=True))
    return None if enough else f"{shape} from filters {win.size}"


def known_forms(node: Node) -> str | None:
    """every channel must have a short exact form of requantization"""
    forms = _forms(node)
    missing = np.count_nonzero(~(forms.stepped | forms.straight))
    return f"none in {missing} of {len(forms.stepped)} channels" if missing else None


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of the kernel for 3x3 filters, or of the general one; of both where some groups need that one."""
    win, forms = plain.filter_window(node), _forms(node)
    special, general = _groups(win, forms)
    calls = []
    if special:
        slots = _special_stripes(win, node.output.shape[3]).slots
        calls.append((SPECIAL, slots, special, _special_words(node, win, forms.kappa)))
    if general:
        calls.append((GENERAL, _general_stripes(win).slots, general, _general_words(node, win, forms)))
    return [
        _call(node, win, kernel, slots, _table(groups, words), len(groups), clamps=forms.clamps and i + 1 == len(calls))
        for i, (kernel, slots, groups, words) in enumerate(calls)
    ]


def _groups(win: Window, forms: _Forms) -> tuple[list[slice], list[slice]]:
    """The groups of channels for the kernel for 3x3 filters, and those for the general one."""
    count = len(forms.stepped)
    groups = [slice(first, min(first + LANES, count)) for first in range(0, count, LANES)]
    special = [group for group in groups if _is_special(win) and forms.stepped[group].all()]
    return special, [group for group in groups if group not in special]


def _call(node: Node, win: Window, kernel: str, slots: int, table: Array, groups: int, *, clamps: bool) -> KernelCall:
    low, high = linear.output_range(node) if clamps else (INT8_MIN, INT8_MAX)
    weights = node.need(1)
    role = "weights" if kernel == SPECIAL else "general_weights"
    params: dict[str, Param] = {
        "input": node.need(0).shape,
        "output": node.output.shape,
        "filter": win.size,
        "stride": win.stride,
        "dilation": win.dilation,
        "pad": win.pad,
        "slots": slots,
        "groups": groups,
        "pad_value": node.need(0).zero_point,
        "activation_min": low,
        "activation_max": high,
        "table": Constant(role, table, f"'{weights.name}' {weights.shape} in groups of {LANES} channels"),
    }
    return KernelCall(kernel, params, (node.need(0),), node.output, scratch=True)


def _table(groups: Sequence[slice], words: Int) -> Array:
    """int32: the groups, each with the number of its first channel in front, of `words` (C, words of a channel)."""
    parts = [part for group in groups for part in ([group.start], words[group].reshape(-1))]
    return wrap_int32(np.concatenate(parts)).astype(np.int32)


def _special_words(node: Node, win: Window, kappa: KappaStaircase) -> Int:
    """int64 (C, 8): six words of weights, bias, multiplier."""
    filters = (_filters(node) * kappa.kappa).transpose(2, 1, 0)
    above, below = halves(filters[:, :, 0], filters[:, :, 1]), halves(filters[:, :, 1], filters[:, :, 2])
    last, none = filters[:, :, 2], np.zeros(len(filters), np.int64)
    if win.stride == (1, 1):
        words = np.stack([above, below], axis=2).reshape(len(filters), -1)
    else:
        words = np.column_stack([above, halves(last[:, 0], last[:, 1]), halves(last[:, 2], none), none])
    return np.column_stack([words, _bias(node, kappa.kappa, kappa.fine), kappa.multiplier])


def _general_words(node: Node, win: Window, forms: _Forms) -> Int:
    """int64 (C, 6 + words of weights)."""
    stepped, kappa, straight = forms.stepped, forms.kappa, forms.linear
    factor, fine = np.where(stepped, kappa.kappa, 1), np.where(stepped, kappa.fine, 0)
    head = [
        np.where(stepped, STAIRCASE, LINEAR),
        _bias(node, factor, fine),
        np.where(stepped, kappa.multiplier, straight.multiplier),
        np.where(stepped, 0, straight.constant),
        np.where(stepped, 0, straight.left),
        np.where(stepped, SHIFT, straight.right),
    ]
    stripes = _general_stripes(win)
    taps = np.zeros((stripes.rows, 2 * stripes.words, win.size[1], len(factor)), np.int64)
    for row in range(stripes.rows):
        taps[row, row : row + win.size[0]] = _filters(node) * factor
    words = halves(taps[:, ::2], taps[:, 1::2]).transpose(3, 0, 2, 1).reshape(len(factor), stripes.rows, -1)
    runs = np.pad(words, ((0, 0), (0, 0), (0, words.shape[2] % 2)))
    return np.column_stack([*head, runs.reshape(len(factor), -1)])


def _bias(node: Node, factor: Int, fine: Int) -> Int:
    """What the kernel's sums begin with: the bias less input zero point * sum of weights, times factor, plus fine."""
    sums = _filters(node).sum(axis=(0, 1))
    return wrap_int32((linear.constant_bias(node) - node.need(0).zero_point * sums) * factor + fine)


def halves(lower_half: Int, upper_half: Int) -> Int:
    """Two numbers as the halfwords of a word; int64."""
    return np.asarray((lower_half & 0xFFFF) | upper_half << 16)


def scratch_bytes(node: Node) -> int:
    """As c/kernels/edgenet_dsp.h says, for the kernel that needs more."""
    win = plain.filter_window(node)
    special, general = _groups(win, _forms(node))
    needed = [_special_bytes(win, node.output.shape[3])] if special else []
    return max([*needed, _general_bytes(win)] if general else needed)


def _special_bytes(win: Window, channels: int) -> int:
    stripes = _special_stripes(win, channels)
    rows = min(stripes.together * stripes.rows, _up(win.output[0], stripes.rows))
    return LANES * (WORD_BYTES * _columns(win) * stripes.slots + rows * win.output[1])


def _general_bytes(win: Window) -> int:
    stripes, width = _general_stripes(win), win.output[1]
    lane, outputs = _columns(win) * stripes.words, _up(width, OUTPUTS)
    last = (LANES - 1) * lane + (outputs - 1) * win.stride[1] * stripes.words
    reach = last + _up(stripes.words * win.size[1], 2)
    moves = _up(win.output[0], stripes.rows) // stripes.rows - 1 if stripes.keeps else 0
    return WORD_BYTES * (max(LANES * lane, reach) + moves + outputs) + LANES * stripes.rows * width


def _up(x: int, to: int) -> int:
    """The next multiple of `to`."""
    return -(-x // to) * to


def _kernels(node: Node, win: Window) -> list[_Stripes]:
    """How the kernels that compute `node` take an image."""
    special, general = _groups(win, _forms(node))
    taken = [_special_stripes(win, node.output.shape[3])] if special else []
    return [*taken, _general_stripes(win)] if general else taken


def overlap(node: Node, number: int) -> int | None:
    """In place if a channel's outputs only take the places of its own inputs that will not be read again."""
    win = plain.filter_window(node)
    if number != 0 or (node.output.shape[0] > 1 and math.prod(win.output) > math.prod(win.input)):
        return None
    in_place = all(_only_over_seen_rows(win, stripes) for stripes in _kernels(node, win))
    return ONLY_IN_PLACE if in_place else None


def _only_over_seen_rows(win: Window, stripes: _Stripes) -> bool:
    """Whether the stripes that are computed together take places of rows that none behind them reads."""
    rows = stripes.rows * stripes.together
    ends = np.arange(rows, win.output[0] + rows, rows)
    next_top = ends * win.stride[0] - win.pad[0]
    seen = next_top + 2 * (stripes.words - 1) if stripes.keeps else next_top
    seen[-1] = win.input[0]
    free = np.where(seen >= win.input[0], math.prod(win.output), np.maximum(seen, 0) * win.input[1])
    return bool((np.minimum(ends, win.output[0]) * win.output[1] <= free).all())


def proofs(node: Node) -> Sequence[tuple[Channels, Form]]:
    """What its requantization rests on."""
    found = _forms(node)
    forms: list[tuple[Channels, Form]] = []
    if found.stepped.any():
        forms.append((take(found.channels, found.stepped), take(found.kappa, found.stepped)))
    if not found.stepped.all():
        forms.append((take(found.channels, ~found.stepped), take(found.linear, ~found.stepped)))
    return forms


def work(node: Node) -> dict[str, int]:
    """What the runs of both kernels depend on."""
    win = plain.filter_window(node)
    special, general = _groups(win, _forms(node))
    units = _special_work(node, win, special) if special else {}
    return {**units, **_general_work(node, win, general)} if general else units


def _special_work(node: Node, win: Window, groups: Sequence[slice]) -> dict[str, int]:
    """Steps, stripes of a channel, columns of four channels widened, and bands of four channels."""
    stripes, batch = _special_stripes(win, node.output.shape[3]), node.output.shape[0]
    count = batch * -(-win.output[0] // stripes.rows)
    channels = sum(group.stop - group.start for group in groups)
    return {
        "steps": count * channels * win.output[1] * stripes.rows,
        "stripes": count * channels,
        "widened": (count + batch) * len(groups) * win.input[1],
        "bands": batch * -(-count // (batch * stripes.together)) * len(groups),
    }


def _general_work(node: Node, win: Window, groups: Sequence[slice]) -> dict[str, int]:
    """Four outputs at a time, pairs of words for them, rows of a channel, outputs, columns of four channels widened."""
    stripes, batch = _general_stripes(win), node.output.shape[0]
    count = batch * -(-win.output[0] // stripes.rows)
    rows = batch * win.output[0] * sum(group.stop - group.start for group in groups)
    fresh = count + batch * (stripes.words - 1) if stripes.keeps else count * stripes.words
    fours = _up(win.output[1], OUTPUTS) // OUTPUTS
    return {
        "fours": rows * fours,
        "pairs": rows * fours * (_up(stripes.words * win.size[1], 2) // 2),
        "rows": rows,
        "outputs_of_rows": rows * win.output[1],
        "columns": fresh * len(groups) * _columns(win),
    }


OPERATOR = Operator(
    output_shapes=plain.output_shapes,
    reference=plain.reference,
    lower=lower,
    constraints=(one_filter_each, no_horizontal_dilation, known_forms, enough_outputs),
    macs=plain.macs,
    scratch_bytes=scratch_bytes,
    overlap=overlap,
    work=work,
    proofs=proofs,
    internal=True,
    replaces="DEPTHWISE_CONV_2D",
    dsp=True,
)

"""What requantization has to compute, channel by channel, and the short forms that a kernel may compute instead.

A form is only data: `requant.py` looks for one, `requant_proof.py` proves it. `values` is what the instructions give,
in numpy, with 32-bit registers that wrap. Arrays are int64 (C,), one entry per channel, unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from .graph import Node
from .ops.arithmetic import INT8_MAX, INT8_MIN, Int, requantize, wrap_int32
from .ops.linear import channel_multipliers, output_range

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
WORD = 32
"""Bits of a register: SMMLA and SMMUL keep the bits from this one on."""


@dataclass(frozen=True, eq=False)
class Channels:
    """What has to be computed: int8 outputs from accumulators with bias, acc_low <= acc <= acc_high (within int32)."""

    multiplier: Int
    shift: Int
    zero_point: int
    low: int
    high: int
    acc_low: Int
    acc_high: Int

    def __len__(self) -> int:
        return len(self.multiplier)

    def values(self, acc: Int) -> Int:
        """The exact outputs (..., C) of accumulators (..., C). Source: ops/arithmetic.py requantize."""
        scaled = requantize(acc, self.multiplier, self.shift) + self.zero_point
        return np.asarray(np.clip(scaled, self.low, self.high))


@dataclass(frozen=True, eq=False)
class Staircase:
    """SSAT8((constant + hi32(sum * multiplier)) >> shift), sum = scale * (acc + offset): SMMLA, SSAT with ASR.

    The kernel's accumulator has `scale` in it (1, 4 of Winograd, 256 of the odd channel of a packed pair) and
    scale * offset in its bias; it may wrap on its way. `shift` is one for all channels. With `clamps` the output has to
    be limited to [low, high] behind SSAT8. Where `multiplier` is 0 the channel is constant.
    """

    offset: Int
    multiplier: Int
    constant: Int
    shift: int
    scale: Int
    clamps: bool

    def sums(self, acc: Int) -> Int:
        """The accumulator as the kernel has it, before any wrap."""
        return np.asarray(self.scale * (acc + self.offset))

    def values(self, acc: Int) -> Int:
        """What SSAT8 gives for accumulators (..., C)."""
        return staircase_values(self.sums(acc), self.multiplier, self.constant, self.shift)


@dataclass(frozen=True, eq=False)
class KappaStaircase:
    """SSAT8(hi32(sum * multiplier) >> shift), sum = kappa * acc + fine: SMMUL, SSAT with ASR.

    For kernels whose weights are int16 and multiplied by `kappa`, so that their bias, kappa * bias + fine, is finer
    than a step of the accumulator. The rest is as in `Staircase`; a constant channel has kappa 0.
    """

    kappa: Int
    fine: Int
    multiplier: Int
    shift: int
    clamps: bool

    @property
    def constant(self) -> Int:
        """Nothing is added to the product."""
        return np.zeros_like(self.multiplier)

    def sums(self, acc: Int) -> Int:
        """The accumulator as the kernel has it, before any wrap."""
        return np.asarray(self.kappa * acc + self.fine)

    def values(self, acc: Int) -> Int:
        """What SSAT8 gives for accumulators (..., C)."""
        return staircase_values(self.sums(acc), self.multiplier, self.constant, self.shift)


@dataclass(frozen=True, eq=False)
class Linear:
    """x = SMMULR(acc << left, multiplier); x += x >> 31; SSAT8((x + constant) >> right), with right >= 1.

    `left` has the doubling of SMMULR in it: it is max(shift, 0) + 1 where the form is TFLite's own arithmetic,
    rewritten. Channels without the second rounding (shift >= 0) are expressed by a larger `left` with a larger `right`,
    or not at all. Every channel has its own `left` and `right`. `clamps` is as in `Staircase`.
    """

    multiplier: Int
    left: Int
    right: Int
    constant: Int
    clamps: bool

    def rounded(self, acc: Int) -> Int:
        """x + (x >> 31)."""
        x = ((acc << self.left).astype(np.int32).astype(np.int64) * self.multiplier + (1 << 31)) >> WORD
        return np.asarray(x + (x >> 31))

    def values(self, acc: Int) -> Int:
        """What SSAT8 gives for accumulators (..., C)."""
        return ssat8(wrap_int32(self.rounded(acc) + self.constant) >> self.right)


Form: TypeAlias = Staircase | KappaStaircase | Linear
Flags: TypeAlias = npt.NDArray[np.bool_]
Record = TypeVar("Record", Channels, Staircase, KappaStaircase, Linear)
AnyForm = TypeVar("AnyForm", Staircase, KappaStaircase, Linear)


def staircase_values(sums: Int, multiplier: Int, constant: Int, shift: int) -> Int:
    """SSAT8((constant + hi32(sums * multiplier)) >> shift)."""
    return ssat8(wrap_int32(constant + (wrap_int32(sums) * multiplier >> WORD)) >> shift)


def ssat8(x: Int) -> Int:
    """`x` limited to int8."""
    return np.asarray(np.clip(x, INT8_MIN, INT8_MAX))


def arrays_of(record: Channels | Form) -> dict[str, Int]:
    """The fields of `record` that have one entry per channel."""
    return {f.name: v for f in fields(record) if isinstance(v := getattr(record, f.name), np.ndarray)}


def changed(record: Record, **values: Any) -> Record:
    """`record` with other values; dataclasses.replace with a type that checks."""
    return replace(record, **values)


def take(record: Record, index: Int | Flags | slice) -> Record:
    """The channels `index` of `record`: numbers, flags or a slice, as numpy takes them."""
    return changed(record, **{name: array[index] for name, array in arrays_of(record).items()})


def channels_of(node: Node, acc_low: Int, acc_high: Int) -> Channels:
    """What a convolution or FULLY_CONNECTED has to compute, from bounds of its accumulators with bias (C,)."""
    multipliers, shifts = channel_multipliers(node)
    shape = acc_low.shape
    return Channels(
        np.broadcast_to(multipliers, shape).astype(np.int64),
        np.broadcast_to(shifts, shape).astype(np.int64),
        node.output.zero_point,
        *output_range(node),
        acc_low.astype(np.int64),
        acc_high.astype(np.int64),
    )

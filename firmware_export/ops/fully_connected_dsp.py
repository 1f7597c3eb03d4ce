"""FULLY_CONNECTED by c/kernels/fully_connected_dsp_s8.c, for cores with SIMD instructions: eight channels at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Array, Node
from . import fully_connected, linear
from .arithmetic import INT8_MIN, Int
from .fully_connected import filter_shape
from .linear import constant_bias
from .overlap import safe_distance
from .packed import (
    PACKED,
    SEPARATE,
    Requant,
    accumulator_bounds,
    folded_bias,
    packable,
    packed_words,
    records,
    requantization,
    run_order,
)
from .spec import Constant, KernelCall, Operator, Param

if TYPE_CHECKING:
    from ..requant import Channels, Form

BLOCK_PAIRS, WORD_BYTES = 4, 4
"""The kernel takes so many pairs of channels at a time, and widens inputs to words."""
MOST_ODD = 1 << 23
"""What an odd channel's sum must stay below, since it comes 256-fold in 32 bits."""
SHIFTS = (4, 2, 1, 6, 0, 8, 10)
"""Of the staircase, in the order in which they are tried."""
MOST_WORDS = 400
"""Of a chunk: a longer row would need too much memory."""
MOST_OFFSET = 1 << 16
"""Room for what a form adds to a bias."""


def constants(node: Node) -> str | None:
    """filter and bias must be constants, without a zero point"""
    return None if fully_connected.by_constants(node) else "computed"


def weights_pack(node: Node) -> str | None:
    """pairs of weights must fit into halfwords"""
    return None if packable(_filters(node)) else "a weight of -128"


def requantizes(node: Node) -> str | None:
    """a short form of requantization must be proved for every sum"""
    return None if _requant(node) is not None else "no short form"


def _filters(node: Node) -> Array:
    return node.constant(1).reshape(filter_shape(node))


def chunks(node: Node) -> int:
    """In how many parts a row of inputs is taken: few, so that 256 times an odd channel's sum stays within int32, and
    none too long."""
    low, high = accumulator_bounds(node, _filters(node))
    odd = slice(1, None, 2)
    words = len(run_order(1, filter_shape(node)[1]))
    if max(-low[odd].min(initial=0), high[odd].max(initial=0)) < MOST_ODD and words <= MOST_WORDS:
        return 1
    reach = np.abs(_filters(node).astype(np.int64)).sum(axis=1) * -INT8_MIN + np.abs(constant_bias(node))
    return max(int(-(-reach[odd].max(initial=0) // MOST_ODD)) + 1, -(-words // MOST_WORDS))


def _requant(node: Node) -> Requant | None:
    several = chunks(node) > 1
    if several and not _chunks_hold(node):
        return None
    return requantization(node, _filters(node), SEPARATE if several else PACKED, SHIFTS)


def _chunks_hold(node: Node) -> bool:
    """Whether every chunk's sum of every odd channel, with the bias in the first one, stays small enough."""
    order, weights = _order(node), np.abs(_filters(node).astype(np.int64))
    padded = np.concatenate([weights, np.zeros((len(weights), 1), np.int64)], axis=1)[1::2]
    parts = padded[:, order].reshape(len(padded), -1, 2 * _words(node)).sum(axis=2) * -INT8_MIN
    parts[:, 0] += np.abs(folded_bias(node, _filters(node)))[1::2]
    return int(parts.max(initial=0)) < MOST_ODD - MOST_OFFSET


def _words(node: Node) -> int:
    """Words of a chunk, an even number where there are several, so that each begins as a row does."""
    words, parts = len(run_order(1, filter_shape(node)[1])), chunks(node)
    return words if parts == 1 else -(-words // (2 * parts)) * 2


def _order(node: Node) -> Int:
    """The inputs (words, 2) of each word of all chunks, -1 for 0."""
    order = run_order(1, filter_shape(node)[1])
    return np.concatenate([order, np.full((-len(order) % _words(node), 2), -1)])


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of fully_connected_dsp_s8."""
    weights, requant, order = _filters(node), _requant(node), _order(node)
    assert requant is not None  # a constraint
    channels, depth = weights.shape
    low, high = linear.output_range(node)
    params: dict[str, Param] = {
        "rows": node.need(0).size // depth,
        "depth": depth,
        "channels": channels,
        "words": _words(node),
        "even_shift": int(requant.shift[0]),
        "odd_shift": int(requant.shift[1]) if channels > 1 else 0,
        "activation_min": low,
        "activation_max": high,
        "form": requant.form,
        "pairs": Constant(
            "pairs",
            records(requant, packed_words(weights, order), BLOCK_PAIRS, len(order) // _words(node)),
            f"'{node.need(1).name}' {node.need(1).shape}, biases and requantization, two channels in a record",
        ),
    }
    return [KernelCall("fully_connected_dsp_s8", params, (node.need(0),), node.output, scratch=True)]


def scratch_bytes(node: Node) -> int:
    """A widened row or chunk; with chunks all sums."""
    channels = filter_shape(node)[0]
    return WORD_BYTES * (_words(node) + (channels + 1) * (chunks(node) > 1))


def overlap(node: Node, number: int) -> int | None:
    """How far before its input the output has to begin: a row has been read before any of its outputs is written."""
    if number != 0:
        return None
    channels, depth = filter_shape(node)
    row = np.arange(node.need(0).size // depth)
    return safe_distance(row * depth, (row + 1) * channels)


def proofs(node: Node) -> Sequence[tuple[Channels, Form]]:
    """What its requantization rests on."""
    requant = _requant(node)
    return requant.proofs if requant else ()


OPERATOR = Operator(
    options=fully_connected.OPERATOR.options,
    constraints=(*fully_connected.OPERATOR.constraints, constants, weights_pack, requantizes),
    output_shapes=fully_connected.output_shapes,
    reference=fully_connected.reference,
    lower=lower,
    macs=fully_connected.macs,
    scratch_bytes=scratch_bytes,
    overlap=overlap,
    proofs=proofs,
    internal=True,
    replaces="FULLY_CONNECTED",
    dsp=True,
)

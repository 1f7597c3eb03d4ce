"""FULLY_CONNECTED by c/kernels/fully_connected_dsp_s8.c, for cores with SIMD instructions: eight channels at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Array, Node
from . import fully_connected, linear
from .fully_connected import filter_shape
from .overlap import safe_distance
from .packed import Requant, packable, packed_words, records, requantization, run_order
from .spec import Constant, KernelCall, Operator, Param

if TYPE_CHECKING:
    from ..requant import Channels, Form

BLOCK_PAIRS, WORD_BYTES = 4, 4
"""The kernel takes so many pairs of channels at a time, and widens inputs to words."""


def constants(node: Node) -> str | None:
    """filter and bias must be constants, without a zero point"""
    return None if fully_connected.by_constants(node) else "computed"


def weights_pack(node: Node) -> str | None:
    """pairs of weights must fit into halfwords"""
    return None if packable(_filters(node)) else "a weight of -128"


def requantizes(node: Node) -> str | None:
    """a short form of requantization must be proved for every sum"""
    return None if requantization(node, _filters(node)) is not None else "no short form"


def _filters(node: Node) -> Array:
    return node.constant(1).reshape(filter_shape(node))


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of fully_connected_dsp_s8."""
    weights = _filters(node)
    channels, depth = weights.shape
    requant: Requant | None = requantization(node, weights)
    assert requant is not None  # a constraint
    low, high = linear.output_range(node)
    order = run_order(1, depth)
    params: dict[str, Param] = {
        "rows": node.need(0).size // depth,
        "depth": depth,
        "channels": channels,
        "words": len(order),
        "activation_min": low,
        "activation_max": high,
        "form": requant.form,
        "pairs": Constant(
            "pairs",
            records(requant, packed_words(weights, order), BLOCK_PAIRS),
            f"'{node.need(1).name}' {node.need(1).shape}, biases and requantization, two channels in a record",
        ),
    }
    return [KernelCall("fully_connected_dsp_s8", params, (node.need(0),), node.output, scratch=True)]


def scratch_bytes(node: Node) -> int:
    """A widened row."""
    return WORD_BYTES * len(run_order(1, filter_shape(node)[1]))


def overlap(node: Node, number: int) -> int | None:
    """How far before its input the output has to begin: a row is copied before any of its outputs is written."""
    if number != 0:
        return None
    channels, depth = filter_shape(node)
    row = np.arange(node.need(0).size // depth)
    return safe_distance(row * depth, (row + 1) * channels)


def proofs(node: Node) -> Sequence[tuple[Channels, Form]]:
    """What its requantization rests on."""
    requant = requantization(node, _filters(node))
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

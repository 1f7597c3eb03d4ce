"""CONV_2D by c/kernels/conv2d_winograd_s8.c, for cores with SIMD instructions: 3x3, stride 1, by Winograd's method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Array, Node
from . import conv2d, linear
from .arithmetic import Int, wrap_int32
from .conv2d_dsp import no_groups
from .overlap import safe_distance
from .packed import Requant, Sums, requantization, run_order
from .spec import Constant, KernelCall, Operator, Param

if TYPE_CHECKING:
    from ..requant import Channels, Form

SUMS = Sums((4, 4), (4, 4))
"""The kernel's are multiplied by 4."""
SHIFTS = (6, 4, 2, 8, 0)
"""Of the staircase, in the order in which they are tried."""
WIDTH, POSITIONS, ROWS, WORD_BYTES = 8, 16, 4, 4
"""Columns of a group of four tiles; elements of a transformed tile; rows that are held, of words."""
SUM_WORDS = POSITIONS * WIDTH
FILTER_TRANSFORM = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]])
"""2G."""
SIGNS = np.outer([1, 1, -1, -1], [-1, 1, 1, -1])
"""Of the transformed filters, by row and column: with them the sums of a column can go on from one another."""


def is_3x3(node: Node) -> str | None:
    """the filter must be 3x3, in steps of one, not dilated"""
    win = conv2d.window_of(node)
    if win.size == (3, 3) and win.stride == (1, 1) and win.dilation == (1, 1):
        return None
    return f"{win.size} in steps of {win.stride}, dilated by {win.dilation}"


def requantizes(node: Node) -> str | None:
    """a short form of requantization must be proved for four times every sum"""
    return None if _requantization(node) is not None else "no short form"


def _requantization(node: Node) -> Requant | None:
    filters = node.constant(1)
    weights = filters.reshape(len(filters), -1)
    return requantization(node, weights, SUMS, SHIFTS)


def transformed(filters: Array) -> Int:
    """int64 (OC, 16, C) of int8 filters (OC, 3, 3, C): (2G) g (2G)^T with the kernel's signs, column after column."""
    wide = filters.astype(np.int64)
    spread = np.einsum("iy,oyxc,jx,ij->ojic", FILTER_TRANSFORM, wide, FILTER_TRANSFORM, SIGNS, optimize=True)
    return np.asarray(spread.reshape(len(wide), POSITIONS, -1))


def words(node: Node) -> int:
    """Pairs of input channels."""
    return -(-node.need(0).shape[3] // 2)


def pitch(node: Node) -> int:
    """Columns of a held row."""
    return -(-node.output.shape[2] // WIDTH) * WIDTH + 2


def records(requant: Requant, filters: Array) -> Array:
    """int32, flat: the pairs' records, as the kernel describes them."""
    spread = transformed(filters)
    order = run_order(1, filters.shape[3])
    padded = np.pad(spread, ((0, len(spread) % 2), (0, 0), (0, 1)))[:, :, order]
    packed = (padded[..., 0] & 0xFFFF) | padded[..., 1] << 16
    pairs = len(packed) // 2
    weights = packed.reshape(pairs, 2, -1).transpose(0, 2, 1).reshape(pairs, -1)
    columns = np.stack([requant.bias, requant.multiplier, requant.constant, requant.shift], axis=1)
    columns = np.pad(columns, ((0, len(columns) % 2), (0, 0))).reshape(pairs, 2, 4)
    parts = [columns[:, :, 0], weights, columns[:, :, 1:].reshape(pairs, -1)]
    return wrap_int32(np.concatenate(parts, axis=1)).astype(np.int32).reshape(-1)


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of conv2d_winograd_s8."""
    win, filters = conv2d.window_of(node), node.constant(1)
    requant = _requantization(node)
    assert requant is not None  # a constraint
    low, high = linear.output_range(node)
    params: dict[str, Param] = {
        "input": node.need(0).shape,
        "output": node.output.shape,
        "pad": win.pad,
        "words": words(node),
        "pitch": pitch(node),
        "pad_value": node.need(0).zero_point,
        "activation_min": low,
        "activation_max": high,
        "form": requant.form,
        "pairs": Constant(
            "pairs",
            records(requant, filters),
            f"'{node.need(1).name}' {node.need(1).shape}, transformed, biases and requantization, "
            "two channels in a record",
        ),
    }
    return [KernelCall("conv2d_winograd_s8", params, (node.need(0),), node.output, scratch=True)]


def scratch_bytes(node: Node) -> int:
    """Four transformed tiles, their sums for two channels, four widened rows, and a group of which some is missing."""
    _, height, width, channels = node.output.shape
    whole = height % 2 == 0 and width % WIDTH == 0 and channels % 2 == 0
    spare = 0 if whole else 2 * WIDTH * (channels + channels % 2)
    values = POSITIONS * WIDTH // 2 * words(node)
    return WORD_BYTES * (values + SUM_WORDS + ROWS * words(node) * pitch(node)) + spare


def overlap(node: Node, number: int) -> int | None:
    """How far before the input the output has to begin."""
    if number != 0:
        return None
    win, (batch, height, width, channels) = conv2d.window_of(node), node.output.shape
    image_bytes, row_bytes = node.need(0).size // max(1, batch), win.input[1] * node.need(0).shape[3]
    upper = np.arange(0, height, 2)
    # Rows are widened when the first tiles need them: for a row of tiles the last two of four.
    held = np.where(upper > 0, upper + ROWS - 2 - win.pad[0], 0)
    reads = np.clip(held, 0, win.input[0]) * row_bytes
    written = np.minimum(upper + 2, height) * width * channels
    images = np.arange(batch)[:, None]
    all_written = images * height * width * channels + written
    return safe_distance((images * image_bytes + reads).reshape(-1), all_written.reshape(-1))


def proofs(node: Node) -> Sequence[tuple[Channels, Form]]:
    """What its requantization rests on."""
    requant = _requantization(node)
    return requant.proofs if requant else ()


def work(node: Node) -> Mapping[str, int]:
    """Groups of four tiles, their transformed words, the pairs of channels for them and the words of these."""
    batch, height, width, channels = node.output.shape
    groups, pairs = batch * -(-height // 2) * -(-width // WIDTH), -(-channels // 2)
    return {
        "groups": groups,
        "transformed": groups * words(node),
        "pairs": groups * pairs,
        "words": groups * pairs * words(node),
        "widened": batch * (height + 2) * pitch(node) * words(node),
    }


OPERATOR = Operator(
    options=conv2d.OPERATOR.options,
    constraints=(*conv2d.OPERATOR.constraints, no_groups, is_3x3, requantizes),
    output_shapes=conv2d.output_shapes,
    reference=conv2d.reference,
    lower=lower,
    macs=conv2d.macs,
    scratch_bytes=scratch_bytes,
    overlap=overlap,
    work=work,
    proofs=proofs,
    internal=True,
    replaces="CONV_2D",
    dsp=True,
)

"""SPACE_TO_BATCH_ND: padded with 0, or the zero point, then each place in a block becomes a part of the batch.

TFLite Micro pads with a value that it never sets, whatever its arena held before; here TFLite is followed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import moving, pad, space_batch
from .spec import KernelCall, Operator, Shape


def blocks_fill_the_space(node: Node) -> str | None:
    """the padded extents must be multiples of the block's"""
    extents, sizes = _padded(node)[1:-1], space_batch.block(node)
    fits = all(extent % size == 0 for extent, size in zip(extents, sizes, strict=True))
    return None if fits else f"{extents} and {sizes}"


def zero_in_range(node: Node) -> str | None:
    """the output's zero point must lie in the range of its type"""
    zero, limits = node.output.zero_point, pad.QUANTIZED.get(node.output.dtype)
    return None if limits is None or limits[0] <= zero <= limits[1] else f"{zero}"


def _padded(node: Node) -> Shape:
    """The input's shape with its paddings."""
    shape = node.need(0).shape
    inner = (n + a + b for n, (a, b) in zip(shape[1:-1], space_batch.margins(node), strict=True))
    return (shape[0], *inner, shape[-1])


def output_shapes(node: Node) -> Sequence[Shape]:
    """Blocks of the padded input."""
    padded, sizes = _padded(node), space_batch.block(node)
    inner = (extent // size for extent, size in zip(padded[1:-1], sizes, strict=True))
    return [(padded[0] * math.prod(sizes), *inner, padded[-1])]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the input's type."""
    sizes, count, out = space_batch.block(node), len(inputs[0]), node.output.shape
    padded = np.full((count, *_padded(node)), pad.zero(node.output))
    ends = zip(space_batch.margins(node), node.need(0).shape[1:-1], strict=True)
    padded[(slice(None), slice(None), *(slice(a, a + n) for (a, _), n in ends))] = inputs[0]
    pairs = [n for pair in zip(out[1:-1], sizes, strict=True) for n in pair]
    split = padded.reshape(count, padded.shape[1], *pairs, padded.shape[-1])
    axes, rank = range(2, split.ndim - 1), split.ndim
    return [split.transpose(0, *axes[1::2], 1, *axes[::2], rank - 1).reshape(count, *out)]


def lower(node: Node) -> Sequence[KernelCall]:
    """Zeros everywhere, where there are paddings; then a copy for each place in a block."""
    source, out = node.need(0), node.output
    calls = [pad.fill(out, pad.zero(out))] if any(map(any, space_batch.margins(node))) else []
    for piece in space_batch.pieces(node, source.shape, out.shape):
        calls.append(moving.copy(source, out, piece.shape, piece.space, piece.blocks))
    return calls


OPERATOR = Operator(
    constraints=(
        moving.first_input,
        space_batch.three_or_four_axes,
        space_batch.block_fits,
        space_batch.margins_fit,
        blocks_fill_the_space,
        zero_in_range,
    ),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

"""BATCH_TO_SPACE_ND: parts of the batch become the places of blocks; then the borders are cropped."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..graph import Array, Node
from . import moving, space_batch
from .spec import KernelCall, Operator, Shape


def batch_has_parts(node: Node) -> str | None:
    """the batch must be a multiple of the places in a block, and the crops must leave something"""
    batch, sizes = node.need(0).shape[0], space_batch.block(node)
    if batch % math.prod(sizes):
        return f"{batch} and {sizes}"
    return None if min(output_shapes(node)[0]) > 0 else f"{space_batch.margins(node)} of {node.need(0).shape}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The blocks side by side, less the crops."""
    shape, sizes = node.need(0).shape, space_batch.block(node)
    inner = (n * size - a - b for n, size, (a, b) in zip(shape[1:-1], sizes, space_batch.margins(node), strict=True))
    return [(shape[0] // math.prod(sizes), *inner, shape[-1])]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the input's type."""
    shape, sizes, count = node.need(0).shape, space_batch.block(node), len(inputs[0])
    batch, inner = shape[0] // math.prod(sizes), len(sizes)
    split = inputs[0].reshape(count, *sizes, batch, *shape[1:])
    pairs = [axis for i in range(inner) for axis in (inner + 2 + i, 1 + i)]
    whole = split.transpose(0, inner + 1, *pairs, split.ndim - 1)
    full = whole.reshape(count, batch, *(n * size for n, size in zip(shape[1:-1], sizes, strict=True)), shape[-1])
    crops = zip(space_batch.margins(node), node.output.shape[1:-1], strict=True)
    return [full[(slice(None), slice(None), *(slice(a, a + n) for (a, _), n in crops))]]


def lower(node: Node) -> Sequence[KernelCall]:
    """A copy for each place in a block."""
    source, out = node.need(0), node.output
    found = space_batch.pieces(node, out.shape, source.shape)
    return [moving.copy(source, out, piece.shape, piece.blocks, piece.space) for piece in found]


OPERATOR = Operator(
    constraints=(
        moving.first_input,
        space_batch.three_or_four_axes,
        space_batch.block_fits,
        space_batch.margins_fit,
        batch_has_parts,
    ),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

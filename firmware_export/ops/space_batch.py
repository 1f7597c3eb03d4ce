"""What SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND share: every place in a block has a part of the batch for its own.

One tensor is the space (batch, one or two extents, channels), the other holds its blocks (places * batch, extents /
block, channels). At the borders of the space margins are put around it, or cut off from what the blocks make.
Converters write the two around a convolution that is dilated.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from ..graph import Node
from . import moving
from .spec import Shape

MOST_PLACES = 256
"""Each takes a kernel call of its own."""


@dataclass(frozen=True)
class Piece:
    """A box of the space, each step-th element of which lies in the blocks, side by side."""

    shape: Shape
    space: moving.Side
    blocks: moving.Side


def block(node: Node) -> Shape:
    """The block's extents."""
    return tuple(int(extent) for extent in node.constant(1).reshape(-1))


def margins(node: Node) -> tuple[tuple[int, int], ...]:
    """(before, after) of the space along each axis of the block."""
    return tuple((int(before), int(after)) for before, after in node.constant(2).reshape(-1, 2))


def three_or_four_axes(node: Node) -> str | None:
    """the first input must have three or four axes (batch, one or two extents, channels)"""
    shape = node.need(0).shape
    return None if len(shape) in (3, 4) else f"it has {shape}"


def block_fits(node: Node) -> str | None:
    """the block must be a constant of int32 or int64 of a positive extent for each inner axis, at most 256 places"""
    values = moving.integers(node.input(1))
    if values is None:
        return moving.not_integers(node.input(1))
    fits = len(values) == len(node.need(0).shape) - 2 and min(values) > 0 and math.prod(values) <= MOST_PLACES
    return None if fits else f"{values} for {node.need(0).shape}"


def margins_fit(node: Node) -> str | None:
    """paddings or crops must be a constant of int32 or int64, two for each axis of the block, and not negative"""
    values = moving.integers(node.input(2))
    if values is None:
        return moving.not_integers(node.input(2))
    fits = len(values) == 2 * len(block(node)) and min(values) >= 0
    return None if fits else f"{values} for a block of {block(node)}"


def pieces(node: Node, space: Shape, blocks: Shape) -> Iterator[Piece]:
    """The box of every place in the block."""
    sizes, batch = block(node), space[0]
    for number, place in enumerate(itertools.product(*map(range, sizes))):
        starts = [before - offset for (before, _), offset in zip(margins(node), place, strict=True)]
        first = [max(0, -(-start // size)) for start, size in zip(starts, sizes, strict=True)]
        behind = [
            min(count, (extent - 1 + start) // size + 1)
            for count, extent, start, size in zip(blocks[1:-1], space[1:-1], starts, sizes, strict=True)
        ]
        shape = (batch, *(b - a for a, b in zip(first, behind, strict=True)), space[-1])
        if min(shape) > 0:
            begin = (0, *(a * size - start for a, size, start in zip(first, sizes, starts, strict=True)), 0)
            yield Piece(
                shape,
                moving.part(space, begin, (1, *sizes, 1)),
                moving.part(blocks, (number * batch, *first, 0)),
            )

"""What RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR share: (B, H, W, C) -> (B, OH, OW, C)."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Node
from . import rules
from .spec import Param, Shape

MAX_EXTENT = 1 << 15
"""Rows and columns are below this, so that an index fits int16 and a place in 1024ths fits int32."""


def size(node: Node) -> tuple[int, int]:
    """(OH, OW), the second input."""
    height, width = (int(value) for value in node.constant(1).reshape(-1))
    return height, width


def size_fits(node: Node) -> str | None:
    """the second input must be a height and a width, and those of input and output from 1 to 32767"""
    shape, given = node.need(0).shape[1:3], node.constant(1).reshape(-1).tolist()
    if len(given) == 2 and all(1 <= extent < MAX_EXTENT for extent in (*shape, *given)):
        return None
    return f"{shape} to {given}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """(B, OH, OW, C)."""
    shape = node.need(0).shape
    return [(shape[0], *size(node), shape[3])]


def shapes(node: Node) -> dict[str, Param]:
    """The kernel parameters that both have."""
    return {"input": node.need(0).shape, "output": node.output.shape}


CONSTRAINTS = (
    rules.int8_first_input,
    rules.int8_output,
    rules.four_axes,
    rules.constant_second_input,
    size_fits,
)
"""The values are moved as they are: TFLite Micro looks at no scale here."""

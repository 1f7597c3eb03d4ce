"""RESIZE_BILINEAR: every output pixel is a weighted mean of the four input pixels around its place.

Places and weights are in 1024ths of a pixel. Source: TFLite ResizeBilinearInteger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..graph import Array, Node
from . import resize
from .arithmetic import Int, clamp_int8
from .spec import Field, KernelCall, Operator, Param

ONE = 1024
"""A pixel in the units of places and weights."""


@dataclass(frozen=True)
class Places:
    """Where the output's rows (or columns) lie in the input: the first at `start`, the next `step` further, ..."""

    start: int
    step: int
    before: int
    after: int

    def neighbours(self) -> tuple[Int, Int, Int]:
        """(lower index, upper index, weight of the upper one); int64 (after,) each."""
        at = self.start + np.arange(self.after, dtype=np.int64) * self.step
        low = np.maximum(at, 0) // ONE
        high = np.minimum(np.maximum(at + ONE - 1, 0) // ONE, self.before - 1)
        return low, high, at - ONE * low


def places(node: Node, axis: int) -> Places:
    """Those of the rows (axis 0) or columns (axis 1)."""
    before, after = node.need(0).shape[1 + axis], resize.size(node)[axis]
    corners = node.integer("align_corners") and after > 1
    span = (before - 1, after - 1) if corners else (before, after)
    step = (ONE * span[0] + span[1] // 2) // span[1]
    return Places(step // 2 - ONE // 2 if node.integer("half_pixel_centers") else 0, step, before, after)


def one_convention(node: Node) -> str | None:
    """align_corners and half_pixel_centers must not both be set"""
    return "they are" if node.integer("align_corners") and node.integer("half_pixel_centers") else None


def inside(node: Node) -> str | None:
    """every output pixel must lie inside the input, also where the step in 1024ths of a pixel was rounded up"""
    for axis in range(2):
        where = places(node, axis)
        if where.neighbours()[0][-1] >= where.before:
            return f"{where.before} pixels to {where.after} in steps of {where.step}/{ONE}"
    return None


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, B, OH, OW, C)."""
    top, bottom, down = places(node, 0).neighbours()
    left, right, over = places(node, 1).neighbours()
    x, down, over = inputs[0].astype(np.int64), down[:, np.newaxis, np.newaxis], over[:, np.newaxis]
    upper, lower_row = x[:, :, top], x[:, :, bottom]
    total = (upper[:, :, :, left] * (ONE - over) + upper[:, :, :, right] * over) * (ONE - down)
    total += (lower_row[:, :, :, left] * (ONE - over) + lower_row[:, :, :, right] * over) * down
    return [clamp_int8(np.sign(total) * ((np.abs(total) + ONE * ONE // 2) // (ONE * ONE)))]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of resize_bilinear_s8."""
    rows, columns = places(node, 0), places(node, 1)
    params: dict[str, Param] = {
        **resize.shapes(node),
        "start": (rows.start, columns.start),
        "step": (rows.step, columns.step),
    }
    return [KernelCall("resize_bilinear_s8", params, (node.need(0),), node.output)]


OPERATOR = Operator(
    options={"align_corners": Field(2, "bool", False), "half_pixel_centers": Field(3, "bool", False)},
    constraints=(*resize.CONSTRAINTS, one_convention, inside),
    output_shapes=resize.output_shapes,
    reference=reference,
    lower=lower,
)

"""RESIZE_NEAREST_NEIGHBOR: every output pixel is a copy of one input pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import resize
from .arithmetic import Int
from .spec import Constant, Field, KernelCall, Operator


def indices(node: Node, axis: int) -> Int:
    """The input row (axis 0) or column (axis 1) of every output row or column; int64 (OH,) or (OW,).

    Source: TFLite GetNearestNeighbor, in float32.
    """
    before, after = node.need(0).shape[1 + axis], resize.size(node)[axis]
    corners = bool(node.integer("align_corners"))
    span = (before - 1, after - 1) if corners and after > 1 else (before, after)
    scale = np.float32(span[0]) / np.float32(span[1])
    offset = np.float32(0.5 if node.integer("half_pixel_centers") else 0.0)
    place = (np.arange(after).astype(np.float32) + offset) * scale
    rounded = np.floor(place.astype(np.float64) + (0.5 if corners else 0.0)).astype(np.int64)
    return np.asarray(np.minimum(rounded, before - 1))


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, B, OH, OW, C)."""
    return [inputs[0][:, :, indices(node, 0)][:, :, :, indices(node, 1)]]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of resize_nearest_neighbor_s8."""
    params = {
        **resize.shapes(node),
        "rows": Constant("rows", indices(node, 0).astype(np.int16), "the input row of every output row"),
        "columns": Constant("columns", indices(node, 1).astype(np.int16), "the input column of every output column"),
    }
    return [KernelCall("resize_nearest_neighbor_s8", params, (node.need(0),), node.output)]


OPERATOR = Operator(
    options={"align_corners": Field(0, "bool", False), "half_pixel_centers": Field(1, "bool", False)},
    constraints=resize.CONSTRAINTS,
    output_shapes=resize.output_shapes,
    reference=reference,
    lower=lower,
)

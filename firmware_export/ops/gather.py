"""GATHER: what lies at given positions of an axis.

TFLite and TFLite Micro fail when an index lies outside of the axis. Here a constant one is refused, and a computed one
counts as the nearest inside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..graph import ITEM_BYTES, Array, Node
from . import moving
from .spec import Field, KernelCall, Operator, Param, Shape


def axis(node: Node) -> int:
    """The axis that is looked up, counted from the front."""
    return node.integer("axis") % len(node.need(0).shape)


def batch_axes(node: Node) -> int:
    """How many of the first axes the inputs share; a negative number counts from the indices' last axis."""
    count = node.integer("batch_dims")
    return count + len(node.need(1).shape) if count < 0 else count


def integer_indices(node: Node) -> str | None:
    """the indices must be int32 or int64, not empty"""
    tensor = node.input(1)
    if tensor is None or tensor.dtype not in ("int32", "int64"):
        return moving.not_integers(tensor)
    return None if tensor.size else f"'{tensor.name}' has {tensor.shape}"


def axis_exists(node: Node) -> str | None:
    """the axis must be one of the first input's"""
    found, rank = node.integer("axis"), len(node.need(0).shape)
    return None if moving.wrapped_axis(found, rank) is not None else f"axis {found} of {rank}"


def batches_fit(node: Node) -> str | None:
    """the first batch_dims axes must be the same in both inputs and come before the axis"""
    count, shape, indices = batch_axes(node), node.need(0).shape, node.need(1).shape
    fits = 0 <= count <= min(axis(node), len(indices)) and shape[:count] == indices[:count]
    return None if fits else f"{node.integer('batch_dims')} of {shape} and {indices}"


def indices_inside(node: Node) -> str | None:
    """constant indices must lie between 0 and the extent of the axis"""
    indices, extent = moving.integers(node.input(1)), node.need(0).shape[axis(node)]
    outside = [index for index in indices or () if not 0 <= index < extent]
    return f"{outside[0]} of {extent}" if outside else None


def output_shapes(node: Node) -> Sequence[Shape]:
    """The first input's shape with the indices' (without the shared axes) in place of the axis."""
    shape, where = node.need(0).shape, axis(node)
    return [(*shape[:where], *node.need(1).shape[batch_axes(node) :], *shape[where + 1 :])]


def _layout(node: Node) -> tuple[int, int, int, int, int]:
    """(shared, before the axis, along it, behind it, indices of each shared position): numbers of elements."""
    shape, where, shared = node.need(0).shape, axis(node), batch_axes(node)
    outer, inner = math.prod(shape[shared:where]), math.prod(shape[where + 1 :])
    return math.prod(shape[:shared]), outer, shape[where], inner, math.prod(node.need(1).shape[shared:])


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the first input's type."""
    batches, outer, extent, inner, count = _layout(node)
    values = inputs[0].reshape(len(inputs[0]), batches, outer, extent, inner)
    indices = np.clip(inputs[1].reshape(len(inputs[1]), batches, 1, count, 1), 0, extent - 1)
    taken = np.take_along_axis(values, indices, axis=3)
    return [taken.reshape(len(taken), *node.output.shape)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of gather."""
    batches, outer, extent, inner, count = _layout(node)
    params: dict[str, Param] = {
        "batches": batches,
        "rows": outer,
        "extent": extent,
        "bytes": inner * ITEM_BYTES[node.output.dtype],
        "indices": count,
        "index_bytes": ITEM_BYTES[node.need(1).dtype],
    }
    return [KernelCall("gather", params, (node.need(0), node.need(1)), node.output)]


OPERATOR = Operator(
    options={"axis": Field(0), "batch_dims": Field(1)},
    constraints=(moving.first_input, integer_indices, axis_exists, batches_fit, indices_inside),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

"""SPLIT_V: parts of given sizes along an axis. TFLite Micro goes by the outputs' shapes, as is done here."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Array, Node
from . import moving
from .spec import Field, KernelCall, Operator, Shape


def axis(node: Node) -> int:
    """The axis that is cut, counted from the front."""
    return int(node.constant(2).reshape(-1)[0]) % len(node.need(0).shape)


def _extents(node: Node) -> list[int]:
    return [tensor.shape[axis(node)] for tensor in node.outputs]


def constant_axis(node: Node) -> str | None:
    """the axis must be a constant of int32 or int64 and one of the first input's"""
    return moving.not_an_axis(node.input(2), len(node.need(0).shape))


def counted(node: Node) -> str | None:
    """the option num_splits must be the number of outputs"""
    count = node.integer("num_splits")
    return None if count == len(node.outputs) else f"{count} and {len(node.outputs)}"


def parts_fit(node: Node) -> str | None:
    """the outputs must have all of the input's axes and together its extent along the axis"""
    shape, shapes = node.need(0).shape, [tensor.shape for tensor in node.outputs]
    if any(len(other) != len(shape) for other in shapes) or sum(_extents(node)) != shape[axis(node)]:
        return f"{shapes} of {shape}"
    return None


def sizes_fit(node: Node) -> str | None:
    """the sizes must be int32 or int64 and, where they are constant and not -1, the outputs' extents along the axis"""
    tensor, extents = node.input(1), tuple(_extents(node))
    if tensor is not None and tensor.data is None and tensor.dtype in ("int32", "int64"):
        return None
    sizes = moving.integers(tensor)
    if sizes is None:
        return moving.not_integers(tensor)
    if len(sizes) != len(extents) or any(size not in (-1, extent) for size, extent in zip(sizes, extents, strict=True)):
        return f"{sizes} and {extents}"
    return None


def output_shapes(node: Node) -> Sequence[Shape]:
    """The first input's shape with a part of the axis, for each output."""
    shape, where = node.need(0).shape, axis(node)
    return [(*shape[:where], extent, *shape[where + 1 :]) for extent in _extents(node)]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the input's type, for each output."""
    return moving.pieces(inputs[0], node.outputs, _extents(node), axis(node))


def lower(node: Node) -> Sequence[KernelCall]:
    """One copy for each output."""
    return moving.cut(node.need(0), node.outputs, _extents(node), axis(node))


OPERATOR = Operator(
    options={"num_splits": Field(0)},
    constraints=(moving.first_input, constant_axis, counted, parts_fit, sizes_fit),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

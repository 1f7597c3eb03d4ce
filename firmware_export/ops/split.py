"""SPLIT: equal parts along an axis. The axis is the first input."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Array, Node
from . import moving
from .spec import Field, KernelCall, Operator, Shape


def axis(node: Node) -> int:
    """The axis that is cut, counted from the front."""
    return int(node.constant(0).reshape(-1)[0]) % len(node.need(1).shape)


def _extents(node: Node) -> list[int]:
    return [node.need(1).shape[axis(node)] // len(node.outputs)] * len(node.outputs)


def constant_axis(node: Node) -> str | None:
    """the axis must be a constant of integers (8 to 64 bits) and one of the second input's"""
    return moving.not_an_axis(node.input(0), len(node.need(1).shape), moving.SMALL_INDICES)


def equal_parts(node: Node) -> str | None:
    """the option num_splits must be the number of outputs and divide the extent of the axis"""
    count, extent = node.integer("num_splits"), node.need(1).shape[axis(node)]
    fits = count == len(node.outputs) and extent % count == 0
    return None if fits else f"{count} for {len(node.outputs)} outputs, {extent} elements"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The second input's shape with a part of the axis, for each output."""
    shape, where = node.need(1).shape, axis(node)
    return [(*shape[:where], extent, *shape[where + 1 :]) for extent in _extents(node)]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the input's type, for each output."""
    return moving.pieces(inputs[1], node.outputs, _extents(node), axis(node))


def lower(node: Node) -> Sequence[KernelCall]:
    """One copy for each output."""
    return moving.cut(node.need(1), node.outputs, _extents(node), axis(node))


OPERATOR = Operator(
    options={"num_splits": Field(0)},
    constraints=(moving.second_input, constant_axis, equal_parts),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

"""UNPACK: what lies at each position of an axis, without that axis."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Array, Node
from . import moving
from .spec import Field, KernelCall, Operator, Shape


def axis(node: Node) -> int:
    """The axis that vanishes, counted from the front."""
    return node.integer("axis") % len(node.need(0).shape)


def axis_exists(node: Node) -> str | None:
    """the axis must be one of the input's"""
    found, rank = node.integer("axis"), len(node.need(0).shape)
    return None if moving.wrapped_axis(found, rank) is not None else f"axis {found} of {rank}"


def counted(node: Node) -> str | None:
    """the option num and the number of outputs must be the input's extent along the axis"""
    found = (node.integer("num"), len(node.outputs), node.need(0).shape[axis(node)])
    return None if len(set(found)) == 1 else f"{found[0]}, {found[1]} and {found[2]}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's shape without the axis, for each output."""
    shape, where = node.need(0).shape, axis(node)
    return [shape[:where] + shape[where + 1 :]] * shape[where]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the input's type, for each output."""
    return moving.pieces(inputs[0], node.outputs, [1] * len(node.outputs), axis(node))


def lower(node: Node) -> Sequence[KernelCall]:
    """One copy for each output."""
    return moving.cut(node.need(0), node.outputs, [1] * len(node.outputs), axis(node))


OPERATOR = Operator(
    options={"num": Field(0), "axis": Field(1)},
    constraints=(moving.first_input, axis_exists, counted),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

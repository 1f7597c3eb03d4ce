"""PACK: inputs of one shape, stacked along a new axis."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Array, Node
from . import moving
from .spec import Field, KernelCall, Operator, Shape


def axis(node: Node) -> int:
    """The new axis, counted from the front."""
    return node.integer("axis") % (len(node.need(0).shape) + 1)


def counted(node: Node) -> str | None:
    """the option values_count must be the number of inputs"""
    count = node.integer("values_count")
    return None if count == len(node.inputs) else f"{count} and {len(node.inputs)}"


def equal_shapes(node: Node) -> str | None:
    """the inputs must have the same shape"""
    shapes = sorted({t.shape for t in node.inputs if t is not None})
    return None if len(shapes) == 1 else f"{shapes}"


def axis_exists(node: Node) -> str | None:
    """the axis must be one of the output's, which has one more than the inputs"""
    found, rank = node.integer("axis"), len(node.need(0).shape) + 1
    return None if moving.wrapped_axis(found, rank) is not None else f"axis {found} of {rank}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The inputs' shape with their number at the new axis."""
    shape, where = node.need(0).shape, axis(node)
    return [(*shape[:where], len(node.inputs), *shape[where:])]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the inputs' type."""
    return [moving.joined(inputs, [1] * len(inputs), node.output, axis(node))]


def lower(node: Node) -> Sequence[KernelCall]:
    """One copy for each input."""
    sources = [node.need(number) for number in range(len(node.inputs))]
    return moving.join(sources, [1] * len(sources), node.output, axis(node))


OPERATOR = Operator(
    options={"values_count": Field(0), "axis": Field(1)},
    constraints=(moving.all_inputs, counted, equal_shapes, axis_exists),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

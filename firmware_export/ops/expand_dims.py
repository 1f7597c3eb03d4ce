"""EXPAND_DIMS: the same bytes with one more axis, of one element; no code, no copy."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Node
from . import moving, reshape
from .spec import Operator, Shape


def constant_axis(node: Node) -> str | None:
    """the axis must be a constant of int32 or int64 and one of the output's, which has one more than the input"""
    return moving.not_an_axis(node.input(1), len(node.need(0).shape) + 1)


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's shape with 1 at the axis."""
    shape = node.need(0).shape
    axis = int(node.constant(1).reshape(-1)[0]) % (len(shape) + 1)
    return [(*shape[:axis], 1, *shape[axis:])]


OPERATOR = Operator(
    constraints=(moving.first_input, constant_axis),
    output_shapes=output_shapes,
    reference=reshape.reference,
    lower=reshape.lower,
    alias=True,
)

"""SQUEEZE: the same bytes without axes of one element; no code, no copy."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Node
from . import moving, reshape
from .spec import Field, Operator, Shape


def _dropped(node: Node) -> set[int | None]:
    """The axes that vanish, counted from the front, None for one that the input does not have; all if none is named."""
    shape, named = node.need(0).shape, node.op.options["squeeze_dims"]
    if isinstance(named, tuple) and named:
        return {moving.wrapped_axis(axis, len(shape)) for axis in named}
    return {axis for axis, extent in enumerate(shape) if extent == 1}


def single_elements(node: Node) -> str | None:
    """the axes to drop must be axes of the input with one element"""
    shape = node.need(0).shape
    fits = all(axis is not None and shape[axis] == 1 for axis in _dropped(node))
    return None if fits else f"{node.op.options['squeeze_dims']} of {shape}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's shape without these axes."""
    dropped = _dropped(node)
    return [tuple(extent for axis, extent in enumerate(node.need(0).shape) if axis not in dropped)]


OPERATOR = Operator(
    options={"squeeze_dims": Field(0, "ints")},
    constraints=(moving.first_input, single_elements),
    output_shapes=output_shapes,
    reference=reshape.reference,
    lower=reshape.lower,
    alias=True,
)

"""RESHAPE: the same bytes under the shape that the file gives the output; no code, no copy."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Array, Node
from . import moving
from .spec import KernelCall, Operator, Shape


def same_size(node: Node) -> str | None:
    """input and output must have the same number of elements"""
    a, b = node.need(0), node.output
    return None if a.size == b.size else f"{a.size} and {b.size}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """What the file says."""
    return [node.output.shape]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the input's type."""
    return [inputs[0].reshape(len(inputs[0]), *node.output.shape)]


def lower(node: Node) -> Sequence[KernelCall]:
    """Nothing."""
    return []


OPERATOR = Operator(
    constraints=(moving.first_input, same_size),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
    alias=True,
)

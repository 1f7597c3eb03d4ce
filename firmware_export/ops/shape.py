"""SHAPE: the input's extents. They are known, so it always becomes a constant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from .spec import KernelCall, Operator, Shape


def integer_output(node: Node) -> str | None:
    """there must be an input, and the output must be int32 or int64"""
    if node.input(0) is None:
        return "it is missing"
    return None if node.output.dtype in ("int32", "int64") else node.output.dtype


def output_shapes(node: Node) -> Sequence[Shape]:
    """As many numbers as the input has axes."""
    return [(len(node.need(0).shape),)]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int32 or int64 (1, axes)."""
    return [np.array([node.need(0).shape], node.output.dtype)]


def lower(node: Node) -> Sequence[KernelCall]:
    """Nothing."""
    return []


OPERATOR = Operator(
    constraints=(integer_output,),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
    shape_only=True,
)

"""RESHAPE: the same bytes under another shape; no code, no copy.

The shape is the one that the file gives the output. Where that can't be, since converters write 1 for an extent that
they do not know, a constant second input says it (`stated_shape`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..graph import Array, Node
from . import moving
from .spec import KernelCall, Operator, Shape


def same_size(node: Node) -> str | None:
    """input and output must have the same number of elements"""
    a, b = node.need(0), node.output
    return None if a.size == b.size else f"{a.size} and {b.size}"


def stated_shape(node: Node) -> Shape | None:
    """What a constant second input says (one extent may be -1), if the input has that many elements; else None."""
    extents, source = moving.integers(node.input(1)), node.input(0)
    if extents is None or source is None or extents.count(-1) > 1 or min(extents, default=0) < -1:
        return None
    rest = math.prod(extent for extent in extents if extent != -1)
    shape = tuple(source.size // max(rest, 1) if extent == -1 else extent for extent in extents)
    return shape if math.prod(shape) == source.size else None


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

"""FILL: one value everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import moving
from .spec import KernelCall, Operator, Shape


def constant_extents(node: Node) -> str | None:
    """the first input must be a constant of integers (8 to 64 bits) with one axis"""
    tensor = node.input(0)
    if tensor is None or moving.integers(tensor, moving.SMALL_INDICES) is None:
        return moving.not_integers(tensor)
    return None if len(tensor.shape) == 1 else f"'{tensor.name}' has {tensor.shape}"


def one_value(node: Node) -> str | None:
    """the second input must be a single value, without axes"""
    return None if node.need(1).shape == () else f"it has {node.need(1).shape}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """What the first input says."""
    return [tuple(int(extent) for extent in node.constant(0))]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the value's type."""
    value, shape = inputs[1], node.output.shape
    return [np.broadcast_to(value.reshape(len(value), *(1,) * len(shape)), (len(value), *shape))]


def lower(node: Node) -> Sequence[KernelCall]:
    """One copy for which reading takes no step."""
    size = (node.output.size,)
    return [moving.copy(node.need(1), node.output, size, moving.Side(0, (0,)), moving.whole(size))]


OPERATOR = Operator(
    constraints=(moving.second_input, constant_extents, one_value),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

"""TRANSPOSE: the axes in another order."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Array, Node
from . import moving
from .spec import KernelCall, Operator, Shape


def order(node: Node) -> Shape:
    """Which of the input's axes each of the output's is, counted from the front."""
    rank = len(node.need(0).shape)
    return tuple(int(axis) % rank for axis in node.constant(1))


def permutation(node: Node) -> str | None:
    """the second input must be a constant of int32 that holds every axis of the first input once"""
    tensor, rank = node.input(1), len(node.need(0).shape)
    values = moving.integers(tensor)
    if tensor is None or values is None or tensor.dtype != "int32":
        return moving.not_integers(tensor)
    axes = [moving.wrapped_axis(value, rank) for value in values]
    complete = tensor.shape == (rank,) and set(axes) == set(range(rank))
    return None if complete else f"{values} for {rank} axes"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's extents in the new order."""
    return [tuple(node.need(0).shape[axis] for axis in order(node))]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the input's type."""
    return [inputs[0].transpose(0, *(axis + 1 for axis in order(node)))]


def lower(node: Node) -> Sequence[KernelCall]:
    """One copy, in the output's order."""
    steps = moving.row_major(node.need(0).shape)
    read = moving.Side(0, tuple(steps[axis] for axis in order(node)))
    return [moving.copy(node.need(0), node.output, node.output.shape, read, moving.whole(node.output.shape))]


OPERATOR = Operator(
    constraints=(moving.first_input, permutation),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

"""TILE: the input again and again along each axis. TFLite Micro has no TILE; this follows TFLite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import moving
from .spec import KernelCall, Operator, Shape


def times(node: Node) -> Shape:
    """How often the input appears along each axis."""
    return tuple(int(count) for count in node.constant(1).reshape(-1))


def positive_multiples(node: Node) -> str | None:
    """the second input must be a constant of int32 or int64 that holds a positive number for each axis of the first"""
    counts, rank = moving.integers(node.input(1)), len(node.need(0).shape)
    if counts is None:
        return moving.not_integers(node.input(1))
    return None if len(counts) == rank and min(counts, default=1) > 0 else f"{counts} for {rank} axes"


def few_axes(node: Node) -> str | None:
    """of the input's axes and its repetitions along them at most eight may be left; what follows on counts as one"""
    shape = _copy(node).params.get("shape", ())
    return f"{len(shape)}" if isinstance(shape, tuple) and len(shape) > moving.MAX_AXES else None


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's extents times the multiples."""
    return [tuple(n * count for n, count in zip(node.need(0).shape, times(node), strict=True))]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the input's type."""
    return [np.tile(inputs[0], (1, *times(node)))]


def _copy(node: Node) -> KernelCall:
    """Every axis becomes two: the repetitions, for which reading takes no step, and what is repeated."""
    shape, steps = node.need(0).shape, moving.row_major(node.need(0).shape)
    box = tuple(n for pair in zip(times(node), shape, strict=True) for n in pair)
    read = moving.Side(0, tuple(step for pair in zip((0,) * len(shape), steps, strict=True) for step in pair))
    return moving.copy(node.need(0), node.output, box, read, moving.whole(box))


def lower(node: Node) -> Sequence[KernelCall]:
    """One copy."""
    return [_copy(node)]


OPERATOR = Operator(
    constraints=(moving.first_input, positive_multiples, few_axes),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

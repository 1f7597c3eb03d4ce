"""PAD: the input with its zero point (the real number 0) around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import rules
from .spec import KernelCall, Operator, Param, Shape

MAX_AXES = 4


def paddings(node: Node) -> tuple[tuple[int, int], ...]:
    """(before, after) of each axis."""
    return tuple((int(before), int(after)) for before, after in node.constant(1).reshape(-1, 2))


def paddings_fit(node: Node) -> str | None:
    """the paddings must be (axes, 2) and not negative, and the input have at most four axes"""
    rank, shape = len(node.need(0).shape), node.constant(1).shape
    if shape != (rank, 2) or rank > MAX_AXES:
        return f"{shape} for {rank} axes"
    return None if min(map(min, paddings(node)), default=0) >= 0 else f"{paddings(node)}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's shape plus the paddings."""
    return [tuple(n + a + b for n, (a, b) in zip(node.need(0).shape, paddings(node), strict=True))]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, *output shape)."""
    return [np.pad(inputs[0], ((0, 0), *paddings(node)), constant_values=node.output.zero_point)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of pad_s8, over four axes."""
    missing = MAX_AXES - len(node.output.shape)
    params: dict[str, Param] = {
        "input": (1,) * missing + node.need(0).shape,
        "output": (1,) * missing + node.output.shape,
        "before": (0,) * missing + tuple(before for before, _ in paddings(node)),
        "value": node.output.zero_point,
    }
    return [KernelCall("pad_s8", params, (node.need(0),), node.output)]


OPERATOR = Operator(
    constraints=(
        rules.int8_first_input,
        rules.int8_output,
        rules.constant_second_input,
        rules.same_quantization,
        paddings_fit,
    ),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

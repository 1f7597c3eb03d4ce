"""CONCATENATION: copies; all scales and zero points are equal."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import rules
from .arithmetic import NONE
from .spec import Field, KernelCall, Operator, Param, Shape


def axis(node: Node) -> int:
    """The axis along which the inputs are joined, counted from the front."""
    return node.integer("axis") % len(node.output.shape)


def no_activation(node: Node) -> str | None:
    """there must be no fused activation"""
    code = node.integer("activation")
    return None if code == NONE else f"number {code}"


def equal_quantization(node: Node) -> str | None:
    """inputs and output must have the same scale and zero point"""
    pairs = {(t.scale, t.zero_point) for t in (*node.inputs, node.output) if t is not None}
    return None if len(pairs) == 1 else ", ".join(f"{scale:g} and {zero}" for scale, zero in sorted(pairs))


def shapes_fit(node: Node) -> str | None:
    """the inputs' shapes must be equal but for the axis"""
    shapes = [t.shape for t in node.inputs if t is not None]
    rank = len(node.output.shape)
    if not shapes or not -rank <= node.integer("axis") < rank or any(len(s) != rank for s in shapes):
        return f"axis {node.integer('axis')} of {shapes}"
    others = {s[: axis(node)] + s[axis(node) + 1 :] for s in shapes}
    return None if len(others) == 1 else f"{shapes}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The first input's shape with the sum along the axis."""
    shapes = [t.shape for t in node.inputs if t is not None]
    where = axis(node)
    return [(*shapes[0][:where], sum(s[where] for s in shapes), *shapes[0][where + 1 :])]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, *output shape)."""
    samples = max(map(len, inputs))
    full = [np.broadcast_to(x, (samples, *x.shape[1:])) for x in inputs]
    return [np.concatenate(full, axis=axis(node) + 1)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of concatenation_s8 for each input."""
    where, shape = axis(node), node.output.shape
    calls, offset = [], 0
    for tensor in node.inputs:
        if tensor is None:
            continue
        width = math.prod(tensor.shape[where:])
        params: dict[str, Param] = {
            "rows": math.prod(shape[:where]),
            "width": width,
            "output_width": math.prod(shape[where:]),
            "output_start": offset,
        }
        calls.append(KernelCall("concatenation_s8", params, (tensor,), node.output))
        offset += width
    return calls


OPERATOR = Operator(
    options={"axis": Field(0), "activation": Field(1, "int8")},
    constraints=(rules.int8_inputs, rules.int8_output, no_activation, equal_quantization, shapes_fit),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

"""ARG_MAX: where along one axis the largest value lies; the first of equals.

TFLite Micro takes int32 axes and gives int32 indices; int64 is as TFLite has it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..graph import ITEM_BYTES, Array, Node
from . import rules
from .spec import Field, KernelCall, Operator, Param, Shape


def axis(node: Node) -> int:
    """The axis, counted from the front."""
    return int(node.constant(1).reshape(-1)[0]) % len(node.need(0).shape)


def one_axis(node: Node) -> str | None:
    """the second input must be one axis of the first, which must not be empty"""
    shape, given = node.need(0).shape, node.constant(1).reshape(-1)
    if len(given) != 1 or not -len(shape) <= given[0] < len(shape) or 0 in shape:
        return f"{given.tolist()} of {shape}"
    return None


def values_input(node: Node) -> str | None:
    """the first input must be int8 with one scale, or float32"""
    first = node.input(0)
    return None if first is not None and first.dtype == "float32" else rules.int8_first_input(node)


def index_output(node: Node) -> str | None:
    """the output must be int32 or int64"""
    return None if node.output.dtype in ("int32", "int64") else f"'{node.output.name}' is {node.output.dtype}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's shape without the axis."""
    shape, where = node.need(0).shape, axis(node)
    return [shape[:where] + shape[where + 1 :]]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int32 or int64 (N, *output shape). What is no number is never larger, nor is anything larger than it."""
    x, along = inputs[0], axis(node) + 1
    best = np.argmax(np.where(np.isnan(x), -np.inf, x) if x.dtype.kind == "f" else x, axis=along)
    return [np.where(np.isnan(x.take(0, along)), 0, best).astype(node.output.dtype)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of arg_max_s8 or arg_max_f32."""
    shape, where = node.need(0).shape, axis(node)
    params: dict[str, Param] = {
        "outer": math.prod(shape[:where]),
        "extent": shape[where],
        "inner": math.prod(shape[where + 1 :]),
        "index_bytes": ITEM_BYTES[node.output.dtype],
    }
    kernel = "arg_max_f32" if node.need(0).dtype == "float32" else "arg_max_s8"
    return [KernelCall(kernel, params, (node.need(0),), node.output)]


OPERATOR = Operator(
    options={"output_type": Field(0, "int8")},
    constraints=(values_input, index_output, rules.constant_second_input, one_axis),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

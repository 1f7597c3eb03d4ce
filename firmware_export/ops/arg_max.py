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


def index_output(node: Node) -> str | None:
    """the output must be int32 or int64"""
    return None if node.output.dtype in ("int32", "int64") else f"'{node.output.name}' is {node.output.dtype}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's shape without the axis."""
    shape, where = node.need(0).shape, axis(node)
    return [shape[:where] + shape[where + 1 :]]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int32 or int64 (N, *output shape)."""
    return [np.argmax(inputs[0], axis=axis(node) + 1).astype(node.output.dtype)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of arg_max_s8."""
    shape, where = node.need(0).shape, axis(node)
    params: dict[str, Param] = {
        "outer": math.prod(shape[:where]),
        "extent": shape[where],
        "inner": math.prod(shape[where + 1 :]),
        "index_bytes": ITEM_BYTES[node.output.dtype],
    }
    return [KernelCall("arg_max_s8", params, (node.need(0),), node.output)]


OPERATOR = Operator(
    options={"output_type": Field(0, "int8")},
    constraints=(rules.int8_first_input, index_output, rules.constant_second_input, one_axis),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

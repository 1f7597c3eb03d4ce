"""DEQUANTIZE: int8, uint8 or int16 to float32: scale * (value - zero point), in float32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import ITEM_BYTES, Array, Node
from . import borders
from .spec import KernelCall, Operator, Param, Shape

TYPES = ("int8", "uint8", "int16")


def known_types(node: Node) -> str | None:
    """the types must be int8, uint8 or int16 to float32"""
    tensor = node.input(0)
    if tensor is None:
        return "the input is missing"
    known = tensor.dtype in TYPES and node.output.dtype == "float32"
    return None if known else f"{tensor.dtype} to {node.output.dtype}"


def one_scale(node: Node) -> str | None:
    """the input must have one positive scale, and a zero point within its type"""
    return borders.not_one_scale(node.need(0))


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's."""
    return [node.need(0).shape]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """float32 (N, *shape). Source: TFLite reference_ops::Dequantize."""
    centred = inputs[0].astype(np.int32) - node.need(0).zero_point
    with np.errstate(over="ignore"):  # a float32 that is too large is infinite, as in C
        return [np.float32(node.need(0).scale) * centred.astype(np.float32)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of dequantize_f32."""
    params: dict[str, Param] = {
        "size": node.output.size,
        "input_bytes": ITEM_BYTES[node.need(0).dtype],
        "input_unsigned": int(node.need(0).dtype == "uint8"),
        "input_offset": -node.need(0).zero_point,
        "scale": node.need(0).scale,
    }
    return [KernelCall("dequantize_f32", params, (node.need(0),), node.output)]


OPERATOR = Operator(
    constraints=(known_types, one_scale),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

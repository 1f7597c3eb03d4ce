"""Constraints that several operators share: the docstring is the rule, the result is what was found instead."""

from __future__ import annotations

from ..graph import Node, Tensor
from .arithmetic import ACTIVATIONS

MIN_SCALE, MAX_SCALE = 2.0**-60, 2.0**60
"""No quantization tool writes others; within these no product or quotient of two scales leaves the normal float32."""


def _not_int8(tensor: Tensor | None) -> str | None:
    if tensor is None:
        return "it is missing"
    if tensor.dtype != "int8":
        return f"'{tensor.name}' is {tensor.dtype}"
    if tensor.quant is None:
        return f"'{tensor.name}' has no scale"
    if tensor.quant.per_channel:
        return f"'{tensor.name}' has {len(tensor.quant.scale)} scales"
    if not MIN_SCALE <= tensor.scale <= MAX_SCALE:
        return f"'{tensor.name}' has scale {tensor.scale:g}"
    return None if -128 <= tensor.zero_point <= 127 else f"'{tensor.name}' has zero point {tensor.zero_point}"


def int8_first_input(node: Node) -> str | None:
    """the first input must be int8 with one scale"""
    return _not_int8(node.input(0))


def int8_inputs(node: Node) -> str | None:
    """every input must be int8 with one scale"""
    return next((found for tensor in node.inputs if (found := _not_int8(tensor))), None)


def two_int8_inputs(node: Node) -> str | None:
    """there must be two inputs, int8 with one scale"""
    return f"{len(node.inputs)} inputs" if len(node.inputs) != 2 else int8_inputs(node)


def int8_output(node: Node) -> str | None:
    """the output must be int8 with one scale"""
    return _not_int8(node.output)


def four_axes(node: Node) -> str | None:
    """the first input must have four axes (batch, height, width, channels), none of them empty"""
    shape = node.need(0).shape
    return None if len(shape) == 4 and 0 not in shape else f"it has {shape}"


def known_activation(node: Node) -> str | None:
    """the fused activation must be none, RELU, RELU_N1_TO_1 or RELU6"""
    code = node.integer("activation")
    return None if code in ACTIVATIONS else f"number {code}"


def constant_int8_filter(node: Node) -> str | None:
    """the filter must be a constant of int8 with zero point 0"""
    tensor = node.input(1)
    if tensor is None or tensor.data is None:
        return "it is missing" if tensor is None else f"'{tensor.name}' is computed"
    if tensor.dtype != "int8" or tensor.quant is None:
        return f"'{tensor.name}' is {tensor.dtype}{'' if tensor.quant else ' without a scale'}"
    return f"'{tensor.name}' has zero point {max(tensor.quant.zero_point)}" if any(tensor.quant.zero_point) else None


def constant_int32_bias(node: Node) -> str | None:
    """the bias, if there is one, must be a constant of int32"""
    tensor = node.input(2)
    if tensor is None:
        return None
    if tensor.data is None:
        return f"'{tensor.name}' is computed"
    return None if tensor.dtype == "int32" else f"'{tensor.name}' is {tensor.dtype}"


def same_quantization(node: Node) -> str | None:
    """input and output must have the same scale and zero point"""
    a, b = node.need(0), node.output
    if (a.scale, a.zero_point) == (b.scale, b.zero_point):
        return None
    return f"{a.scale:g}, {a.zero_point} and {b.scale:g}, {b.zero_point}"


def constant_second_input(node: Node) -> str | None:
    """the second input must be a constant of int32 or int64"""
    tensor = node.input(1)
    if tensor is None or tensor.data is None:
        return "it is missing" if tensor is None else f"'{tensor.name}' is computed"
    return None if tensor.dtype in ("int32", "int64") else f"'{tensor.name}' is {tensor.dtype}"


def some_output(node: Node) -> str | None:
    """the output must not be empty"""
    return f"{node.output.shape}" if 0 in node.output.shape else None

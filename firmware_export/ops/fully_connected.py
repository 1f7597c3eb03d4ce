"""FULLY_CONNECTED: (rows, depth) times a filter (channels, depth); the input is flattened into rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import linear, rules
from .arithmetic import Int, float32_product, quantize_multiplier
from .spec import Field, KernelCall, Operator, Param, Shape


def filter_fits(node: Node) -> str | None:
    """the filter must be (channels, depth) with a depth that divides the input's size, one scale or one per
    channel, and one bias each"""
    shape, size = node.need(1).shape, node.need(0).size
    if len(shape) != 2 or 0 in shape or size % shape[1]:
        return f"{shape} on {size} values"
    return linear.filter_limits(node, shape[0])


def plain_weights(node: Node) -> str | None:
    """the weights must be stored in the default format"""
    code = node.integer("weights_format")
    return f"format {code}" if code else None


def multipliers(node: Node) -> tuple[Int, Int]:
    """(multipliers, shifts); with one scale TFLite multiplies the scales in float32, else in float64."""
    filters = node.need(1)
    if filters.quant is not None and filters.quant.per_channel:
        return linear.channel_multipliers(node)
    pair = quantize_multiplier(float32_product(node.need(0).scale, filters.scale) / node.output.scale)
    return np.array([pair[0]], np.int64), np.array([pair[1]], np.int64)


def output_shapes(node: Node) -> Sequence[Shape]:
    """(rows, channels), or the input's shape with channels in place of depth when keep_num_dims is set."""
    shape, (channels, depth) = node.need(0).shape, node.need(1).shape
    if node.integer("keep_num_dims"):
        return [(*shape[:-1], channels)]
    return [(node.need(0).size // depth, channels)]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, *output shape); the float64 matmul is exact below 2**53."""
    filters = node.constant(1).astype(np.float64)
    x = inputs[0].reshape(-1, filters.shape[1]).astype(np.float64) - node.need(0).zero_point
    acc = (x @ filters.T).astype(np.int64)
    return [linear.finish(node, acc, *multipliers(node)).reshape(len(inputs[0]), *node.output.shape)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of fully_connected_s8."""
    channels, depth = node.need(1).shape
    params: dict[str, Param] = {
        "rows": node.need(0).size // depth,
        "depth": depth,
        "channels": channels,
        **linear.params(node, *multipliers(node)),
    }
    return [KernelCall("fully_connected_s8", params, (node.need(0),), node.output)]


def macs(node: Node) -> int:
    """Outputs times depth."""
    return node.output.size * node.need(1).shape[1]


OPERATOR = Operator(
    options={
        "activation": Field(0, "int8"),
        "weights_format": Field(1, "int8"),
        "keep_num_dims": Field(2, "bool", False),
    },
    constraints=(
        rules.int8_first_input,
        rules.int8_output,
        rules.constant_int8_filter,
        rules.constant_int32_bias,
        rules.known_activation,
        plain_weights,
        linear.scales_in_range,
        filter_fits,
    ),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
    macs=macs,
)

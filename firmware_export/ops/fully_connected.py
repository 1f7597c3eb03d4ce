"""FULLY_CONNECTED: (rows, depth) times a filter (channels, depth); the input is flattened into rows.

The filter and the bias are constants as a rule. Where one of them is computed, or the filter has a zero point, another
kernel takes them as inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Array, Node
from . import linear, rules
from .arithmetic import Int
from .filters import filter_proofs, folded_params
from .overlap import safe_distance
from .spec import Constant, Field, KernelCall, Operator, Param, Shape

if TYPE_CHECKING:
    from ..requant import Channels, Form

CHANNELS = 8
"""fully_connected_s8 takes so many channels at a time."""
SMALL_MACS = 300
"""With no more products than that the kernel with the least code is taken."""
MAX_COMPUTED_DEPTH = 33_000
"""With so many products of up to 255 * 255 a sum stays below 2**31."""


def filter_shape(node: Node) -> tuple[int, int]:
    """(channels, depth): the last axis is the depth, all others count channels, as in TFLite Micro."""
    depth = node.need(1).shape[-1]
    return node.need(1).size // depth, depth


def int8_filter(node: Node) -> str | None:
    """the filter must be int8, with zero point 0 where it has several scales"""
    tensor = node.input(1)
    if tensor is None:
        return "it is missing"
    if tensor.dtype != "int8" or tensor.quant is None:
        return f"'{tensor.name}' is {tensor.dtype}{'' if tensor.quant else ' without a scale'}"
    zeros = tensor.quant.zero_point
    if tensor.quant.per_channel:
        return f"'{tensor.name}' has zero point {max(zeros)}" if any(zeros) else None
    return None if -128 <= zeros[0] <= 127 else f"'{tensor.name}' has zero point {zeros[0]}"


def int32_bias(node: Node) -> str | None:
    """the bias, if there is one, must be int32"""
    tensor = node.input(2)
    return None if tensor is None or tensor.dtype == "int32" else f"'{tensor.name}' is {tensor.dtype}"


def filter_fits(node: Node) -> str | None:
    """the filter must be (channels, ..., depth) with a depth that divides the input's size, one scale or one per
    channel, and one bias each"""
    shape, size = node.need(1).shape, node.need(0).size
    if len(shape) < 2 or 0 in shape or not size or size % shape[-1]:
        return f"{shape} on {size} values"
    return linear.filter_limits(node, filter_shape(node)[0], axes=tuple(range(len(shape) - 1)))


def depth_fits(node: Node) -> str | None:
    """the depth must be at most 33,000 where the filter is computed or has a zero point"""
    depth = filter_shape(node)[1]
    return f"{depth:,}" if not by_constants(node) and depth > MAX_COMPUTED_DEPTH else None


def plain_weights(node: Node) -> str | None:
    """the weights must be stored in the default format"""
    code = node.integer("weights_format")
    return f"format {code}" if code else None


def by_constants(node: Node) -> bool:
    """Whether filter and bias are constants, and the filter has no zero point."""
    filters, bias = node.need(1), node.input(2)
    return filters.data is not None and not filters.zero_point and (bias is None or bias.data is not None)


def output_shapes(node: Node) -> Sequence[Shape]:
    """What the file says if it ends in channels and has a row for every depth values, else (rows, channels).

    With keep_num_dims the input's shape with channels in place of depth; TFLite Micro takes any axes for the rows.
    """
    channels, depth = filter_shape(node)
    rows = node.need(0).size // depth
    if node.output.shape[-1:] == (channels,) and node.output.size == rows * channels:
        return [node.output.shape]
    return [(*node.need(0).shape[:-1], channels) if node.integer("keep_num_dims") else (rows, channels)]


def _accumulate(x: Array, filters: Array) -> Int:
    """Sums (N, rows, channels) int64 of (N or 1, rows, depth) and (N or 1, channels, depth); float64 is exact here."""
    a, b = x.astype(np.float64), filters.astype(np.float64)
    if len(b) > 1:
        return np.asarray(a @ b.swapaxes(1, 2), np.int64)
    return np.asarray(a.reshape(-1, a.shape[2]) @ b[0].T, np.int64).reshape(*a.shape[:2], -1)


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, *output shape)."""
    channels, depth = filter_shape(node)
    x = inputs[0].reshape(len(inputs[0]), -1, depth).astype(np.int64) - node.need(0).zero_point
    filters = inputs[1].reshape(len(inputs[1]), channels, depth).astype(np.int64) - node.need(1).zero_point
    acc = _accumulate(x, filters)
    bias = node.input(2)
    if bias is not None and bias.data is None:
        acc = acc + inputs[2].reshape(len(inputs[2]), 1, channels).astype(np.int64)
    return [linear.finish(node, acc, *linear.channel_multipliers(node)).reshape(len(acc), *node.output.shape)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of fully_connected_s8, or fully_connected_small_s8, or fully_connected_computed_s8."""
    channels, depth = filter_shape(node)
    sizes: dict[str, Param] = {"rows": node.need(0).size // depth, "depth": depth, "channels": channels}
    if by_constants(node):
        small = macs(node) <= SMALL_MACS
        folded = folded_params(node, node.constant(1).reshape(channels, depth), 1 if small else CHANNELS)
        kernel = "fully_connected_small_s8" if small else "fully_connected_s8"
        return [KernelCall(kernel, sizes | _one_for_all(folded), (node.need(0),), node.output)]
    inputs = (node.need(0), node.need(1), node.input(2) or node.need(1))
    return [KernelCall("fully_connected_computed_s8", sizes | _computed_params(node), inputs, node.output)]


def _one_for_all(params: dict[str, Param]) -> dict[str, Param]:
    """`params` with one entry in each of the tables that requantize where all channels have the same."""
    tables = {name: params[name] for name in ("multiplier", "constant", "shift")}
    found = {name: t.values for name, t in tables.items() if isinstance(t, Constant)}
    per_channel = any((values != values[0]).any() for values in found.values())
    if not per_channel:
        tables = {n: replace(t, values=t.values[:1]) if isinstance(t, Constant) else t for n, t in tables.items()}
    return {"per_channel": int(per_channel), **params, **tables}


def _computed_params(node: Node) -> dict[str, Param]:
    factors, shifts = linear.channel_multipliers(node)
    low, high = linear.output_range(node)
    return {
        "input_offset": -node.need(0).zero_point,
        "weights_offset": -node.need(1).zero_point,
        "output_offset": node.output.zero_point,
        "activation_min": low,
        "activation_max": high,
        "per_channel": int(len(factors) > 1),
        "has_bias": int(node.input(2) is not None),
        "multiplier": Constant("multiplier", factors.astype(np.int32), "input * weight / output scale"),
        "shift": Constant("shift", shifts.astype(np.int8), "as multiplier * 2^(shift - 31)"),
    }


def overlap(node: Node, number: int) -> int | None:
    """How far before its input the output has to begin: a row is read again for every eight channels or rest of one."""
    if number != 0 or not by_constants(node):
        return None
    channels, depth = filter_shape(node)
    ends = range(1, channels + 1) if macs(node) <= SMALL_MACS else _block_ends(channels)
    row, end = np.arange(node.need(0).size // depth)[:, None], np.array(ends)
    reads = np.broadcast_to(row * depth, (len(row), len(end)))
    return safe_distance(reads.reshape(-1), (row * channels + end).reshape(-1))


def _block_ends(channels: int) -> list[int]:
    """Behind which channels the kernel has written some."""
    whole = channels // CHANNELS * CHANNELS
    return [*range(CHANNELS, whole + 1, CHANNELS), *range(whole + 1, channels + 1)]


def proofs(node: Node) -> Sequence[tuple[Channels, Form]]:
    """What its requantization rests on; nothing where filter or bias is computed."""
    return filter_proofs(node, node.constant(1).reshape(filter_shape(node))) if by_constants(node) else ()


def macs(node: Node) -> int:
    """Outputs times depth."""
    return node.output.size * filter_shape(node)[1]


OPERATOR = Operator(
    options={
        "activation": Field(0, "int8"),
        "weights_format": Field(1, "int8"),
        "keep_num_dims": Field(2, "bool", False),
    },
    constraints=(
        rules.int8_first_input,
        rules.int8_output,
        int8_filter,
        int32_bias,
        rules.known_activation,
        plain_weights,
        linear.scales_in_range,
        filter_fits,
        depth_fits,
    ),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
    macs=macs,
    overlap=overlap,
    proofs=proofs,
)

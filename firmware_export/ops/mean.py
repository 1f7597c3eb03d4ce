"""MEAN over any axes: a sum, then one requantization that also divides by the number of values.

Source: TFLite QuantizedMeanOrSum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import linear, rules
from .arithmetic import clamp_int8, quantize_multiplier, requantize
from .spec import Field, KernelCall, Operator, Param, Shape

GROUPS = 3
"""The kernel takes up to this many runs of kept axes and of reduced axes."""


def axes(node: Node) -> tuple[int, ...]:
    """The reduced axes, counted from the front, in order."""
    rank = len(node.need(0).shape)
    return tuple(sorted({int(a) % rank for a in node.constant(1).reshape(-1)}))


def axes_exist(node: Node) -> str | None:
    """the axes must be those of the input, and no more than the kernel's runs of them"""
    shape = node.need(0).shape
    wrong = [int(a) for a in node.constant(1).reshape(-1) if not -len(shape) <= a < len(shape)]
    if wrong or 0 in shape or not shape:
        return f"axes {wrong} of {shape}"
    kept, reduced = runs(node)
    return f"axes {axes(node)} of {shape}" if max(len(kept), len(reduced)) > GROUPS else None


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's shape, the reduced axes 1 or left out."""
    reduced, shape = axes(node), node.need(0).shape
    if node.integer("keep_dims"):
        return [tuple(1 if i in reduced else extent for i, extent in enumerate(shape))]
    return [tuple(extent for i, extent in enumerate(shape) if i not in reduced)]


def scaling(node: Node) -> tuple[int, int]:
    """(multiplier, shift) of input scale / output scale / count."""
    count = math.prod(node.need(0).shape[a] for a in axes(node))
    multiplier, shift = quantize_multiplier(node.need(0).scale / node.output.scale)
    down = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << down) // count, shift - down


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, *output shape)."""
    x = inputs[0].astype(np.int64) - node.need(0).zero_point
    total = x.sum(axis=tuple(a + 1 for a in axes(node)))
    out = clamp_int8(requantize(total, *scaling(node)) + node.output.zero_point)
    return [out.reshape(len(inputs[0]), *node.output.shape)]


def runs(node: Node) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(extent, stride) of the kept and of the reduced axes; neighbours of one kind are joined."""
    shape, reduced_axes = node.need(0).shape, axes(node)
    joined: list[tuple[bool, int]] = []
    for axis, extent in enumerate(shape):
        kind = axis in reduced_axes
        if joined and joined[-1][0] == kind:
            joined[-1] = (kind, joined[-1][1] * extent)
        elif extent > 1:
            joined.append((kind, extent))
    kept: list[tuple[int, int]] = []
    reduced: list[tuple[int, int]] = []
    stride = 1
    for kind, extent in reversed(joined):
        (reduced if kind else kept).insert(0, (extent, stride))
        stride *= extent
    return kept, reduced


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of mean_s8."""
    padded = [[(1, 0)] * (GROUPS - len(group)) + group for group in runs(node)]
    multiplier, shift = scaling(node)
    params: dict[str, Param] = {
        "kept": tuple(extent for extent, _ in padded[0]),
        "kept_stride": tuple(stride for _, stride in padded[0]),
        "reduced": tuple(extent for extent, _ in padded[1]),
        "reduced_stride": tuple(stride for _, stride in padded[1]),
        "input_offset": -node.need(0).zero_point,
        "output_offset": node.output.zero_point,
        "multiplier": multiplier,
        "shift": shift,
    }
    return [KernelCall("mean_s8", params, (node.need(0),), node.output)]


OPERATOR = Operator(
    options={"keep_dims": Field(0, "bool", False)},
    constraints=(
        rules.int8_first_input,
        rules.int8_output,
        rules.constant_second_input,
        linear.scales_in_range,
        axes_exist,
    ),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

"""What MEAN, SUM and REDUCE_MAX share: one value out of all along the reduced axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..graph import Array, Node
from . import linear, rules
from .arithmetic import clamp_int8, requantize
from .spec import Field, KernelCall, Operator, Param, Shape

GROUPS = 3
"""A kernel takes up to this many runs of kept axes and of reduced axes."""
MAX_COUNT = 1 << 23
"""So many values, each less a zero point, still add up to less than 2**31."""
OPTIONS = {"keep_dims": Field(0, "bool", False)}


def axes(node: Node) -> tuple[int, ...]:
    """The reduced axes, counted from the front, in order, each once."""
    rank = len(node.need(0).shape)
    return tuple(sorted({int(a) % rank for a in node.constant(1).reshape(-1)})) if rank else ()


def axes_exist(node: Node) -> str | None:
    """the axes must be those of the input, none of them empty, in at most 3 runs that stay and 3 that vanish"""
    shape = node.need(0).shape
    wrong = [int(a) for a in node.constant(1).reshape(-1) if shape and not -len(shape) <= a < len(shape)]
    if wrong or 0 in shape:
        return f"axes {wrong} of {shape}" if wrong else f"{shape}"
    kept, reduced = runs(node)
    return f"axes {axes(node)} of {shape}" if max(len(kept), len(reduced)) > GROUPS else None


def count_fits(node: Node) -> str | None:
    """at most 2**23 values may be added up for one output"""
    return f"{count(node):,}" if count(node) > MAX_COUNT else None


def count(node: Node) -> int:
    """How many values make one output."""
    return math.prod(node.need(0).shape[a] for a in axes(node))


def output_shapes(node: Node) -> Sequence[Shape]:
    """What the file says if it holds as many values, as in TFLite Micro; else the input's, the axes 1 or left out."""
    reduced, shape = axes(node), node.need(0).shape
    kept = tuple(extent for i, extent in enumerate(shape) if i not in reduced)
    if node.output.size == math.prod(kept):
        return [node.output.shape]
    return [tuple(1 if i in reduced else n for i, n in enumerate(shape)) if node.integer("keep_dims") else kept]


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


def layout(node: Node) -> dict[str, Param]:
    """The kernel parameters that say which values belong together."""
    kept, reduced = ([(1, 0)] * (GROUPS - len(group)) + group for group in runs(node))
    return {
        "kept": tuple(extent for extent, _ in kept),
        "kept_stride": tuple(stride for _, stride in kept),
        "reduced": tuple(extent for extent, _ in reduced),
        "reduced_stride": tuple(stride for _, stride in reduced),
    }


def overlap(node: Node, number: int) -> int | None:
    """In place or before: output k and those behind it need nothing that lies before byte k of the input."""
    return 0 if number == 0 else None


def along(node: Node) -> tuple[int, ...]:
    """The reduced axes of an array (N, *input shape)."""
    return tuple(a + 1 for a in axes(node))


def adding_operator(scaling: Callable[[Node], tuple[int, int]]) -> Operator:
    """The operator that adds the values up and requantizes by the (multiplier, shift) of `scaling`.

    Source: TFLite QuantizedMeanOrSum.
    """

    def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
        """int8 (N, *output shape)."""
        x = inputs[0].astype(np.int64) - node.need(0).zero_point
        out = clamp_int8(requantize(x.sum(axis=along(node)), *scaling(node)) + node.output.zero_point)
        return [out.reshape(len(inputs[0]), *node.output.shape)]

    def lower(node: Node) -> Sequence[KernelCall]:
        """One call of mean_s8."""
        multiplier, shift = scaling(node)
        params: dict[str, Param] = {
            **layout(node),
            "input_offset": -node.need(0).zero_point,
            "output_offset": node.output.zero_point,
            "multiplier": multiplier,
            "shift": shift,
        }
        return [KernelCall("mean_s8", params, (node.need(0),), node.output)]

    return Operator(
        options=OPTIONS,
        constraints=(
            rules.int8_first_input,
            rules.int8_output,
            rules.constant_second_input,
            linear.scales_in_range,
            axes_exist,
            count_fits,
        ),
        output_shapes=output_shapes,
        reference=reference,
        lower=lower,
        overlap=overlap,
    )

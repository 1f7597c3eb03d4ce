"""What AVERAGE_POOL_2D and MAX_POOL_2D share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ..graph import Array, Node
from . import linear, rules
from .overlap import safe_distance
from .spec import Field, KernelCall, Operator, Param, Shape
from .window import Window, first_bytes, positive_window, window

CHANNELS = 4
"""The kernels take so many channels at a time."""
NEARLY = 1e-6
"""Scales that differ by no more count as equal. Source: TFLite Micro's PoolingPrepare."""


def same_quantization(node: Node) -> str | None:
    """input and output must have the same zero point, and scales at most 1e-6 apart"""
    a, b = node.need(0), node.output
    if abs(a.scale - b.scale) <= NEARLY and a.zero_point == b.zero_point:
        return None
    return f"{a.scale:g}, {a.zero_point} and {b.scale:g}, {b.zero_point}"


def pool_window(node: Node) -> Window:
    """The window over the input (B, H, W, C)."""
    return window(node, (node.integer("filter_h"), node.integer("filter_w")))


def output_shapes(node: Node) -> Sequence[Shape]:
    """(B, OH, OW, C)."""
    shape = node.need(0).shape
    return [(shape[0], *pool_window(node).output, shape[3])]


def pool_params(node: Node) -> dict[str, Param]:
    """The parameters of a kernel that pools."""
    win = pool_window(node)
    low, high = linear.output_range(node)
    return {
        "input": node.need(0).shape,
        "output": node.output.shape,
        "filter": win.size,
        "stride": win.stride,
        "pad": win.pad,
        "activation_min": low,
        "activation_max": high,
    }


def _lower(kernel: str, node: Node) -> Sequence[KernelCall]:
    """One call of `kernel`."""
    return [KernelCall(kernel, pool_params(node), (node.need(0),), node.output)]


def overlap(node: Node, number: int) -> int:
    """How far before its input the output has to begin: a step is four channels of a pixel, or one of the rest."""
    channels = node.output.shape[3]
    whole = channels // CHANNELS * CHANNELS
    first = np.array([*range(0, whole, CHANNELS), *range(whole, channels)])
    end = np.append(first[1:], channels)
    pixels = first_bytes(node.need(0).shape, pool_window(node)).reshape(-1, 1)
    written = np.arange(len(pixels))[:, None] * channels + end
    return safe_distance((pixels + first).reshape(-1), written.reshape(-1))


OPTIONS = {
    "padding": Field(0, "int8"),
    "stride_w": Field(1),
    "stride_h": Field(2),
    "filter_w": Field(3),
    "filter_h": Field(4),
    "activation": Field(5, "int8"),
}
CONSTRAINTS = (
    rules.int8_first_input,
    rules.int8_output,
    rules.four_axes,
    same_quantization,
    rules.known_activation,
    linear.scales_in_range,
    positive_window,
    rules.some_output,
)


def pool_operator(kernel: str, reference: Callable[[Node, Sequence[Array]], Sequence[Array]]) -> Operator:
    """The operator that `kernel` computes, with its numpy `reference`."""
    return Operator(output_shapes, reference, partial(_lower, kernel), OPTIONS, CONSTRAINTS, overlap=overlap)

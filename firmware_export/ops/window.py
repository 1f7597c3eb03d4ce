"""Windows that slide over height and width: what convolutions and pools share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..graph import Array, Node

SAME, VALID = 0, 1
"""Paddings, as the schema numbers them."""
PADS = ("pad_top", "pad_bottom", "pad_left", "pad_right")
"""Options that no file has: a PAD that a pass folded in; they stand for SAME or VALID."""


MOST_REACH = 32_767
MOST_PADDED, MOST_TAPS, MOST_WORK = 1 << 28, 1 << 18, 1 << 36
"""Elements of an input with its padding, of a filter over height and width, and the two for all outputs."""


@dataclass(frozen=True)
class Window:
    """Filter size, stride, dilation, padding before, input and output size: each (height, width)."""

    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad: tuple[int, int]
    input: tuple[int, int]
    output: tuple[int, int]

    def pad_after(self, axis: int) -> int:
        """Rows (axis 0) or columns (axis 1) that the last window reaches beyond the input."""
        reach = (self.output[axis] - 1) * self.stride[axis] + (self.size[axis] - 1) * self.dilation[axis] + 1
        return max(0, reach - self.pad[axis] - self.input[axis])


def window(node: Node, size: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> Window:
    """The window of `node` over its first input (B, H, W, C). Source: TFLite ComputePaddingHeightWidth."""
    stride = (node.integer("stride_h"), node.integer("stride_w"))
    extent = node.need(0).shape[1:3]
    reach = [(size[axis] - 1) * dilation[axis] + 1 for axis in range(2)]
    fits = [_fit(node, axis, extent[axis], stride[axis], reach[axis]) for axis in range(2)]
    pads, outputs = (fits[0][1], fits[1][1]), (max(0, fits[0][0]), max(0, fits[1][0]))
    return Window(size, stride, dilation, pads, (extent[0], extent[1]), outputs)


def _fit(node: Node, axis: int, extent: int, stride: int, reach: int) -> tuple[int, int]:
    """(number of windows, padding before) along an axis, by explicit padding where the node has some."""
    if PADS[0] not in node.op.options:
        return placement(extent, stride, reach, same=node.integer("padding") == SAME)
    before, after = (node.integer(key) for key in PADS[2 * axis : 2 * axis + 2])
    return (extent + before + after - reach) // stride + 1, before


def placement(extent: int, stride: int, reach: int, *, same: bool) -> tuple[int, int]:
    """(number of windows, padding before) along an axis. Source: TFLite ComputePaddingHeightWidth, rounding to 0."""
    room = extent + stride - (1 if same else reach)
    count = room // stride if room >= 0 else -(-room // stride)
    return count, max(0, (count - 1) * stride + reach - extent) // 2


def pad(x: Array, win: Window, fill: float) -> Array:
    """`x` (M, H, W, C) with `fill` around it, so that every window lies inside."""
    widths = [(0, 0), *((win.pad[i], win.pad_after(i)) for i in range(2)), (0, 0)]
    return np.pad(x, widths, constant_values=fill)


def tap(padded: Array, win: Window, ky: int, kx: int) -> Array:
    """What filter position (ky, kx) sees from every output: (M, OH, OW, C) of a padded input."""
    y, x = ky * win.dilation[0], kx * win.dilation[1]
    (oh, ow), (sh, sw) = win.output, win.stride
    return padded[:, y : y + (oh - 1) * sh + 1 : sh, x : x + (ow - 1) * sw + 1 : sw]


def first_bytes(shape: tuple[int, ...], win: Window) -> Array:
    """The first byte of an int8 input (B, H, W, C) that each output pixel sees, int64 (B, OH, OW).

    Where a window misses the input it is the number of the input's bytes.
    """
    inside = []
    for axis in range(2):
        starts = np.arange(win.output[axis]) * win.stride[axis] - win.pad[axis]
        taps = starts[:, None] + np.arange(win.size[axis]) * win.dilation[axis]
        inside.append(np.where((taps >= 0) & (taps < win.input[axis]), taps, math.prod(shape)).min(axis=1))
    batch = np.arange(shape[0])[:, None, None] * shape[1]
    pixels = (batch + inside[0][:, None]) * shape[2] + inside[1]
    return np.asarray(np.minimum(pixels * shape[3], math.prod(shape)))


def positive_window(node: Node) -> str | None:
    """strides, dilations and filter sizes must be positive and below 32,768, and the padding SAME or VALID"""
    keys = ("stride_h", "stride_w", "dilation_h", "dilation_w", "filter_h", "filter_w")
    bad = [f"{key} {node.integer(key)}" for key in keys if key in node.op.options and node.integer(key) < 1]
    if node.integer("padding") not in (SAME, VALID):
        bad.append(f"padding {node.integer('padding')}")
    return ", ".join(bad) or _too_wide(node, keys)


def _too_wide(node: Node, keys: Sequence[str]) -> str | None:
    """What `positive_window` finds in extents that no network has: 32-bit sums of them have to be right."""
    given = [node.integer(key) if key in node.op.options else 1 for key in keys]
    strides, dilations, sizes = given[:2], given[2:4], given[4:]
    filters, shape = node.input(1), node.need(0).shape
    if "filter_h" not in node.op.options and filters is not None and len(filters.shape) == 4:
        sizes = list(filters.shape[1:3])
    reach = [size * dilation for size, dilation in zip(sizes, dilations, strict=True)]
    padded = 0
    if len(shape) == 4:
        padded = shape[0] * (shape[1] + reach[0]) * (shape[2] + reach[1]) * shape[3]
    taps = sizes[0] * sizes[1]
    small = taps <= MOST_TAPS and taps * node.output.size <= MOST_WORK and padded <= MOST_PADDED
    if small and max(*reach, *sizes, *dilations, *strides) <= MOST_REACH:
        return None
    return f"filter {sizes} dilated by {dilations} in steps of {strides} over {shape}"

"""AVERAGE_POOL_2D: the mean of each window's values inside the input, halves rounded away from zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import linear
from .arithmetic import clamp_int8
from .pool import pool_operator, pool_window
from .window import pad, tap


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, B, OH, OW, C)."""
    win = pool_window(node)
    x = inputs[0].reshape(-1, *node.need(0).shape[1:]).astype(np.int64)
    ones = pad(np.ones((1, *win.input, 1), np.int64), win, 0)
    padded = pad(x, win, 0)
    taps = [(ky, kx) for ky in range(win.size[0]) for kx in range(win.size[1])]
    total = np.zeros((len(x), *win.output, x.shape[3]), np.int64)
    count = np.zeros((1, *win.output, 1), np.int64)
    for ky, kx in taps:
        total += tap(padded, win, ky, kx)
        count += tap(ones, win, ky, kx)
    mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
    return [clamp_int8(mean, *linear.output_range(node)).reshape(len(inputs[0]), *node.output.shape)]


OPERATOR = pool_operator("average_pool2d_s8", reference)

"""MAX_POOL_2D: the largest of each window's values inside the input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import linear
from .arithmetic import INT8_MIN, clamp_int8
from .pool import pool_operator, pool_window
from .window import pad, tap


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, B, OH, OW, C)."""
    win = pool_window(node)
    padded = pad(inputs[0].reshape(-1, *node.need(0).shape[1:]), win, INT8_MIN)
    best = tap(padded, win, 0, 0)
    for ky in range(win.size[0]):
        for kx in range(win.size[1]):
            best = np.maximum(best, tap(padded, win, ky, kx))
    return [clamp_int8(best, *linear.output_range(node)).reshape(len(inputs[0]), *node.output.shape)]


OPERATOR = pool_operator("max_pool2d_s8", reference)

"""Sizes that the resizing operators are tried over."""

from __future__ import annotations

import numpy as np
from single_op import Single
from tflite_builder import TensorSpec

CONVENTIONS = ("corners", "align corners", "half pixel centers")
SIZES = (
    ((1, 1), (1, 1), 3),
    ((1, 1), (4, 5), 3),
    ((1, 2), (4, 4), 1),
    ((2, 3), (4, 6), 5),
    ((4, 6), (2, 3), 4),
    ((5, 7), (5, 7), 2),
    ((3, 5), (10, 7), 3),
    ((10, 7), (3, 5), 2),
    ((8, 9), (1, 1), 2),
    ((8, 9), (1, 17), 2),
    ((7, 13), (40, 9), 1),
    ((2, 2), (33, 47), 2),
    ((30, 20), (61, 8), 1),
)
"""(input size, output size, channels)."""


def resize(kind: str, before: tuple[int, int], after: tuple[int, int], channels: int, convention: str) -> Single:
    """Operator `kind` on two pictures."""
    size = TensorSpec((2,), "int32", None, data=np.array(after, np.int32))
    options = {
        "align_corners": convention in ("align corners", "both"),
        "half_pixel_centers": convention in ("half pixel centers", "both"),
    }
    return Single(
        kind,
        [TensorSpec((2, *before, channels), scale=0.1, zero_point=4), size],
        [TensorSpec((2, *after, channels), scale=0.1, zero_point=4)],
        options,
    )

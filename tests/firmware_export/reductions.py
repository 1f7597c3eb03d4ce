"""Shapes and axes that reductions are tried over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from single_op import Single
from tflite_builder import TensorSpec

INPUT = (0.1, 4)
"""(scale, zero point)."""
EVERYWHERE: tuple[tuple[tuple[int, ...], int | tuple[int, ...]], ...] = (
    ((9,), (0,)),
    ((9,), 0),
    ((2, 7), (1,)),
    ((2, 7), (0,)),
    ((2, 7), (-1, 0)),
    ((2, 3, 4), (1,)),
    ((2, 3, 4), (1, 1)),
    ((2, 3, 4), (-2, 1)),
    ((2, 3, 4), -1),
    ((2, 3, 4), (0, 2)),
    ((1, 5, 4, 3), (1, 2)),
    ((1, 5, 4, 3), (2, 1)),
    ((2, 5, 4, 3), (1, 2)),
    ((1, 5, 4, 3), (3,)),
    ((2, 5, 4, 3), (-1, 1)),
    ((2, 5, 4, 3), (0, 2)),
    ((1, 1, 1, 3), (1, 2)),
    ((2, 3, 2, 4, 3), (1, 3)),
    ((2, 3, 2, 4, 3), (0, 2)),
    ((2, 3), ()),
    ((1, 2, 3, 1), ()),
    ((), ()),
)
"""(input shape, axes): up to what TFLite Micro's own buffers hold, five axes of which two vanish; none at all."""


STATED: tuple[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], ...] = (
    ((1, 3, 4), (1,), (4,)),
    ((1, 3, 4), (1,), (4, 1)),
    ((1, 3, 4), (1,), (2, 2)),
    ((1, 5, 4, 3), (1, 2), (3,)),
    ((1, 5, 4, 3), (1, 2), (1, 3)),
    ((1, 5, 4, 3), (2, 1), (1, 1, 1, 3)),
    ((2, 5, 4, 3), (1, 2), (6,)),
    ((1, 9), (1,), ()),
)
"""(input shape, axes, what the file says of the output): as many values as are computed, in other axes."""


def stated(kind: str, output: tuple[float, int], *, keep: bool) -> list[Single]:
    """Operator `kind` over STATED."""
    return [
        replace(case, outputs=[replace(case.outputs[0], shape=shape)])
        for *facts, shape in STATED
        for case in [reduction(kind, facts[0], facts[1], output, keep=keep)]
    ]


def reduction(
    kind: str, shape: tuple[int, ...], axes: int | tuple[int, ...], output: tuple[float, int], *, keep: bool
) -> Single:
    """Operator `kind` over `axes`, a scalar or a vector; `output` is (scale, zero point)."""
    where = np.array(axes, np.int32)
    gone = {int(a) % len(shape) for a in where.reshape(-1)}
    out = tuple(1 if i in gone else n for i, n in enumerate(shape) if keep or i not in gone)
    return Single(
        kind,
        [TensorSpec(shape, scale=INPUT[0], zero_point=INPUT[1]), TensorSpec(where.shape, "int32", None, data=where)],
        [TensorSpec(out, scale=output[0], zero_point=output[1])],
        {"keep_dims": keep},
    )

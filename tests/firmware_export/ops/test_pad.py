from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from single_op import check, model
from tflite_builder import TensorSpec


@pytest.mark.parametrize(
    ("shape", "paddings"),
    [
        ((1, 4, 3, 2), ((0, 0), (1, 2), (0, 1), (0, 0))),
        ((1, 4, 3, 2), ((0, 0), (1, 0), (2, 1), (1, 3))),
        ((3, 4), ((1, 0), (0, 2))),
    ],
)
def test_bits_are_those_of_tflite_micro(
    shape: tuple[int, ...], paddings: tuple[tuple[int, int], ...], tmp_path: Path, compiler: str
) -> None:
    out = tuple(n + before + after for n, (before, after) in zip(shape, paddings, strict=True))
    amounts = TensorSpec((len(shape), 2), "int32", None, data=np.array(paddings, np.int32))
    data = model(
        "PAD", [TensorSpec(shape, scale=0.1, zero_point=6), amounts], [TensorSpec(out, scale=0.1, zero_point=6)]
    )
    check(data, tmp_path, compiler)

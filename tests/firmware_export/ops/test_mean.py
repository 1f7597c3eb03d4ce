from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from single_op import check, model
from tflite_builder import TensorSpec

CASES = {
    "global": ((1, 5, 4, 3), (1, 2), False, 0.07, -3),
    "global, axes kept": ((1, 5, 4, 3), (1, 2), True, 0.07, -3),
    "same scale, axes kept": ((1, 5, 4, 3), (1, 2), True, 0.1, 4),
    "same scale": ((1, 5, 4, 3), (1, 2), False, 0.1, 4),
    "channels": ((1, 5, 4, 3), (3,), False, 0.07, -3),
    "two apart, one from the end": ((1, 5, 4, 3), (-1, 1), False, 0.07, -3),
    "rows": ((2, 7), (1,), False, 0.1, 4),
}


@pytest.mark.parametrize("case", CASES)
def test_bits_are_those_of_tflite_micro(case: str, tmp_path: Path, compiler: str) -> None:
    shape, axes, keep, scale, zero_point = CASES[case]
    gone = {a % len(shape) for a in axes}
    out = tuple(1 if i in gone else n for i, n in enumerate(shape) if keep or i not in gone)
    where = TensorSpec((len(axes),), "int32", None, data=np.array(axes, np.int32))
    data = model(
        "MEAN",
        [TensorSpec(shape, scale=0.1, zero_point=4), where],
        [TensorSpec(out, scale=scale, zero_point=zero_point)],
        {"keep_dims": keep},
    )
    check(data, tmp_path, compiler)

from __future__ import annotations

from pathlib import Path

import pytest
from single_op import check, model
from tflite_builder import TensorSpec


@pytest.mark.parametrize(
    ("shapes", "axis"),
    [([(1, 2, 3, 4), (1, 2, 3, 2)], 3), ([(1, 2, 3, 4), (1, 5, 3, 4), (1, 1, 3, 4)], 1), ([(1, 4), (1, 2)], -1)],
)
def test_bits_are_those_of_tflite_micro(
    shapes: list[tuple[int, ...]], axis: int, tmp_path: Path, compiler: str
) -> None:
    out = list(shapes[0])
    out[axis] = sum(shape[axis] for shape in shapes)
    inputs = [TensorSpec(shape, scale=0.1, zero_point=2) for shape in shapes]
    output = TensorSpec(tuple(out), scale=0.1, zero_point=2)
    check(model("CONCATENATION", inputs, [output], {"axis": axis}), tmp_path, compiler)

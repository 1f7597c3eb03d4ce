from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from single_op import check, model, random_int8
from tflite_builder import TensorSpec

CASES = {
    "same shape, RELU": ((1, 4, 4, 3), (1, 4, 4, 3), (0.1, 0.03, 0.11), (3, -7, -128), 1),
    "a vector for every pixel": ((1, 4, 4, 3), (1, 1, 1, 3), (0.1, 0.3, 0.31), (3, -7, 5), 0),
    "both broadcast": ((2, 1, 3), (4, 1), (0.1, 0.3, 0.31), (3, -7, 5), 3),
}


@pytest.mark.parametrize("case", CASES)
def test_bits_are_those_of_tflite_micro(case: str, tmp_path: Path, compiler: str) -> None:
    first, second, scales, zeros, activation = CASES[case]
    inputs = [TensorSpec(s, scale=scales[i], zero_point=zeros[i]) for i, s in enumerate((first, second))]
    output = TensorSpec(tuple(np.broadcast_shapes(first, second)), scale=scales[2], zero_point=zeros[2])
    check(model("ADD", inputs, [output], {"activation": activation}), tmp_path, compiler)


def test_constant_input(tmp_path: Path, compiler: str) -> None:
    constant = TensorSpec((1, 3), scale=0.2, zero_point=4, data=random_int8(5, (1, 3)))
    data = model("ADD", [TensorSpec((5, 3), scale=0.1), constant], [TensorSpec((5, 3), scale=0.25)])
    check(data, tmp_path, compiler)

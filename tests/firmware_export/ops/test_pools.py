from __future__ import annotations

from pathlib import Path

import pytest
from single_op import check, model
from tflite_builder import TensorSpec

SAME, VALID = 0, 1
CASES = {
    "halves": ((7, 6), (2, 2), (2, 2), SAME, 0),
    "overlapping, RELU": ((7, 6), (3, 2), (1, 2), SAME, 1),
    "valid, RELU6": ((7, 8), (3, 3), (2, 1), VALID, 3),
}


@pytest.mark.parametrize("kind", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize("case", CASES)
def test_bits_are_those_of_tflite_micro(case: str, kind: str, tmp_path: Path, compiler: str) -> None:
    size, kernel, stride, padding, activation = CASES[case]
    out = [(size[i] + stride[i] - (1 if padding == SAME else kernel[i])) // stride[i] for i in range(2)]
    options = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1], "activation": activation}
    options |= {"filter_h": kernel[0], "filter_w": kernel[1]}
    tensors = [TensorSpec((1, *hw, 3), scale=0.1, zero_point=-4) for hw in (size, out)]
    check(model(kind, tensors[:1], tensors[1:], options), tmp_path, compiler)

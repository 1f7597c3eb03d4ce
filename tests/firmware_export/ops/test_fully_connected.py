from __future__ import annotations

import math
from pathlib import Path

import pytest
from single_op import check, linear_specs, model
from tflite_builder import TensorSpec

CASES = {
    "one scale": ((1, 20), 20, 7, False, True, 0, False),
    "a scale per channel, axes kept": ((2, 3, 8), 8, 5, True, False, 1, True),
    "flattened, RELU6": ((1, 2, 2, 5), 20, 3, False, False, 3, False),
    "three rows": ((3, 20), 20, 3, True, True, 0, False),
}


@pytest.mark.parametrize("case", CASES)
def test_bits_are_those_of_tflite_micro(case: str, tmp_path: Path, compiler: str) -> None:
    shape, depth, channels, per_channel, bias, activation, keep = CASES[case]
    linear = linear_specs(3, (channels, depth), channels, axis=0, per_channel=per_channel, bias=bias, input_scale=0.05)
    out = (*shape[:-1], channels) if keep else (math.prod(shape) // depth, channels)
    data = model(
        "FULLY_CONNECTED",
        [TensorSpec(shape, scale=0.05, zero_point=-9), *linear],
        [TensorSpec(out, scale=0.21, zero_point=7)],
        {"activation": activation, "keep_num_dims": keep},
    )
    check(data, tmp_path, compiler)

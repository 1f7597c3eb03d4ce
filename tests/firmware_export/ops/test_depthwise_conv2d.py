from __future__ import annotations

from pathlib import Path

import pytest
from single_op import check, linear_specs, model
from tflite_builder import TensorSpec

SAME, VALID = 0, 1
CASES = {
    "taps that all miss the input": (1, (2, 2), (1, 1), (11, 11), SAME, 0, True, True),
    "multiplier one": (1, (3, 3), (1, 1), (1, 1), SAME, 0, True, True),
    "multiplier two, stride": (2, (3, 5), (2, 2), (2, 1), SAME, 3, False, True),
    "multiplier three, no bias": (3, (2, 2), (1, 3), (3, 2), VALID, 1, True, False),
}


@pytest.mark.parametrize("case", CASES)
def test_bits_are_those_of_tflite_micro(case: str, tmp_path: Path, compiler: str) -> None:
    multiplier, kernel, stride, dilation, padding, activation, per_channel, bias = CASES[case]
    size, channels = (9, 9), 3
    linear = linear_specs(
        2,
        (1, *kernel, channels * multiplier),
        channels * multiplier,
        axis=3,
        per_channel=per_channel,
        bias=bias,
        input_scale=0.05,
    )
    reach = [1 if padding == SAME else (kernel[i] - 1) * dilation[i] + 1 for i in range(2)]
    out = [(size[i] + stride[i] - reach[i]) // stride[i] for i in range(2)]
    options = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1], "activation": activation}
    options |= {"dilation_h": dilation[0], "dilation_w": dilation[1], "depth_multiplier": multiplier}
    data = model(
        "DEPTHWISE_CONV_2D",
        [TensorSpec((1, *size, channels), scale=0.05, zero_point=-4), *linear],
        [TensorSpec((1, *out, channels * multiplier), scale=0.1, zero_point=5)],
        options,
    )
    check(data, tmp_path, compiler)

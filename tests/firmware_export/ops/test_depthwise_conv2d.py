from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from single_op import check, linear_specs, model
from tflite_builder import TensorSpec

from firmware_export.oracle import wrong_operators
from firmware_export.reader import read_tflite

SAME, VALID = 0, 1
CASES = {
    "stride beyond the filter": (2, (1, 2), (3, 4), (1, 1), VALID, 0, True, True),
    "filter beyond the input": (1, (11, 13), (2, 1), (1, 1), SAME, 0, False, True),
    "the whole input": (5, (9, 9), (1, 1), (1, 1), VALID, 2, True, True),
    "taps that all miss the input": (1, (2, 2), (1, 1), (11, 11), SAME, 0, True, True),
    "multiplier one": (1, (3, 3), (1, 1), (1, 1), SAME, 0, True, True),
    "multiplier two, stride": (2, (3, 5), (2, 2), (2, 1), SAME, 3, False, True),
    "multiplier three, no bias": (3, (2, 2), (1, 3), (3, 2), VALID, 1, True, False),
}


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_bits_are_those_of_tflite_micro(case: str, batch: int, tmp_path: Path, compiler: str) -> None:
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
        [TensorSpec((batch, *size, channels), scale=0.05, zero_point=-4), *linear],
        [TensorSpec((batch, *out, channels * multiplier), scale=0.1, zero_point=5)],
        options,
    )
    check(data, tmp_path, compiler)


@pytest.mark.parametrize(
    ("shape", "filters", "scale"),
    [
        ((1, 7, 5, 4), 4, 0.1),  # the last band of rows is smaller than the others
        ((1, 6, 1, 3), 3, 0.0004),  # one column, factors above one
        ((2, 5, 17, 2), 2, 1e8),  # one row at a time, factors of nothing
        ((1, 6, 7, 1), 8, 0.1),  # one channel
    ],
)
def test_other_sizes_and_scales(
    shape: tuple[int, ...], filters: int, scale: float, tmp_path: Path, compiler: str
) -> None:
    linear = linear_specs(5, (1, 3, 3, filters), filters, axis=3, per_channel=True, bias=True, input_scale=0.05)
    options = {"stride_h": 1, "stride_w": 1, "depth_multiplier": filters // shape[3]}
    inputs = [TensorSpec(shape, scale=0.05, zero_point=7), *linear]
    output = TensorSpec((*shape[:3], filters), scale=scale, zero_point=-5)
    check(model("DEPTHWISE_CONV_2D", inputs, [output], options), tmp_path, compiler)


def test_bias_as_a_column(tmp_path: Path, compiler: str) -> None:
    weights, bias = linear_specs(5, (1, 3, 3, 4), 4, axis=3, per_channel=True, bias=True, input_scale=0.05)
    inputs = [TensorSpec((1, 5, 4, 4), scale=0.05, zero_point=7), weights, replace(bias, shape=(4, 1))]
    output = TensorSpec((1, 5, 4, 4), scale=0.1, zero_point=-5)
    options = {"stride_h": 1, "stride_w": 1, "depth_multiplier": 1}
    check(model("DEPTHWISE_CONV_2D", inputs, [output], options), tmp_path, compiler)


def test_multiplier_that_the_file_leaves_out(tmp_path: Path, compiler: str) -> None:
    """TFLite infers it from the shapes, as the schema says; TFLite Micro then writes nothing."""
    tensors = [TensorSpec((1, 5, 5, 2), scale=0.05, zero_point=3)]
    tensors += linear_specs(4, (1, 3, 3, 4), 4, axis=3, per_channel=True, bias=True, input_scale=0.05)
    outputs = [TensorSpec((1, 5, 5, 4), scale=0.1, zero_point=5)]
    stated, left_out = (
        model("DEPTHWISE_CONV_2D", tensors, outputs, {"stride_h": 1, "stride_w": 1, "depth_multiplier": number})
        for number in (2, 0)
    )
    assert not wrong_operators(read_tflite(stated, "m.tflite"))
    assert [defect.type for defect in wrong_operators(read_tflite(left_out, "m.tflite"))] == ["DEPTHWISE_CONV_2D"]
    golden = check(stated, tmp_path / "stated", compiler)
    check(left_out, tmp_path / "left out", compiler, golden=golden)

"""Models of one CONV_2D."""

from __future__ import annotations

from dataclasses import replace

from single_op import linear_specs, model
from tflite_builder import TensorSpec

SAME, VALID = 0, 1
CASES = {
    "plain": {},
    "wide stride, dilated rows": {
        "kernel": (3, 2),
        "stride": (2, 1),
        "dilation": (2, 1),
        "activation": 1,
        "per_channel": False,
    },
    "dilated columns, valid": {
        "kernel": (3, 2),
        "stride": (2, 3),
        "dilation": (1, 2),
        "padding": VALID,
        "activation": 3,
    },
    "two groups": {"groups": 2, "activation": 2},
    "1x1 without bias": {"kernel": (1, 1), "bias": False},
    "batch of two": {"batch": 2},
    "taps that all miss the input": {"kernel": (2, 2), "dilation": (11, 11)},
    "factor above one": {"output_scale": 0.0004},
    "stride beyond the filter": {"kernel": (2, 1), "stride": (3, 4)},
    "stride beyond the filter, valid": {"kernel": (2, 1), "stride": (3, 4), "padding": VALID},
    "filter beyond the input": {"kernel": (13, 11), "stride": (2, 2)},
    "the whole input": {"kernel": (9, 8), "padding": VALID, "per_channel": False, "bias": False},
    "batch of three, two groups": {"batch": 3, "groups": 2, "per_channel": False, "stride": (2, 2)},
    "one channel for each group": {"groups": 4, "filters": 8},
    "axis of the bias": {"bias_axis": 3},
    "one filter": {"filters": 1, "kernel": (1, 1)},
    "nine filters, one pixel": {"filters": 9, "kernel": (9, 8), "padding": VALID},
    "factors of nothing": {"output_scale": 1e8, "activation": 1},
    "bias of four axes": {"bias_shape": (1, 1, 3, 2)},
    "bias as a column": {"bias_shape": (6, 1)},
}


def conv(
    *,
    batch: int = 1,
    kernel: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    padding: int = SAME,
    activation: int = 0,
    per_channel: bool = True,
    bias: bool = True,
    groups: int = 1,
    filters: int = 6,
    bias_axis: int = 0,
    bias_shape: tuple[int, ...] | None = None,
    output_scale: float = 0.3,
) -> bytes:
    size, channels = (9, 8), 4
    linear = linear_specs(
        1, (filters, *kernel, channels // groups), filters, axis=0, per_channel=per_channel, bias=bias, input_scale=0.05
    )
    linear = [linear[0], *(replace(tensor, axis=bias_axis, shape=bias_shape or tensor.shape) for tensor in linear[1:])]
    reach = [1 if padding == SAME else (kernel[i] - 1) * dilation[i] + 1 for i in range(2)]
    out = [(size[i] + stride[i] - reach[i]) // stride[i] for i in range(2)]
    options = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1], "activation": activation}
    options |= {"dilation_h": dilation[0], "dilation_w": dilation[1]}
    return model(
        "CONV_2D",
        [TensorSpec((batch, *size, channels), scale=0.05, zero_point=3), *linear],
        [TensorSpec((batch, *out, filters), scale=output_scale, zero_point=-5)],
        options,
    )

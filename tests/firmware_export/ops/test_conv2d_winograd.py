from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from convolutions import conv
from single_op import Single, check, linear_specs, model, random_int8, several
from test_overlap import Case as Chain
from test_overlap import close_to_the_edge, window_options
from tflite_builder import TensorSpec

from firmware_export import planner
from firmware_export.ops.conv2d_winograd import overlap, transformed
from firmware_export.project import compile_graph
from firmware_export.reader import read_tflite
from firmware_export.targets import Target, find_target

TARGET = replace(find_target("cortex-m4"), take=frozenset({"CONV_2D_WINOGRAD"}))
"""With Winograd's method wherever it fits."""
SAME, VALID = 0, 1
NONE, RELU, RELU6 = 0, 1, 3


@dataclass(frozen=True)
class Case:
    """A 3x3 convolution; `weight` is the value of all weights, `biases` the value of all biases."""

    size: tuple[int, int] = (4, 8)
    channels: int = 4
    filters: int = 2
    padding: int = SAME
    activation: int = NONE
    batch: int = 1
    output_scale: float = 0.3
    output_zero: int = -5
    input_zero: int = 3
    bias: bool = True
    per_channel: bool = True
    weight: int | None = None
    biases: int | None = None


RELU_LAYER = {"activation": RELU, "output_zero": -128, "output_scale": 0.15}
SIZES = [
    *(Case(size=(height, width), channels=3) for height, width in [(1, 1), (2, 2), (3, 3), (5, 4), (4, 5), (7, 9)]),
    *(Case(size=(height, 3 + width), padding=VALID) for height, width in [(3, 0), (4, 1), (5, 7), (6, 8), (4, 16)]),
    Case(size=(3, 1), channels=5, batch=2),
    Case(size=(4, 8), channels=4, batch=3, **RELU_LAYER),
    Case(size=(5, 19), channels=4, batch=2, padding=VALID, filters=3),
]
CHANNELS = [
    *(Case(size=(3, 5), channels=channels, filters=filters) for channels, filters in [(1, 1), (2, 4), (3, 3), (5, 2)]),
    *(Case(size=(2, 8), channels=channels) for channels in (6, 7, 31, 33)),
    # Words of weights that just fill the kernel's unrolled steps, or need them once or twice more.
    *(Case(size=(2, 3), channels=channels, output_scale=1.0) for channels in (62, 63, 64, 65, 66, 67, 128, 130, 131)),
]
NUMBERS = [
    Case(activation=RELU6, output_scale=0.05),
    Case(activation=RELU6, output_zero=-128, output_scale=6 / 255),
    Case(activation=RELU, output_zero=-20),
    Case(**RELU_LAYER),
    Case(activation=RELU, output_zero=-128, output_scale=0.002),
    Case(output_scale=0.002),
    Case(output_scale=1e8),
    Case(bias=False, per_channel=False),
    Case(input_zero=-128, filters=3, **RELU_LAYER),
    Case(input_zero=127),
    *(Case(weight=weight, channels=16, output_scale=20.0) for weight in (127, -127, -128)),
    Case(weight=127, channels=16, activation=RELU, output_zero=-128, output_scale=20.0),
]


def single(case: Case) -> Single:
    shape = (case.filters, 3, 3, case.channels)
    filters, *bias = linear_specs(
        case.channels, shape, case.filters, axis=0, per_channel=case.per_channel, bias=case.bias, input_scale=0.05
    )
    if case.weight is not None:
        filters = replace(filters, data=np.full(shape, case.weight, np.int8))
    if case.biases is not None:
        bias = [replace(tensor, data=np.full(tensor.shape, case.biases, np.int32)) for tensor in bias]
    less = 0 if case.padding == SAME else 2
    out = (case.batch, *(extent - less for extent in case.size), case.filters)
    options = {"padding": case.padding, "stride_h": 1, "stride_w": 1, "activation": case.activation}
    options |= {"dilation_h": 1, "dilation_w": 1}
    given = TensorSpec((case.batch, *case.size, case.channels), scale=0.05, zero_point=case.input_zero)
    made = TensorSpec(out, scale=case.output_scale, zero_point=case.output_zero)
    return Single("CONV_2D", [given, filters, *bias], [made], options)


def one(case: Case) -> bytes:
    op = single(case)
    return model(op.type, op.inputs, op.outputs, op.options)


def kernels(data: bytes, target: Target = TARGET) -> tuple[str, ...]:
    return compile_graph(read_tflite(data, "m.tflite"), target).kernels


@pytest.mark.parametrize("cases", [SIZES, CHANNELS, NUMBERS], ids=["sizes", "channels", "numbers"])
def test_bits_are_those_of_tflite_micro(cases: list[Case], tmp_path: Path, compiler: str) -> None:
    data = several(map(single, cases))
    assert kernels(data) == ("conv2d_winograd_s8",)
    outputs = check(data, tmp_path, compiler, target=TARGET)
    assert sum(len(np.unique(output)) > 20 for output in outputs) > len(outputs) // 3


def test_sums_whose_fourfold_leaves_int32_go_to_another_kernel(tmp_path: Path, compiler: str) -> None:
    """So many channels reach from -1.5 * 2**30 to 1.4 * 2**30, fourfold, and the bias takes them past 2**31."""
    near = Case(size=(2, 2), channels=2600, weight=127, biases=0, output_scale=2000.0)
    far = replace(near, biases=200_000_000)
    assert kernels(one(near)) == ("conv2d_winograd_s8",)
    assert "conv2d_winograd_s8" not in kernels(one(far))
    check(several([single(near), single(far)]), tmp_path, compiler, target=TARGET)


@pytest.mark.parametrize(
    ("shape", "filters", "padding", "distance"),
    [
        ((1, 6, 8, 4), 4, SAME, 0),
        # Of the second image so many rows are written before the last ones are read.
        ((2, 7, 5, 2), 3, SAME, (7 + 6) * 5 * 3 - 14 * 5 * 2),
        ((2, 8, 9, 2), 6, VALID, (6 + 4) * 7 * 6 - (8 + 6) * 9 * 2),
    ],
)
def test_the_output_may_overwrite_rows_that_are_held(
    shape: tuple[int, int, int, int],
    filters: int,
    padding: int,
    distance: int,
    tmp_path: Path,
    compiler: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the output exactly as far before the input as it has to be."""
    monkeypatch.setattr(planner, "pack", close_to_the_edge)
    batch, height, width, channels = shape
    less = 0 if padding == SAME else 2
    filter_shape = (filters, 3, 3, channels)
    weights = TensorSpec(filter_shape, data=random_int8(1, filter_shape), scale=0.01)
    options = window_options((3, 3), (1, 1), padding) | {"dilation_h": 1, "dilation_w": 1}
    chain = Chain("CONV_2D", shape, [weights], (batch, height - less, width - less, filters), **options)
    assert "conv2d_winograd_s8" in kernels(chain.data)
    assert overlap(chain.node, 0) == distance
    check(chain.data, tmp_path, compiler, target=TARGET)


@pytest.mark.parametrize(
    "options",
    [{"kernel": (3, 2)}, {"kernel": (5, 3)}, {"stride": (1, 2)}, {"dilation": (2, 1)}, {"groups": 2}],
    ids=str,
)
def test_other_filters_go_to_other_kernels(options: dict[str, object]) -> None:
    assert "conv2d_winograd_s8" not in kernels(conv(**options))  # type: ignore[arg-type]


def test_only_fast_code_spends_the_flash() -> None:
    many = Case(size=(16, 16), channels=32, filters=32)
    assert kernels(one(many), find_target("cortex-m4", "speed")) == ("conv2d_winograd_s8",)
    assert kernels(one(many), find_target("cortex-m4", "size")) == ("conv2d_dsp_s8",)


def test_transformed_filters_give_four_times_the_sums_of_a_convolution() -> None:
    """By the textbook's transformations, in int64: the kernel's signs undone."""
    source = np.random.RandomState(1)
    filters, tile = source.randint(-128, 128, (2, 3, 3, 5)), source.randint(-128, 128, (4, 4, 5))
    b = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
    a = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])
    signs = np.outer([1, 1, -1, -1], [-1, 1, 1, -1])
    v = np.einsum("iy,yxc,jx->ijc", b, tile, b)
    u = transformed(filters.astype(np.int8)).reshape(2, 4, 4, 5).transpose(0, 2, 1, 3) * signs[:, :, None]
    got = np.einsum("pi,oijc,ijc,qj->opq", a, u, v, a)
    windows = np.array([[tile[y : y + 3, x : x + 3] for x in range(2)] for y in range(2)])
    np.testing.assert_array_equal(got, 4 * np.einsum("oyxc,pqyxc->opq", filters, windows))
    assert abs(transformed(np.full((1, 3, 3, 1), -128, np.int8))).max() == 9 * 128

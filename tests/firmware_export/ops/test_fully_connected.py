from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from single_op import Single, check, linear_specs, model, random_int8, several
from tflite_builder import TensorSpec

from firmware_export import ExportError
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite


@dataclass(frozen=True)
class Case:
    """A FULLY_CONNECTED; `output` is (rows, channels) unless it is given, `computed` names inputs 1 and 2."""

    shape: tuple[int, ...] = (3, 20)
    depth: int = 20
    channels: int = 7
    per_channel: bool = True
    bias: bool = True
    bias_shape: tuple[int, ...] | None = None
    activation: int = 0
    keep: bool = False
    output: tuple[int, ...] | None = None
    filter_axes: int = 2
    filter_shape: tuple[int, ...] | None = None
    filter_zero: int = 0
    computed: tuple[int, ...] = ()
    output_scale: float = 0.21


PLAIN = Case()
ONE_SCALE = replace(PLAIN, per_channel=False)
NUMBERS = [
    ONE_SCALE,
    PLAIN,
    replace(ONE_SCALE, bias=False),
    replace(PLAIN, bias=False, channels=1),
    replace(PLAIN, shape=(1, 1), depth=1),
    replace(ONE_SCALE, activation=1, output_scale=0.03),
    replace(PLAIN, activation=2, output_scale=0.03),
    replace(ONE_SCALE, activation=3, output_scale=0.03),
    replace(PLAIN, output_scale=0.0004),
    replace(PLAIN, output_scale=1e8),
    replace(ONE_SCALE, channels=19),
]
SHAPES = [
    replace(ONE_SCALE, shape=(20,)),
    replace(PLAIN, shape=(20,), output=(7,)),
    replace(ONE_SCALE, shape=(1, 2, 2, 5)),
    replace(ONE_SCALE, shape=(2, 3, 20), keep=True),
    replace(PLAIN, shape=(2, 1, 3, 20), keep=True),
    replace(ONE_SCALE, shape=(2, 3, 20), output=(1, 2, 3, 7)),
    replace(PLAIN, shape=(1, 20), output=(1, 1, 1, 7)),
    replace(PLAIN, shape=(4, 5, 2, 2)),
    replace(ONE_SCALE, filter_axes=4),
    replace(PLAIN, filter_axes=3),
    replace(ONE_SCALE, filter_shape=(7, 1, 1, 20)),
    replace(PLAIN, filter_shape=(7, 1, 1, 20), shape=(1, 1, 1, 20), keep=True),
    replace(PLAIN, filter_shape=(1, 7, 1, 20)),
    replace(ONE_SCALE, filter_shape=(2, 3, 20), channels=6, shape=(3, 2, 10)),
    replace(ONE_SCALE, filter_shape=(7, 1, 20), computed=(1,)),
    replace(PLAIN, bias_shape=(7, 1)),
    replace(ONE_SCALE, bias_shape=(1, 1, 7)),
    replace(PLAIN, bias_shape=(7, 1), computed=(1,)),
]
COMPUTED = [
    replace(ONE_SCALE, computed=(1,)),
    replace(ONE_SCALE, computed=(2,)),
    replace(PLAIN, computed=(1, 2), shape=(2, 3, 20), keep=True),
    replace(PLAIN, computed=(1,), bias=False),
    replace(ONE_SCALE, filter_zero=-3),
    replace(ONE_SCALE, filter_zero=127, bias=False, activation=1),
    replace(ONE_SCALE, filter_zero=-128, computed=(1, 2)),
]


def single(case: Case) -> Single:
    shape = (case.channels, case.depth)
    linear = linear_specs(
        3, shape, case.channels, axis=0, per_channel=case.per_channel, bias=case.bias, input_scale=0.05
    )
    whole = case.filter_shape or (1,) * (case.filter_axes - 2) + shape
    axis = whole.index(case.channels) if case.channels in whole else 0
    data = None if linear[0].data is None else linear[0].data.reshape(whole)
    linear[0] = replace(linear[0], shape=whole, zero_point=case.filter_zero, data=data, axis=axis)
    linear[1:] = [replace(t, shape=case.bias_shape or t.shape) for t in linear[1:]]
    inputs = [TensorSpec(case.shape, scale=0.05, zero_point=-9), *linear]
    inputs = [replace(t, data=None) if i in case.computed else t for i, t in enumerate(inputs)]
    rows = math.prod(case.shape) // case.depth
    usual = (*case.shape[:-1], case.channels) if case.keep else (rows, case.channels)
    output = TensorSpec(case.output or usual, scale=case.output_scale, zero_point=7)
    return Single("FULLY_CONNECTED", inputs, [output], {"activation": case.activation, "keep_num_dims": case.keep})


@pytest.mark.parametrize("cases", [NUMBERS, SHAPES, COMPUTED], ids=["numbers", "shapes", "computed"])
def test_bits_are_those_of_tflite_micro(cases: list[Case], tmp_path: Path, compiler: str) -> None:
    check(several(map(single, cases)), tmp_path, compiler)


def deep(weight: int) -> bytes:
    """A filter with 70,000 weights for each of two outputs, all `weight` in size."""
    depth = 70_000
    data = np.where(random_int8(4, (2, depth)) < 0, -weight, weight).astype(np.int8)
    filters = TensorSpec((2, depth), scale=0.001, data=data)
    output = TensorSpec((1, 2), scale=4.0)
    return several([Single("FULLY_CONNECTED", [TensorSpec((1, depth), scale=0.05), filters], [output])])


@pytest.mark.slow
def test_deep_filter_with_small_weights(tmp_path: Path, compiler: str) -> None:
    check(deep(100), tmp_path, compiler)


def test_sum_that_may_leave_int32_is_refused() -> None:
    with pytest.raises(ExportError, match=r"\(weights that may add up to 2,266,950,000\)"):
        apply_passes(read_tflite(deep(127), "m.tflite"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": 7, "output": (8, 7)}, r"a depth that divides the input's size, .* \(\(7, 7\) on 60 values\)"),
        ({"output": (3, 6)}, r"its output should have shape \[\(3, 7\)\], the file says \[\(3, 6\)\]"),
        ({"filter_zero": 3}, r"zero point 0 where it has several scales \('weights' has zero point 3\)"),
        ({"shape": (1, 40_000), "depth": 40_000, "computed": (1,)}, r"the depth must be at most 33,000 .* \(40,000\)"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    case = replace(PLAIN, **change)  # type: ignore[arg-type]
    with pytest.raises(ExportError, match=message):
        apply_passes(read_tflite(several([single(case)]), "m.tflite"))


def test_the_factor_of_one_scale_is_a_product_in_float64(tmp_path: Path, compiler: str) -> None:
    """Biases where outputs change: TFLite 2.14, which multiplies scales in float32, gives others for some of them."""
    source, filters, output = (float(np.float32(n)) for n in (0.17750564217567444, 0.08841951936483383, 3331.28125))
    channels = 600
    steps = (np.arange(channels) // 3 - 100.5) * output / (source * filters)
    bias = (np.round(steps) + np.arange(channels) % 3 - 1).astype(np.int32)
    tensors = [
        TensorSpec((1, 1), scale=source),
        TensorSpec((channels, 1), scale=filters, data=np.zeros((channels, 1), np.int8)),
        TensorSpec((channels,), "int32", source * filters, data=bias),
    ]
    data = model("FULLY_CONNECTED", tensors, [TensorSpec((1, channels), scale=output)])
    expected = check(data, tmp_path, compiler)[0][0, 0]
    real = bias * float(np.float32(source) * np.float32(filters)) / output
    assert (np.round(real).clip(-128, 127) != expected).any(), "this tells nothing"

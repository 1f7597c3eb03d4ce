from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from single_op import Single, check, linear_specs, several
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import ExportError
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

SAME, VALID = 0, 1


@dataclass(frozen=True)
class Case:
    """A TRANSPOSE_CONV; `output` (height, width) is the usual one unless it is given."""

    batch: int = 1
    size: tuple[int, int] = (3, 4)
    channels: tuple[int, int] = (2, 3)
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (2, 2)
    padding: int = SAME
    activation: int = 0
    per_channel: bool = True
    bias: bool = True
    bias_shape: tuple[int, ...] | None = None
    output: tuple[int, int] | None = None
    output_scale: float = 0.2

    @property
    def output_size(self) -> tuple[int, int]:
        sizes = []
        for size, stride, kernel in zip(self.size, self.stride, self.kernel, strict=True):
            sizes.append(size * stride if self.padding == SAME else (size - 1) * stride + kernel)
        return self.output or (sizes[0], sizes[1])


PLAIN = Case()
SIZES = [
    PLAIN,
    replace(PLAIN, padding=VALID),
    replace(PLAIN, stride=(1, 1)),
    replace(PLAIN, stride=(1, 3), kernel=(2, 5)),
    replace(PLAIN, stride=(3, 2), kernel=(1, 2)),
    replace(PLAIN, stride=(3, 3), kernel=(1, 2), padding=VALID),
    replace(PLAIN, kernel=(6, 7)),
    replace(PLAIN, kernel=(6, 7), padding=VALID),
    replace(PLAIN, size=(1, 1), kernel=(4, 4), stride=(4, 4)),
    replace(PLAIN, batch=3, size=(2, 2)),
]
ODD_OUTPUTS = [
    replace(PLAIN, output=(5, 7)),
    replace(PLAIN, padding=VALID, output=(8, 10)),
    replace(PLAIN, padding=VALID, output=(20, 15)),
    replace(PLAIN, output=(2, 1)),
    replace(PLAIN, padding=VALID, kernel=(5, 4), output=(2, 1)),
]
NUMBERS = [
    replace(PLAIN, per_channel=False),
    replace(PLAIN, bias=False),
    replace(PLAIN, per_channel=False, bias=False),
    replace(PLAIN, bias_shape=(3, 1)),
    replace(PLAIN, channels=(7, 1)),
    replace(PLAIN, channels=(1, 8)),
    replace(PLAIN, output_scale=0.0004),
    *(replace(PLAIN, activation=code, output_scale=0.03) for code in (1, 2, 3)),
]


def single(case: Case, shape: TensorSpec | None = None) -> Single:
    before, after = case.channels
    linear = linear_specs(
        3, (after, *case.kernel, before), after, axis=0, per_channel=case.per_channel, bias=case.bias, input_scale=0.05
    )
    output = (case.batch, *case.output_size, after)
    return Single(
        "TRANSPOSE_CONV",
        [
            shape or TensorSpec((4,), "int32", None, data=np.array(output, np.int32)),
            linear[0],
            TensorSpec((case.batch, *case.size, before), scale=0.05, zero_point=3),
            *(replace(tensor, shape=case.bias_shape or tensor.shape) for tensor in linear[1:]),
        ],
        [TensorSpec(output, scale=case.output_scale, zero_point=-5)],
        {
            "padding": case.padding,
            "stride_h": case.stride[0],
            "stride_w": case.stride[1],
            "activation": case.activation,
        },
    )


@pytest.mark.parametrize("cases", [SIZES, ODD_OUTPUTS, NUMBERS], ids=["sizes", "odd outputs", "numbers"])
def test_bits_are_those_of_tflite_micro(cases: list[Case], tmp_path: Path, compiler: str) -> None:
    check(several(map(single, cases)), tmp_path, compiler)


def test_stated_shape_is_not_read(tmp_path: Path, compiler: str) -> None:
    wrong = TensorSpec((4,), "int32", None, data=np.array([1, 1, 1, 1], np.int32))
    check(several([single(PLAIN, wrong), single(PLAIN, TensorSpec((4,), "int32", None))]), tmp_path, compiler)


def test_shape_need_not_be_known(tmp_path: Path, compiler: str) -> None:
    """It comes from the input's shape where the batch is free."""
    case = single(PLAIN)
    tensors = [*case.inputs, *case.outputs, TensorSpec((4,), "int32", None)]
    ops = [OpSpec("SHAPE", (2,), (5,), {}), OpSpec("TRANSPOSE_CONV", (5, 1, 2, 3), (4,), case.options)]
    data = build(tensors, ops, [2], [4])
    check(data, tmp_path, compiler, golden=check(several([case]), tmp_path / "known", compiler))


def test_filter_for_other_channels_is_refused() -> None:
    case = single(PLAIN)
    inputs = [*case.inputs[:2], TensorSpec((1, 3, 4, 5), scale=0.05), *case.inputs[3:]]
    data = several([Single(case.type, inputs, case.outputs, case.options)])
    with pytest.raises(ExportError, match=r"the input's channels\), .* \(\(3, 3, 3, 2\) on 5 channels\)"):
        apply_passes(read_tflite(data, "m.tflite"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": (2**30, 1)}, "must be positive and below 32,768"),
        ({"stride": (32_767, 1), "size": (600, 1)}, r"must be below 2\*\*24 \(19,660,203 and 4\)"),
    ],
)
def test_stride_beyond_all_bounds_is_refused(change: dict[str, tuple[int, int]], message: str) -> None:
    data = several([single(replace(PLAIN, **change, output=(4, 4)))])  # type: ignore[arg-type]
    with pytest.raises(ExportError, match=message):
        apply_passes(read_tflite(data, "m.tflite"))


def test_activation_behind_it_is_fused(tmp_path: Path, compiler: str) -> None:
    case = single(replace(PLAIN, output_scale=0.03))
    tensors = [*case.inputs, *case.outputs, *case.outputs]
    ops = [OpSpec(case.type, (0, 1, 2, 3), (4,), case.options), OpSpec("RELU", (4,), (5,), {})]
    data = build(tensors, ops, [2], [5])
    assert [op.type for op in apply_passes(read_tflite(data, "m.tflite")).ops] == ["TRANSPOSE_CONV"]
    check(data, tmp_path, compiler)

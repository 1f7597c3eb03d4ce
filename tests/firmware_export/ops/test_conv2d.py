from __future__ import annotations

from pathlib import Path

import pytest
from convolutions import CASES, conv
from single_op import check, model, random_int8
from tflite_builder import TensorSpec

from firmware_export import ExportError
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite


@pytest.mark.parametrize("case", CASES)
def test_bits_are_those_of_tflite_micro(case: str, tmp_path: Path, compiler: str) -> None:
    check(conv(**CASES[case]), tmp_path, compiler)  # type: ignore[arg-type]


def test_wrong_output_shape_is_named() -> None:
    filters = TensorSpec((2, 3, 3, 1), data=random_int8(1, (2, 3, 3, 1)))
    data = model(
        "CONV_2D", [TensorSpec((1, 5, 5, 1)), filters], [TensorSpec((1, 5, 4, 2))], {"stride_w": 1, "stride_h": 1}
    )
    with pytest.raises(ExportError, match=r"operator 0 CONV_2D \(output 't2'\): its output should have shape"):
        apply_passes(read_tflite(data, "m.tflite"))


def test_computed_filter_is_refused() -> None:
    data = model(
        "CONV_2D",
        [TensorSpec((1, 5, 5, 1)), TensorSpec((2, 3, 3, 1), name="w")],
        [TensorSpec((1, 5, 5, 2))],
        {"stride_w": 1, "stride_h": 1},
    )
    with pytest.raises(ExportError, match=r"the filter must be a constant of int8 .*'w' is computed"):
        apply_passes(read_tflite(data, "m.tflite"))

from __future__ import annotations

from pathlib import Path

import pytest
from single_op import Single, check, several
from tflite_builder import TensorSpec

from firmware_export import ExportError
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

ZEROS = {"int8": (0, -128, 17), "uint8": (0, 128, 255), "int16": (0, -5, 32767)}


def dequantize(before: str, scale: float | list[float] | None, zero: int, after: str = "float32") -> Single:
    output = TensorSpec((2, 3, 50), after, None if after == "float32" else 0.1)
    return Single("DEQUANTIZE", [TensorSpec((2, 3, 50), before, scale, zero)], [output])


@pytest.mark.parametrize("before", ZEROS)
def test_bits_are_those_of_tflite_micro(before: str, tmp_path: Path, compiler: str) -> None:
    scales = (0.1, 1 / 256, 3.0, 1.2345678e-5, 1e-38)
    check(several(dequantize(before, scale, zero) for scale in scales for zero in ZEROS[before]), tmp_path, compiler)


@pytest.mark.parametrize(("before", "after"), [("int8", "int8"), ("uint8", "int32")])
def test_types_that_tflite_micro_refuses_are_refused(before: str, after: str) -> None:
    data = several([dequantize(before, 0.1, 0, after)])
    with pytest.raises(ExportError, match=rf"the types must be .* \({before} to {after}\)"):
        apply_passes(read_tflite(data, "m.tflite"))


def test_input_without_scale_is_refused() -> None:
    data = several([dequantize("int8", None, 0)])
    with pytest.raises(ExportError, match=r"one positive scale, .* \('t0' has no scale\)"):
        apply_passes(read_tflite(data, "m.tflite"))

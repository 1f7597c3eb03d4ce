from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from convolutions import CASES, conv
from single_op import check

from firmware_export.project import compile_graph
from firmware_export.reader import read_tflite
from firmware_export.targets import find_target

TARGET = replace(find_target("cortex-m4"), take=frozenset({"CONV_2D_DSP", "FULLY_CONNECTED_DSP"}))


def kernels(data: bytes) -> tuple[str, ...]:
    return compile_graph(read_tflite(data, "m.tflite"), TARGET).kernels


@pytest.mark.parametrize("case", CASES)
def test_bits_are_those_of_tflite_micro(case: str, tmp_path: Path, compiler: str) -> None:
    check(conv(**CASES[case]), tmp_path, compiler, target=TARGET)  # type: ignore[arg-type]

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from single_op import check, several
from test_fully_connected import COMPUTED, NUMBERS, SHAPES, Case, single

from firmware_export.targets import find_target

TARGET = replace(find_target("cortex-m4"), take=frozenset({"CONV_2D_DSP", "FULLY_CONNECTED_DSP"}))


@pytest.mark.parametrize("cases", [NUMBERS, SHAPES, COMPUTED], ids=["numbers", "shapes", "computed"])
def test_bits_are_those_of_tflite_micro(cases: list[Case], tmp_path: Path, compiler: str) -> None:
    check(several(map(single, cases)), tmp_path, compiler, target=TARGET)

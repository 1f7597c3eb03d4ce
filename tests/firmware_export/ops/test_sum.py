from __future__ import annotations

from pathlib import Path

import pytest
from reductions import EVERYWHERE, INPUT, reduction, stated
from single_op import check, several


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("output", [INPUT, (0.5, -3), (0.04, 100)])
def test_bits_are_those_of_tflite_micro(output: tuple[float, int], keep: bool, tmp_path: Path, compiler: str) -> None:
    cases = [reduction("SUM", shape, axes, output, keep=keep) for shape, axes in EVERYWHERE]
    cases += stated("SUM", output, keep=keep)
    check(several(cases), tmp_path, compiler)

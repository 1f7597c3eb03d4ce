from __future__ import annotations

from pathlib import Path

import pytest
from resizing import CONVENTIONS, SIZES, resize
from single_op import check, several


@pytest.mark.parametrize("convention", [*CONVENTIONS, "both"])
def test_bits_are_those_of_tflite_micro(convention: str, tmp_path: Path, compiler: str) -> None:
    cases = [resize("RESIZE_NEAREST_NEIGHBOR", *size, convention) for size in SIZES]
    check(several(cases), tmp_path, compiler)

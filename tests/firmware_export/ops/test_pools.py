from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pools import CASES, PLAIN, VALID, pool
from single_op import check, several

from firmware_export import ExportError
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

KINDS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")


@pytest.mark.parametrize("kind", KINDS)
def test_bits_are_those_of_tflite_micro(kind: str, tmp_path: Path, compiler: str) -> None:
    check(several(pool(kind, case) for case in CASES), tmp_path, compiler)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [{"scales": (0.1, 0.100002)}, {"zeros": (-4, -3)}])
def test_another_quantization_is_refused(kind: str, change: dict[str, object]) -> None:
    data = several([pool(kind, replace(PLAIN, **change))])  # type: ignore[arg-type]
    with pytest.raises(ExportError, match="the same zero point, and scales at most 1e-6 apart"):
        apply_passes(read_tflite(data, "m.tflite"))


@pytest.mark.parametrize("kind", KINDS)
def test_filter_beyond_the_input_is_refused(kind: str) -> None:
    data = several([pool(kind, replace(PLAIN, kernel=(9, 2), padding=VALID))])
    with pytest.raises(ExportError, match=r"the output must not be empty \(\(1, 0, 3, 3\)\)"):
        apply_passes(read_tflite(data, "m.tflite"))

from __future__ import annotations

from pathlib import Path

import pytest
from reductions import EVERYWHERE, INPUT, reduction, stated
from single_op import check, several

from firmware_export import ExportError
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

MORE_AXES = (((2, 3, 4, 5), (0, 1, 2)), ((2, 3, 4, 5), (3, 2, 1, 0)), ((2, 3, 2, 4, 3, 2), (1, 3, 5)))


@pytest.mark.parametrize("keep", [False, True])
def test_bits_are_those_of_tflite_micro(keep: bool, tmp_path: Path, compiler: str) -> None:
    cases = [reduction("REDUCE_MAX", shape, axes, INPUT, keep=keep) for shape, axes in (*EVERYWHERE, *MORE_AXES)]
    cases += stated("REDUCE_MAX", INPUT, keep=keep)
    check(several(cases), tmp_path, compiler)


def test_another_scale_is_refused() -> None:
    data = several([reduction("REDUCE_MAX", (2, 3), (1,), (0.2, 4), keep=False)])
    with pytest.raises(ExportError, match="input and output must have the same scale and zero point"):
        apply_passes(read_tflite(data, "m.tflite"))

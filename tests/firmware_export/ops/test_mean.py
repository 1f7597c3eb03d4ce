from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reductions import EVERYWHERE, reduction, stated
from single_op import Single, check, several
from tflite_builder import TensorSpec

from firmware_export import ExportError
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

OTHER, SAME = (0.07, -3), (0.1, 4)
"""(output scale, zero point); the input's are SAME."""


def mean(shape: tuple[int, ...], axes: int | tuple[int, ...], output: tuple[float, int], *, keep: bool) -> Single:
    return reduction("MEAN", shape, axes, output, keep=keep)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("output", [OTHER, SAME, (0.002, -100), (90.0, 7)])
def test_bits_are_those_of_tflite_micro(output: tuple[float, int], keep: bool, tmp_path: Path, compiler: str) -> None:
    cases = [mean(shape, axes, output, keep=keep) for shape, axes in EVERYWHERE]
    cases += stated("MEAN", output, keep=keep)
    check(several(cases), tmp_path, compiler)


def test_count_that_no_shift_divides(tmp_path: Path, compiler: str) -> None:
    cases = [mean((1, rows, columns, 2), (1, 2), OTHER, keep=True) for rows, columns in ((7, 7), (31, 3), (1, 1))]
    cases += [mean((rows,), (0,), OTHER, keep=False) for rows in (2, 3, 5, 997)]
    check(several(cases), tmp_path, compiler)


def test_axis_outside_of_the_input_is_refused() -> None:
    case = Single(
        "MEAN",
        [TensorSpec((2, 3)), TensorSpec((1,), "int32", None, data=np.array([2], np.int32))],
        [TensorSpec((2,))],
    )
    with pytest.raises(ExportError, match=r"the axes must be those of the input, .* \(axes \[2\] of \(2, 3\)\)"):
        apply_passes(read_tflite(several([case]), "m.tflite"))

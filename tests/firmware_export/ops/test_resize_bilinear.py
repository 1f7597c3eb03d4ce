from __future__ import annotations

from pathlib import Path

import pytest
from resizing import CONVENTIONS, SIZES, resize
from single_op import check, several

from firmware_export import ExportError
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_bits_are_those_of_tflite_micro(convention: str, tmp_path: Path, compiler: str) -> None:
    cases = [resize("RESIZE_BILINEAR", *size, convention) for size in SIZES]
    check(several(cases), tmp_path, compiler)


def test_two_conventions_at_once_are_refused() -> None:
    data = several([resize("RESIZE_BILINEAR", (2, 2), (4, 4), 1, "both")])
    with pytest.raises(ExportError, match="align_corners and half_pixel_centers must not both be set"):
        apply_passes(read_tflite(data, "m.tflite"))


def test_rounded_step_that_leaves_the_input_is_refused() -> None:
    """1/1100 of a pixel becomes 1/1024: TFLite Micro reads the row behind the last."""
    data = several([resize("RESIZE_BILINEAR", (1, 2), (1100, 2), 1, "corners")])
    with pytest.raises(ExportError, match=r"every output pixel must lie inside .* \(1 pixels to 1100 in steps of 1/"):
        apply_passes(read_tflite(data, "m.tflite"))

from __future__ import annotations

from pathlib import Path

import pytest
from binary_op import Scales, all_pairs, assert_reference, drawn_scales, only_call
from single_op import check, model
from tflite_builder import TensorSpec

from firmware_export import ExportError


def test_all_pairs_at_drawn_scales() -> None:
    for seed in range(12):
        (x, alpha, _), zeros = drawn_scales(seed)
        assert_reference(*all_pairs("PRELU", (x, alpha, x * (0.5 + seed / 10)), zeros))


@pytest.mark.parametrize(
    "scales", [(0.1, 0.01, 0.07), (0.5, 0.5, 0.25), (3.0, 1e-15, 0.001), (9e4, 0.7, 1e-4), (100.0, 9e4, 0.02)]
)
def test_all_pairs_in_c(scales: Scales, tmp_path: Path, compiler: str) -> None:
    data, inputs = all_pairs("PRELU", scales, (3, -7, 5))
    check(data, tmp_path, compiler, inputs=inputs)


def test_out_of_range_scales_are_refused() -> None:
    with pytest.raises(
        ExportError, match=r"alone and times alpha's, must be below 2\*\*30 output scales \(32768 and 0.1 to 1e-05\)"
    ):
        only_call(all_pairs("PRELU", (32768.0, 0.1, 1e-5), (0, 0, 0))[0])


def test_int32_is_refused() -> None:
    specs = [TensorSpec((2,), "int32", None)] * 3
    with pytest.raises(ExportError, match=r"there must be two inputs, int8 with one scale \('t0' is int32\)"):
        only_call(model("PRELU", specs[:2], specs[2:]))

from __future__ import annotations

from pathlib import Path

import pytest
from binary_op import Scales, all_pairs, assert_reference, drawn_scales, only_call
from single_op import check

from firmware_export import ExportError

ODD: list[Scales] = [
    (0.5, 0.5, 0.25),
    (0.5, 0.5, 0.5),
    (0.1, 0.1, 0.0001),
    (1e-4, 1e-4, 1.0),
    (1e-15, 1e-15, 0.5),
    (64.0, 64.0, 0.3),
    (128.0, 64.0, 0.5),
    (100.0, 100.0, 0.013),
    (32768.0, 32767.99, 1.0),
]
"""Factors of 1, a half, 100, next to nothing, nothing, and near 2**14 and beyond, where products wrap around."""


def test_all_pairs_at_drawn_scales() -> None:
    for seed in range(12):
        assert_reference(*all_pairs("MUL", *drawn_scales(seed, product=True), {"activation": seed % 4}))


@pytest.mark.parametrize("scales", ODD)
def test_all_pairs_at_odd_scales(scales: Scales, tmp_path: Path, compiler: str) -> None:
    data, inputs = all_pairs("MUL", scales, (3, -7, 5))
    check(data, tmp_path, compiler, inputs=inputs)


def test_out_of_range_scales_are_refused() -> None:
    with pytest.raises(ExportError, match=r"must be below 2\*\*30 output scales \(32768 \* 32768 to 1\)"):
        only_call(all_pairs("MUL", (32768.0, 32768.0, 1.0), (0, 0, 0))[0])

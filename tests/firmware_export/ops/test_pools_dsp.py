"""Pools and means as cores with SIMD instructions compute them: the C twin under sanitizers, and the emulated core."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chosen import M4, chosen_kernels, costs
from pools import CASES, PLAIN, SAME, VALID, Case, pool
from reductions import reduction
from single_op import Single, check, model, several

from firmware_export.graph import Array
from firmware_export.ops.means_dsp import all_sums, find_slope

CHANNELS = (4, 5, 6, 7, 8, 16, 17, 23, 36)
SQUARES = [
    replace(PLAIN, size=(28, 28), channels=6),
    replace(PLAIN, size=(10, 10), channels=16, padding=VALID),
    replace(PLAIN, size=(5, 2), channels=9, padding=VALID),
    replace(PLAIN, size=(4, 5), channels=5, stride=(1, 1)),
    replace(PLAIN, size=(7, 9), channels=4, stride=(3, 4), batch=2),
]
"""Windows of two rows and two columns, whole ones and ones at the edge."""
INSIDE = [
    replace(PLAIN, size=size, kernel=kernel, stride=stride, padding=VALID, channels=channels, batch=batch)
    for size, kernel, stride, channels, batch in (
        ((25, 5), (25, 5), (25, 5), 64, 1),
        ((16, 16), (16, 16), (16, 16), 6, 2),
        ((8, 8), (2, 2), (2, 2), 17, 1),
        ((7, 6), (3, 2), (1, 2), 4, 2),
        ((7, 9), (3, 3), (2, 3), 23, 1),
        ((6, 5), (1, 3), (1, 1), 5, 1),
        ((9, 1), (3, 1), (2, 1), 16, 1),
    )
]
"""Windows within the input."""
MEANS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((1, 7, 7, 40), (1, 2)),
    ((2, 5, 4, 7), (1, 2)),
    ((3, 16, 5), (1,)),
    ((9, 4), (0,)),
    ((2, 1, 3, 1, 19), (2,)),
    ((1, 16, 16, 4), (1, 2)),
]
"""(shape, axes)."""


def mean(kind: str, shape: tuple[int, ...], axes: tuple[int, ...], output: tuple[float, int]) -> Single:
    return reduction(kind, shape, axes, output, keep=False)


def test_largest_of_windows(tmp_path: Path, compiler: str) -> None:
    cases = [replace(case, channels=CHANNELS[i % len(CHANNELS)]) for i, case in enumerate(CASES)]
    singles = [pool("MAX_POOL_2D", case) for case in (*cases, *SQUARES)]
    assert chosen_kernels(singles, M4) == ["max_pool2d_dsp_s8"] * len(singles)
    check(several(singles), tmp_path, compiler, target=M4)


def test_averages_of_windows(tmp_path: Path, compiler: str) -> None:
    singles = [pool("AVERAGE_POOL_2D", case) for case in INSIDE]
    assert chosen_kernels(singles, M4) == ["mean_dsp_s8"] * len(singles)
    check(several(singles), tmp_path, compiler, target=M4)


@pytest.mark.parametrize("kind", ["MEAN", "SUM"])
def test_means(kind: str, tmp_path: Path, compiler: str) -> None:
    scales = [(0.07, -3), (0.1, 4), (90.0, 7)] if kind == "MEAN" else [(0.9, -3), (5.0, 100), (90.0, 7)]
    singles = [mean(kind, shape, axes, output) for shape, axes in MEANS for output in scales]
    assert chosen_kernels(singles, M4).count("mean_dsp_s8") >= len(singles) - 2
    check(several(singles), tmp_path, compiler, target=M4)


def filled(count: int, channels: int) -> Array:
    """int8 (samples, 1, 1, count, channels): every channel of every sample has another sum of its `count` values."""
    sums = np.linspace(-128 * count, 127 * count, 64 * channels).round().astype(np.int64)
    base, rest = np.divmod(sums, count)
    values = base[:, None] + (np.arange(count) < rest[:, None])
    return values.reshape(-1, channels, count).transpose(0, 2, 1)[:, None, None].astype(np.int8)


@pytest.mark.parametrize("count", [3, 4, 49, 255, 256])
def test_sums_from_the_least_to_the_largest(count: int, tmp_path: Path, compiler: str) -> None:
    case = Case((1, count), (1, count), (1, 1), VALID, channels=18)
    single = pool("AVERAGE_POOL_2D", case)
    data = model(single.type, single.inputs, single.outputs, single.options)
    check(data, tmp_path, compiler, inputs=[filled(count, 18)], target=M4)


def test_every_count_has_a_slope() -> None:
    for count in range(3, 257):
        sums = all_sums(count)
        wanted = np.sign(sums) * ((np.abs(sums) + count // 2) // count)
        slope = find_slope(wanted, 0, 1 / count)
        assert slope is not None
        assert slope.below == 0
        np.testing.assert_array_equal((slope.scaled(sums) >> 16) - 128, wanted)


@pytest.mark.parametrize(("single", "kernel"), [
    (pool("MAX_POOL_2D", replace(PLAIN, channels=3)), "max_pool2d_s8"),
    (pool("AVERAGE_POOL_2D", replace(INSIDE[0], channels=3)), "average_pool2d_s8"),
    (pool("AVERAGE_POOL_2D", replace(INSIDE[0], activation=1)), "average_pool2d_s8"),
    (pool("AVERAGE_POOL_2D", replace(PLAIN, channels=8, padding=SAME)), "average_pool2d_s8"),
    (pool("AVERAGE_POOL_2D", replace(PLAIN, channels=8, size=(257, 1), kernel=(257, 1))), "average_pool2d_s8"),
    (pool("AVERAGE_POOL_2D", replace(INSIDE[0], kernel=(1, 1), stride=(1, 1))), "average_pool2d_s8"),
    (mean("MEAN", (1, 7, 7, 3), (1, 2), (0.1, 4)), "mean_s8"),
    (mean("MEAN", (1, 17, 17, 8), (1, 2), (0.1, 4)), "mean_s8"),
    (mean("MEAN", (4, 7, 8), (2,), (0.1, 4)), "mean_s8"),
    (mean("MEAN", (4, 7, 3, 8), (0, 2), (0.1, 4)), "mean_s8"),
    (mean("SUM", (1, 2, 2, 8), (1, 2), (0.1, 4)), "mean_s8"),
])  # fmt: skip
def test_others_keep_the_plain_kernel(single: Single, kernel: str) -> None:
    assert chosen_kernels([single], M4) == [kernel]


def test_no_shape_is_slower_than_the_plain_kernel(tmp_path: Path) -> None:
    cases = [pool("MAX_POOL_2D", replace(case, channels=c)) for case in CASES for c in (4, 5)]
    cases += [pool("AVERAGE_POOL_2D", case) for case in INSIDE]
    cases += [pool("AVERAGE_POOL_2D", replace(case, channels=c)) for case in INSIDE for c in (4, 5)]
    cases += [mean("MEAN", shape, axes, (0.1, 4)) for shape, axes in MEANS]
    for case, (plain, chosen) in zip(cases, costs(cases, tmp_path), strict=True):
        assert chosen < plain, (case.type, case.inputs[0].shape, case.options, plain, chosen)


def test_cost_on_cortex_m4(tmp_path: Path) -> None:
    cases = [pool("MAX_POOL_2D", SQUARES[0]), pool("AVERAGE_POOL_2D", INSIDE[0])]
    largest, average = (chosen for _, chosen in costs(cases, tmp_path))
    assert largest < 14 * 14 * 52
    assert average < 25 * 5 * 64 * 1.2

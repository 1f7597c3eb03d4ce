"""ADD and SUB, which are one operator but for a sign."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from binary_op import Scales, all_pairs, assert_reference, drawn_scales, only_call
from needs import need_packages
from single_op import check, model
from tflite_builder import TensorSpec

from firmware_export import ExportError
from firmware_export.cproject import read_project
from firmware_export.emulate import CortexRuntime
from firmware_export.ops.addition import Line, find_line
from firmware_export.project import export_c
from firmware_export.reader import read_tflite
from firmware_export.samples import typical_sample
from firmware_export.targets import CORES

KINDS = ["ADD", "SUB"]
TIES: Scales = (0.001, 0.1, 0.1)
"""Sums that lie halfway between two outputs, many on both sides of zero: no line rounds them all as TFLite does."""
ODD: list[Scales] = [
    (0.1, 0.1, 0.1),
    (0.5, 0.25, 1.0),
    (0.1, 0.3, 0.4),
    TIES,
    (100.0, 0.01, 1.0),
    (1e-15, 3.0, 0.5),
    (0.02, 9000.0, 0.02),
    (1.0, 1.0, 1000.0),
]


@pytest.mark.parametrize("kind", KINDS)
def test_all_pairs_at_drawn_scales(kind: str) -> None:
    for seed in range(12):
        assert_reference(*all_pairs(kind, *drawn_scales(seed), {"activation": seed % 4}))


@pytest.mark.parametrize("kind", KINDS)
def test_all_pairs_at_odd_scales(kind: str) -> None:
    for scales in ODD:
        assert_reference(*all_pairs(kind, scales, (3, -7, 5)))


@pytest.mark.parametrize("kind", KINDS)
def test_networks_get_the_cheap_kernel(kind: str) -> None:
    kernels = [only_call(all_pairs(kind, *drawn_scales(seed))[0]).kernel for seed in range(40)]
    assert kernels.count("add_s8") >= 39


@pytest.mark.parametrize(("kind", "scales", "kernel"), [
    ("ADD", (0.1, 0.03, 0.11), "add_s8"),
    ("ADD", TIES, "add_general_s8"),
    ("SUB", (0.1, 0.3, 0.31), "add_s8"),
    ("SUB", TIES, "add_general_s8"),
])  # fmt: skip
def test_kernels_on_all_pairs(kind: str, scales: Scales, kernel: str, tmp_path: Path, compiler: str) -> None:
    data, inputs = all_pairs(kind, scales, (3, -7, 5))
    assert only_call(data).kernel == kernel
    check(data, tmp_path, compiler, inputs=inputs)


def test_line_that_rounds_otherwise_is_not_taken() -> None:
    first, second = np.arange(-128, 128)[:, None], np.arange(-128, 128)[None, :]
    wanted = (first * 3 + second * 5 + 7) >> 3
    line = find_line(wanted, (-128, 127), (3 / 8, 5 / 8))
    assert isinstance(line, Line)
    got = (first * line.first_factor + second * line.second_factor + line.constant) >> line.shift
    np.testing.assert_array_equal(np.clip(got, -128, 127), np.clip(wanted, -128, 127))
    wanted[100, 100] += 1
    assert find_line(wanted, (-128, 127), (3 / 8, 5 / 8)) is None


def test_out_of_range_scales_are_refused() -> None:
    with pytest.raises(ExportError, match=r"must be below 2\*\*20 output scales \(250000, 1, 0.25\)"):
        only_call(all_pairs("ADD", (250000.0, 1.0, 0.25), (0, 0, 0))[0])


@pytest.mark.slow
def test_cost_on_cortex_m4(tmp_path: Path) -> None:
    """At most 20 instructions for an element, where TFLite Micro's reference kernel takes more than 90."""
    need_packages("ziglang", "unicorn", "elftools")
    specs = [TensorSpec((1, 32, 32, 16), scale=s, zero_point=z) for s, z in ((0.1, 3), (0.03, -7), (0.11, 5))]
    data = model("ADD", specs[:2], specs[2:])
    (tmp_path / "add.tflite").write_bytes(data)
    export_c(tmp_path / "add.tflite", tmp_path / "c")
    graph = read_tflite(data, "add.tflite")
    runtime = CortexRuntime(read_project(tmp_path / "c"), graph, CORES["cortex-m4"], tmp_path / "build")
    assert runtime.measure(typical_sample(graph)).instructions < 20 * specs[2].shape[1] * 32 * 16

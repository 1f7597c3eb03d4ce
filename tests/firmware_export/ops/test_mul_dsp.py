"""MUL as cores with SIMD instructions compute it: the C twin under sanitizers, and the emulated core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from binary_op import ALL, Scales, Zeros, binary, drawn_scales
from chosen import M4, chosen_kernels, costs
from single_op import check, several

from firmware_export.ops.mul_dsp import ProductLine, find_product_line

SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((1, 3, 5, 7), (1, 3, 5, 7)),
    ((4,), (4,)),
    ((1, 9), (1, 9)),
    ((1, 3, 2, 18), (1, 1, 1, 18)),
    ((2, 3, 1, 6), (2, 1, 4, 6)),
]
ORDINARY: tuple[Scales, Zeros] = (0.1, 1 / 256, 0.11), (3, -128, 5)
HARD: list[tuple[Scales, Zeros]] = [
    ((0.5, 0.5, 2.01), (-128, 127, 0)),
    ((0.05, 0.05, 0.64), (0, 0, 0)),
    ((0.001, 0.002, 3.0), (127, -128, -128)),
    ((0.0625, 0.0625, 1.0), (-5, 9, 127)),
]
"""Nearly all saturated; halves; nearly all zero; halves with zero points."""


def test_shapes(tmp_path: Path, compiler: str) -> None:
    cases = [binary("MUL", shapes, *ORDINARY) for shapes in SHAPES]
    assert chosen_kernels(cases, M4) == ["mul_dsp_s8"] * len(cases)
    check(several(cases), tmp_path, compiler, target=M4)


def test_every_pair_of_values(tmp_path: Path, compiler: str) -> None:
    scales = [*HARD, drawn_scales(1, product=True)]
    cases = [binary("MUL", [(256, 256)] * 2, *s) for s in scales]
    assert chosen_kernels(cases, M4) == ["mul_dsp_s8"] * len(cases)
    grid = [np.ascontiguousarray(values)[None] for values in np.meshgrid(ALL, ALL, indexing="ij")]
    check(several(cases), tmp_path, compiler, inputs=grid * len(cases), target=M4)


@pytest.mark.parametrize(("shapes", "scales", "activation", "constant"), [
    (((3,), (3,)), (0.1, 0.1, 0.5), 0, None),
    (((4, 5), (4, 1)), (0.1, 0.1, 0.5), 0, None),
    (((4, 5), (4, 5)), (0.1, 0.1, 0.5), 1, None),
    (((4, 5), (4, 5)), (1.0, 0.5, 0.5), 0, None),
    (((4, 5), (1,)), (0.1, 0.1, 0.5), 0, 1),
])  # fmt: skip
def test_others_keep_the_plain_kernel(
    shapes: tuple[tuple[int, ...], tuple[int, ...]], scales: Scales, activation: int, constant: int | None
) -> None:
    cases = [binary("MUL", shapes, scales, (3, -7, 5), {"activation": activation}, constant)]
    assert chosen_kernels(cases, M4) == ["mul_s8" if constant is None else "lookup_s8"]


def test_factor_that_rounds_otherwise_is_not_taken() -> None:
    products = np.arange(-65025, 65026)
    wanted = (products * 3 + 200) >> 9
    assert isinstance(find_product_line(products, wanted, 3 / 512), ProductLine)
    wanted[65025 + 5000] += 1
    assert find_product_line(products, wanted, 3 / 512) is None


def test_no_shape_is_slower_than_the_plain_kernel(tmp_path: Path) -> None:
    cases = [binary("MUL", shapes, *ORDINARY) for shapes in [*SHAPES, ((7,), (7,))]]
    assert all(chosen < plain for plain, chosen in costs(cases, tmp_path))


def test_cost_on_cortex_m4(tmp_path: Path) -> None:
    """9 to 11 instructions for an element, as the compiler will, where the plain kernel takes 32."""
    ((_, chosen),) = costs([binary("MUL", [(1, 16, 16, 16)] * 2, *ORDINARY)], tmp_path)
    assert chosen < 11.5 * 16 * 16 * 16

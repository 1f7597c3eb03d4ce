"""ADD and SUB as cores with SIMD instructions compute them: the C twin under sanitizers, and the emulated core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from binary_op import ALL, Scales, Zeros, binary, drawn_scales
from chosen import M4, chosen_kernels, costs
from single_op import Single, check, several

from firmware_export.graph import Array
from firmware_export.ops.addition_dsp import HalfwordLine, find_halfword_line

KINDS = ["ADD", "SUB"]
SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((1, 3, 5, 7), (1, 3, 5, 7)),
    ((4,), (4,)),
    ((1, 9), (1, 9)),
    ((3, 2, 5), (1, 2, 5)),
    ((2, 3, 1, 6), (2, 1, 4, 6)),
    ((3, 7), (2, 1, 7)),
]
"""Odd lengths, one word, and rows that one or both inputs go through again."""
ORDINARY: tuple[Scales, Zeros] = (0.1, 0.03, 0.11), (3, -7, 5)
HARD: list[tuple[Scales, Zeros]] = [
    ((0.1, 0.1, 0.1), (0, 0, 0)),
    ((0.9, 0.4, 0.011), (-128, 127, 127)),
    ((0.001, 0.002, 3.0), (127, -128, -128)),
    ((0.0394, 0.1042, 0.0509), (-128, 4, -128)),
]
"""Equal scales, nearly all saturated, nearly all the same, a layer of a real network."""
TIES: Scales = (0.001, 0.1, 0.1)


def whole(kind: str, scales: Scales, zeros: Zeros) -> Single:
    """Over two tensors that can hold all pairs of values; with ReLU where that is no more than to saturate."""
    return binary(kind, [(256, 256)] * 2, scales, zeros, {"activation": int(zeros[2] == -128)})


def all_values() -> list[Array]:
    """The inputs of `whole` that do."""
    grid = np.meshgrid(ALL, ALL, indexing="ij")
    return [np.ascontiguousarray(values)[None] for values in grid]


@pytest.mark.parametrize("kind", KINDS)
def test_shapes(kind: str, tmp_path: Path, compiler: str) -> None:
    cases = [binary(kind, shapes, *ORDINARY) for shapes in SHAPES]
    assert chosen_kernels(cases, M4) == ["add_dsp_s8"] * len(cases)
    check(several(cases), tmp_path, compiler, target=M4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_pair_of_values(kind: str, tmp_path: Path, compiler: str) -> None:
    cases = [whole(kind, *hard) for hard in HARD]
    cases += [whole(kind, *drawn_scales(seed)) for seed in range(1)]
    assert chosen_kernels(cases, M4) == ["add_dsp_s8"] * len(cases)
    check(several(cases), tmp_path, compiler, inputs=all_values() * len(cases), target=M4)


@pytest.mark.parametrize(("shapes", "scales", "activation"), [
    (((3,), (3,)), (0.1, 0.03, 0.11), 0),
    (((4, 5), (4, 1)), (0.1, 0.03, 0.11), 0),
    (((4, 5), (4, 5)), (0.1, 0.03, 0.11), 1),
    (((4, 5), (4, 5)), TIES, 0),
    (((4, 5), (4, 5)), (100.0, 0.01, 0.5), 0),
])  # fmt: skip
def test_others_keep_the_plain_kernel(
    shapes: tuple[tuple[int, ...], tuple[int, ...]], scales: Scales, activation: int
) -> None:
    cases = [binary("ADD", shapes, scales, (3, -7, 5), {"activation": activation})]
    (kernel,) = chosen_kernels(cases, M4)
    assert kernel in ("add_s8", "add_general_s8")


def test_constant_operand(tmp_path: Path, compiler: str) -> None:
    cases = [binary("ADD", [(2, 3, 5), shape], *ORDINARY, constant=1) for shape in ((2, 3, 5), (5,), (1,))]
    assert chosen_kernels(cases, M4) == ["add_dsp_s8", "add_dsp_s8", "lookup_s8"]
    check(several(cases), tmp_path, compiler, target=M4)


def test_line_that_rounds_otherwise_is_not_taken() -> None:
    first, second = np.arange(-128, 128)[:, None], np.arange(-128, 128)[None, :]
    wanted = (first * 3 + second * 5 + 7) >> 3
    assert isinstance(find_halfword_line(wanted, (3 / 8, 5 / 8)), HalfwordLine)
    wanted[100, 100] += 1
    assert find_halfword_line(wanted, (3 / 8, 5 / 8)) is None


def test_no_shape_is_slower_than_the_plain_kernel(tmp_path: Path) -> None:
    cases = [binary("ADD", shapes, *ORDINARY) for shapes in [*SHAPES, ((7,), (7,))]]
    assert all(chosen < plain for plain, chosen in costs(cases, tmp_path))


def test_cost_on_cortex_m4(tmp_path: Path) -> None:
    """6.0 to 6.25 instructions for an element, as the compiler will, where the plain kernel takes 17."""
    ((_, chosen),) = costs([binary("ADD", [(1, 32, 32, 16)] * 2, *ORDINARY)], tmp_path)
    assert chosen < 6.5 * 32 * 32 * 16

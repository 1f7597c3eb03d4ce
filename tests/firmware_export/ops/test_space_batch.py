"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from moves import check_moves, check_refused, ints, tensor
from single_op import Single, several
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export.oracle import wrong_operators
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

Shape = tuple[int, ...]
Margins = tuple[tuple[int, int], ...]
CASES: tuple[tuple[Shape, Shape, Margins], ...] = (
    ((1, 4, 6, 3), (2, 2), ((0, 0), (0, 0))),
    ((1, 4, 6, 3), (2, 3), ((1, 1), (2, 1))),
    ((2, 3, 5, 1), (2, 2), ((0, 1), (3, 0))),
    ((1, 7, 7, 2), (4, 4), ((4, 5), (0, 1))),
    ((2, 2, 1, 2), (3, 1), ((3, 4), (0, 0))),
    ((1, 5, 4), (3,), ((2, 2),)),
    ((1, 3, 3, 2), (1, 1), ((0, 0), (0, 0))),
)
"""(shape of the space, block, margins): a block that lies in the padding alone is among them."""


def blocks(space: Shape, block: Shape, margins: Margins) -> Shape:
    inner = ((n + a + b) // size for n, size, (a, b) in zip(space[1:-1], block, margins, strict=True))
    return (space[0] * math.prod(block), *inner, space[-1])


def to_batch(
    space: Shape, block: Shape, margins: Margins, dtype: str = "int8", zero: int = 0, index: str = "int32"
) -> Single:
    inputs = [tensor(space, dtype, zero_point=zero), ints(block, index), ints(margins, index)]
    return Single("SPACE_TO_BATCH_ND", inputs, [tensor(blocks(space, block, margins), dtype, zero_point=zero)])


def to_space(space: Shape, block: Shape, margins: Margins, dtype: str = "int8") -> Single:
    inputs = [tensor(blocks(space, block, margins), dtype), ints(block), ints(margins)]
    return Single("BATCH_TO_SPACE_ND", inputs, [tensor(space, dtype)])


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_bits_are_those_of_tflite_micro(dtype: str, tmp_path: Path, compiler: str) -> None:
    unpadded = [case for case in CASES if not any(map(any, case[2]))]
    cases = [*(to_space(*case, dtype) for case in CASES), *(to_batch(*case, dtype) for case in unpadded)]
    check_moves([to_batch(*CASES[0]), *cases], tmp_path, compiler)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_zero_point_around_it(dtype: str, tmp_path: Path, compiler: str) -> None:
    """As in TFLite; TFLite Micro pads with what its arena held before."""
    cases = [to_batch(*case, dtype, zero=zero) for case in CASES for zero in ((0, 7) if dtype == "int8" else (0,))]
    check_moves([to_batch(*CASES[0]), *cases], tmp_path, compiler, tflite=True)
    for zero in (0, 7):
        graph = read_tflite(several([to_batch(*CASES[1], zero=zero)]), "m.tflite")
        assert [defect.type for defect in wrong_operators(graph)] == ["SPACE_TO_BATCH_ND"]
    assert not wrong_operators(read_tflite(several([to_batch(*CASES[0], zero=7)]), "m.tflite"))


def test_block_of_one_is_no_copy() -> None:
    tensors = [tensor((1, 3, 3, 2)), ints((1, 1)), ints(((0, 0), (0, 0))), tensor((1, 3, 3, 2)), tensor((1, 3, 3, 2))]
    ops = [OpSpec("SPACE_TO_BATCH_ND", (0, 1, 2), (3,), {}), OpSpec("ADD", (3, 0), (4,), {})]
    assert [op.type for op in apply_passes(read_tflite(build(tensors, ops, [0], [4]), "m.tflite")).ops] == ["ADD"]


@pytest.mark.parametrize(
    ("kind", "inputs", "out", "says"),
    [
        ("SPACE_TO_BATCH_ND", [tensor((4, 2)), ints(()), ints(((0, 0),))], (4, 2), "three or four axes"),
        ("SPACE_TO_BATCH_ND", [tensor((1, 4, 2)), ints((2, 2)), ints(((0, 0),))], (2, 2, 2), "for each inner axis"),
        ("SPACE_TO_BATCH_ND", [tensor((1, 4, 2)), ints((0,)), ints(((0, 0),))], (2, 2, 2), "a positive extent"),
        ("SPACE_TO_BATCH_ND", [tensor((1, 4, 2)), ints((300,)), ints(((0, 296),))], (300, 1, 2), "at most 256 places"),
        ("SPACE_TO_BATCH_ND", [tensor((1, 4, 2)), ints((3,)), ints(((0, 0),))], (3, 1, 2), "multiples of the block"),
        ("SPACE_TO_BATCH_ND", [tensor((1, 4, 2)), ints((2,)), ints(((0, -2),))], (2, 1, 2), "not negative"),
        ("SPACE_TO_BATCH_ND", [tensor((1, 4, 2)), ints((2,)), ints((0, 0, 0))], (2, 2, 2), "two for each axis"),
        ("SPACE_TO_BATCH_ND", [tensor((1, 4, 2)), ints((2,))], (2, 2, 2), "it is missing"),
        ("BATCH_TO_SPACE_ND", [tensor((3, 4, 2)), ints((2,)), ints(((0, 0),))], (1, 8, 2), "a multiple of the places"),
        ("BATCH_TO_SPACE_ND", [tensor((2, 4, 2)), ints((2,)), ints(((5, 3),))], (1, 0, 2), "not empty"),
        ("BATCH_TO_SPACE_ND", [tensor((2, 4, 2)), ints((2,)), ints(((5, 3),))], (1, 1, 2), "must leave something"),
        ("BATCH_TO_SPACE_ND", [tensor((2, 4, 2)), ints((2,)), ints(((0, 0),))], (1, 7, 2), "its output should have"),
        ("BATCH_TO_SPACE_ND", [tensor((2, 4, 2)), TensorSpec((1,), "int32", None), ints(((0, 0),))], (1, 8, 2),
         "is computed"),
    ],
)  # fmt: skip
def test_refused(kind: str, inputs: list[TensorSpec], out: Shape, says: str) -> None:
    check_refused(kind, inputs, [tensor(out)], {}, says)

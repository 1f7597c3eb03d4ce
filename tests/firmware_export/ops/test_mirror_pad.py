from __future__ import annotations

from pathlib import Path

import pytest
from moves import ALL, check_moves, check_refused, ints, tensor
from single_op import Single
from tflite_builder import TensorSpec

REFLECT, SYMMETRIC = 0, 1
Amounts = tuple[tuple[int, int], ...]
SHAPES: tuple[tuple[tuple[int, ...], Amounts], ...] = (
    ((2, 4, 3), ((0, 1), (1, 2), (2, 0))),
    ((5,), ((4, 4),)),
    ((1, 4, 3, 2), ((0, 0), (3, 3), (2, 2), (0, 0))),
    ((3, 2), ((0, 0), (0, 0))),
    ((2, 2, 3, 2, 2), ((1, 0), (0, 1), (1, 2), (0, 0), (1, 1))),
)


def mirror(shape: tuple[int, ...], amounts: Amounts, mode: int, dtype: str = "int8", index: str = "int32") -> Single:
    out = tuple(n + before + after for n, (before, after) in zip(shape, amounts, strict=True))
    return Single("MIRROR_PAD", [tensor(shape, dtype), ints(amounts, index)], [tensor(out, dtype)], {"mode": mode})


def test_bits_are_those_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    cases = [mirror(*case, mode) for case in SHAPES for mode in (REFLECT, SYMMETRIC)]
    cases += [mirror((1, 3), ((1, 1), (3, 3)), SYMMETRIC), mirror((2, 3), ((1, 0), (0, 2)), REFLECT, index="int64")]
    cases += [mirror(*SHAPES[0], REFLECT, "float32"), mirror(*SHAPES[0], SYMMETRIC, "float32")]
    paddings = ints(((1, 1), (1, 0)))
    cases.append(Single("MIRROR_PAD", [tensor((2, 3)), paddings], [tensor((4, 4), scale=0.3, zero_point=5)]))
    check_moves(cases, tmp_path, compiler)


def test_types_that_tflite_micro_does_not_mirror(tmp_path: Path, compiler: str) -> None:
    cases = [mirror(*SHAPES[0], mode, dtype) for dtype in ALL for mode in (REFLECT, SYMMETRIC)]
    check_moves(cases, tmp_path, compiler, tflite=True)


@pytest.mark.parametrize(
    ("paddings", "mode", "out", "says"),
    [
        (ints(((0, 0), (3, 0))), REFLECT, (2, 6), r"less one .\(\(0, 0\), \(3, 0\)\) of \(2, 3\)"),
        (ints(((0, 0), (0, 4))), SYMMETRIC, (2, 7), "no padding may be more than the input's extent"),
        (ints(((0, 0), (-1, 1))), SYMMETRIC, (2, 3), "may be negative"),
        (ints(((0, 0), (1, 1))), 2, (2, 5), "must be REFLECT or SYMMETRIC .number 2"),
        (ints((0, 0, 1)), REFLECT, (2, 5), r"\(3,\) for 2 axes"),
        (TensorSpec((2, 2), "int32", None), REFLECT, (2, 5), "'t1' is computed"),
        (ints(((0, 0), (1, 1))), REFLECT, (2, 4), "its output should have shape"),
    ],
)
def test_refused(paddings: TensorSpec, mode: int, out: tuple[int, ...], says: str) -> None:
    check_refused("MIRROR_PAD", [tensor((2, 3)), paddings], [tensor(out)], {"mode": mode}, says)

from __future__ import annotations

from pathlib import Path

import pytest
from moves import ALL, check_moves, check_refused, ints, tensor
from single_op import Single
from tflite_builder import TensorSpec

Shape = tuple[int, ...]
TFLITE_TYPES = tuple(dtype for dtype in ALL if dtype != "int16")


def tile(shape: Shape, times: Shape, dtype: str = "int8", index: str = "int32") -> Single:
    out = tuple(n * count for n, count in zip(shape, times, strict=True))
    return Single("TILE", [tensor(shape, dtype), ints(times, index)], [tensor(out, dtype)])


def test_bits_are_those_of_tflite(tmp_path: Path, compiler: str) -> None:
    cases = [tile((2, 4, 3), (1, 2, 3), dtype) for dtype in TFLITE_TYPES]
    cases += [tile((5,), (3,)), tile((2, 3), (1, 1)), tile((2, 3), (4, 1)), tile((1, 1, 3), (1, 5, 1), index="int64")]
    cases += [tile((2, 3, 2, 2), (2, 2, 3, 2)), tile((1, 2, 1, 2, 3), (2, 1, 3, 1, 1)), tile((2,) * 5, (1, 2, 2, 2, 2))]
    cases.append(Single("TILE", [tensor((2, 3)), ints((1, 2))], [tensor((2, 6), scale=0.3, zero_point=5)]))
    check_moves(cases, tmp_path, compiler, tflite=True)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (ints((1, 0)), r"a positive number for each axis .* .\(1, 0\) for 2 axes"),
        (ints((1, -2)), "a positive number for each axis"),
        (ints((2,)), r"\(2,\) for 2 axes"),
        (ints((1, 2), "int16"), "'t1' is int16"),
        (TensorSpec((2,), "int32", None), "'t1' is computed"),
        (ints((2, 2)), "its output should have shape"),
    ],
)
def test_refused(times: TensorSpec, says: str) -> None:
    check_refused("TILE", [tensor((2, 3)), times], [tensor((2, 6))], {}, says)


def test_more_axes_than_the_kernel_has() -> None:
    says = "at most eight may be left.* .9"
    check_refused("TILE", [tensor((2,) * 5), ints((2,) * 5)], [tensor((4,) * 5)], {}, says)

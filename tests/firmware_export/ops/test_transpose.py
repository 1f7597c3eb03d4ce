from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from moves import ALL, check_moves, check_refused, ints, tensor
from single_op import Single
from tflite_builder import TensorSpec

EXTENTS = (2, 3, 1, 4, 2, 3, 2, 2)


def transpose(order: tuple[int, ...], shape: tuple[int, ...] | None = None, dtype: str = "int8") -> Single:
    given = EXTENTS[: len(order)] if shape is None else shape
    out = tensor(tuple(given[axis] for axis in order), dtype)
    return Single("TRANSPOSE", [tensor(given, dtype), ints(order)], [out])


def test_all_orders_of_up_to_four_axes(tmp_path: Path, compiler: str) -> None:
    orders = [order for rank in range(1, 5) for order in itertools.permutations(range(rank))]
    cases = [transpose(order) for order in orders]
    check_moves([*cases, *(transpose(order, (5, 3, 4, 2)[: len(order)]) for order in orders)], tmp_path, compiler)


def test_five_axes_and_other_types(tmp_path: Path, compiler: str) -> None:
    cases = [transpose(order) for order in ((4, 3, 2, 1, 0), (0, 2, 1, 4, 3), (3, 4, 0, 1, 2))]
    cases += [transpose((2, 0, 1), (2, 4, 3), dtype) for dtype in ("int16", "float32")]
    cases.append(Single("TRANSPOSE", [tensor((2, 3)), ints((1, 0))], [tensor((3, 2), scale=0.3, zero_point=5)]))
    check_moves(cases, tmp_path, compiler)


def test_what_tflite_micro_does_not_transpose(tmp_path: Path, compiler: str) -> None:
    cases = [transpose((2, 0, 1), (2, 4, 3), dtype) for dtype in ALL]
    cases += [transpose((5, 3, 1, 4, 2, 0)), transpose((-1, 0, 1), (2, 4, 3))]
    check_moves(cases, tmp_path, compiler, tflite=True)


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (ints((0, 0, 1)), r"every axis of the first input once .\(0, 0, 1\) for 3 axes"),
        (ints((0, 3, 1)), r"\(0, 3, 1\) for 3 axes"),
        (ints((0, -4, 1)), r"\(0, -4, 1\) for 3 axes"),
        (ints((1, 0)), r"\(1, 0\) for 3 axes"),
        (ints([[2], [0], [1]]), r"\(2, 0, 1\) for 3 axes"),
        (ints((2, 0, 1), "int64"), "'t1' is int64"),
        (TensorSpec((3,), "int32", None), "'t1' is computed"),
        (ints((2, 1, 0)), "its output should have shape"),
    ],
)
def test_refused(order: TensorSpec, says: str) -> None:
    check_refused("TRANSPOSE", [tensor((2, 4, 3)), order], [tensor((3, 2, 4))], {}, says)

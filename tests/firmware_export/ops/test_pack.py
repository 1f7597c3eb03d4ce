"""PACK and UNPACK."""

from __future__ import annotations

from pathlib import Path

import pytest
from moves import ALL, check_moves, check_refused, constant, tensor
from single_op import Single
from tflite_builder import TensorSpec

SHAPES: tuple[tuple[tuple[int, ...], int], ...] = (
    ((2, 4, 3), 0),
    ((2, 4, 3), 1),
    ((2, 4, 3), 3),
    ((2, 4, 3), -1),
    ((2, 4, 3), -4),
    ((), 0),
    ((1, 2, 2, 1, 2, 3), 4),
)


def whole(shape: tuple[int, ...], axis: int, count: int) -> tuple[int, ...]:
    where = axis % (len(shape) + 1)
    return (*shape[:where], count, *shape[where:])


def pack(shape: tuple[int, ...], axis: int, count: int = 2, dtype: str = "int8") -> Single:
    out = tensor(whole(shape, axis, count), dtype)
    return Single("PACK", [tensor(shape, dtype)] * count, [out], {"values_count": count, "axis": axis})


def unpack(shape: tuple[int, ...], axis: int, count: int = 2, dtype: str = "int8") -> Single:
    source = tensor(whole(shape, axis, count), dtype)
    return Single("UNPACK", [source], [tensor(shape, dtype)] * count, {"num": count, "axis": axis})


def test_bits_are_those_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    cases = [pack(*case) for case in SHAPES] + [unpack(*case) for case in SHAPES]
    cases += [pack((2, 3), 1, 2, dtype) for dtype in ("int16", "int32", "int64", "float32")]
    cases += [unpack((2, 3), 1, 2, dtype) for dtype in ("int16", "int32", "float32")]
    cases += [pack((2, 3), 1, 1), unpack((2, 3), 0, 1), pack((2,), 0, 11), unpack((2,), 1, 11)]
    options = {"values_count": 3, "axis": 1}
    parts = [tensor((2, 3)), constant((2, 3)), tensor((2, 3), scale=0.3, zero_point=5)]
    cases.append(Single("PACK", parts, [tensor((2, 3, 3), scale=0.7)], options))
    check_moves(cases, tmp_path, compiler)


def test_types_that_tflite_micro_does_not_pack(tmp_path: Path, compiler: str) -> None:
    cases = [pack((2, 3), 1, 2, dtype) for dtype in ALL if dtype != "bool"]
    cases += [unpack((2, 3), 1, 2, dtype) for dtype in ALL if dtype != "int64"]
    check_moves(cases, tmp_path, compiler, tflite=True)


@pytest.mark.parametrize(
    ("inputs", "output", "options", "says"),
    [
        ([tensor((2,))] * 2, (2, 2), {"values_count": 3}, "values_count must be the number of inputs .3 and 2"),
        ([tensor((2,)), tensor((3,))], (2, 2), {"values_count": 2}, "must have the same shape"),
        ([tensor((2,))] * 2, (2, 2), {"values_count": 2, "axis": 2}, "one of the output's.* .axis 2 of 2"),
        ([tensor((2,))] * 2, (2, 2), {"values_count": 2, "axis": -3}, "axis -3 of 2"),
        ([tensor((2,))] * 2, (2, 3), {"values_count": 2}, "its output should have shape"),
        ([tensor((2,)), tensor((2,), "int16")], (2, 2), {"values_count": 2}, "must be of one type"),
    ],
)
def test_pack_refused(inputs: list[TensorSpec], output: tuple[int, ...], options: dict[str, int], says: str) -> None:
    check_refused("PACK", inputs, [tensor(output)], options, says)


@pytest.mark.parametrize(
    ("shape", "outputs", "options", "says"),
    [
        ((2, 3), [(3,)] * 2, {"num": 3}, "must be the input's extent .* .3, 2 and 2"),
        ((2, 3), [(3,)], {"num": 1}, "must be the input's extent .* .1, 1 and 2"),
        ((2, 3), [(3,)] * 2, {"num": 2, "axis": 2}, "one of the input's .axis 2 of 2"),
        ((2, 3), [(3,), (2,)], {"num": 2}, "its output should have shape"),
        ((), [()], {"num": 1}, "axis 0 of 0"),
    ],
)
def test_unpack_refused(
    shape: tuple[int, ...], outputs: list[tuple[int, ...]], options: dict[str, int], says: str
) -> None:
    check_refused("UNPACK", [tensor(shape)], [tensor(out) for out in outputs], options, says)

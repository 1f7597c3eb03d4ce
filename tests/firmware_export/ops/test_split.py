"""SPLIT and SPLIT_V."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from moves import ALL, check_moves, check_refused, ints, tensor
from single_op import Single
from tflite_builder import TensorSpec

Sizes = tuple[int, ...]
TFLM_TYPES = ("int8", "int16", "int32", "float32")
TFLITE_TYPES = tuple(dtype for dtype in ALL if dtype != "bool")


def split(shape: tuple[int, ...], axis: TensorSpec, count: int, dtype: str = "int8") -> Single:
    where = int(axis.data.reshape(-1)[0]) % len(shape)  # type: ignore[union-attr]
    part = (*shape[:where], shape[where] // count, *shape[where + 1 :])
    return Single("SPLIT", [axis, tensor(shape, dtype)], [tensor(part, dtype)] * count, {"num_splits": count})


def split_v(
    shape: tuple[int, ...], axis: TensorSpec, sizes: Sizes, dtype: str = "int8", written: TensorSpec | None = None
) -> Single:
    where = int(axis.data.reshape(-1)[0]) % len(shape)  # type: ignore[union-attr]
    parts = [tensor((*shape[:where], size, *shape[where + 1 :]), dtype) for size in sizes]
    given = ints(sizes) if written is None else written
    return Single("SPLIT_V", [tensor(shape, dtype), given, axis], parts, {"num_splits": len(sizes)})


def test_bits_are_those_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    cases = [split((2, 4, 3), ints(1), 2, dtype) for dtype in TFLM_TYPES]
    cases += [split((2, 4, 6), ints(-1), 3), split((2, 4, 6), ints([0]), 2), split((4,), ints(0, "int64"), 4)]
    cases += [split((2, 3), ints(1), 1), split((1, 2, 1, 2, 1, 2, 2, 4), ints(7), 2)]
    cases += [split_v((2, 4, 3), ints(1), (1, 3), dtype) for dtype in TFLM_TYPES]
    cases += [split_v((2, 4, 6), ints(-1), (1, 2, 3)), split_v((7, 2), ints([0], "int64"), (4, 3))]
    cases += [split((2, 4, 3), ints(1, dtype), 2) for dtype in ("int8", "uint8", "int16")]
    cases.append(split_v((2, 4, 3), ints(1), (1, 3), written=ints([1, -1])))
    cases.append(split_v((2, 4, 3), ints(1), (1, 3), written=ints([1, 3], "int64")))
    cases.append(split_v((2, 4, 3), ints(1), (1, 3), written=TensorSpec((2,), "int32", None)))
    cases.append(
        Single("SPLIT", [ints(0), tensor((2, 3))], [tensor((1, 3), scale=0.3, zero_point=5)] * 2, {"num_splits": 2})
    )
    check_moves(cases, tmp_path, compiler)


def test_types_that_tflite_micro_does_not_split(tmp_path: Path, compiler: str) -> None:
    cases = [split((2, 4, 3), ints(1), 2, dtype) for dtype in TFLITE_TYPES]
    cases += [split_v((2, 4, 3), ints(1), (1, 3), dtype) for dtype in TFLITE_TYPES]
    check_moves(cases, tmp_path, compiler, tflite=True)


@pytest.mark.parametrize(
    ("inputs", "outputs", "count", "says"),
    [
        ([TensorSpec((), "int32", None), tensor((2, 4))], [(2, 2)] * 2, 2, "'t0' is computed"),
        ([tensor((), "float32", data=np.float32(1)), tensor((2, 4))], [(2, 2)] * 2, 2, "'t0' is float32"),
        ([ints(2), tensor((2, 4))], [(2, 2)] * 2, 2, r"one of the second input's .\(2,\) of 2 axes"),
        ([ints(-3), tensor((2, 4))], [(2, 2)] * 2, 2, r"\(-3,\) of 2 axes"),
        ([ints([1, 0]), tensor((2, 4))], [(2, 2)] * 2, 2, r"\(1, 0\) of 2 axes"),
        ([ints(1), tensor((2, 4))], [(2, 2)] * 2, 4, "num_splits must be the number of outputs .* .4 for 2 outputs"),
        ([ints(1), tensor((2, 4))], [(2, 2)] * 3, 3, "divide the extent .* .3 for 3 outputs, 4 elements"),
        ([ints(1), tensor((2, 4))], [(2, 1), (2, 3)], 2, "its output should have shape"),
        ([ints(1)], [(2, 1), (2, 3)], 2, "an input is missing"),
        ([ints(0), tensor(())], [()], 1, r"\(0,\) of 0 axes"),
    ],
)
def test_split_refused(inputs: list[TensorSpec], outputs: list[Sizes], count: int, says: str) -> None:
    check_refused("SPLIT", inputs, [tensor(shape) for shape in outputs], {"num_splits": count}, says)


@pytest.mark.parametrize(
    ("sizes", "axis", "outputs", "count", "says"),
    [
        (ints([1, 3]), ints(1), [(2, 1), (2, 3)], 3, "num_splits must be the number of outputs .3 and 2"),
        (ints([1, 3]), ints(2), [(2, 1), (2, 3)], 2, r"\(2,\) of 2 axes"),
        (ints([1, 3]), ints(1), [(2, 1), (2, 2)], 2, "together its extent"),
        (ints([1, 3]), ints(1), [(2, 1), (1, 3)], 2, "its output should have shape"),
        (ints([1, 3]), ints(1), [(2, 1), (3,)], 2, "have all of the input's axes"),
        (ints([2, 2]), ints(1), [(2, 1), (2, 3)], 2, r"the outputs' extents .* .\(2, 2\) and \(1, 3\)"),
        (ints([1, 3, 0]), ints(1), [(2, 1), (2, 3)], 2, "the outputs' extents"),
        (ints([1, 3], "int16"), ints(1), [(2, 1), (2, 3)], 2, "'t1' is int16"),
        (ints([0, 4]), ints(1), [(2, 0), (2, 4)], 2, "not empty"),
    ],
)
def test_split_v_refused(sizes: TensorSpec, axis: TensorSpec, outputs: list[Sizes], count: int, says: str) -> None:
    parts = [tensor(shape) for shape in outputs]
    check_refused("SPLIT_V", [tensor((2, 4)), sizes, axis], parts, {"num_splits": count}, says)

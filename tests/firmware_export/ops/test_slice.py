from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from moves import ALL, check_moves, check_refused, constant, ints, noise, tensor
from single_op import SAMPLES, Single, model, run_c
from tflite_builder import TensorSpec

from firmware_export import reference
from firmware_export.reader import read_tflite

Shape = tuple[int, ...]


def cut(shape: Shape, begin: Shape, size: Shape, dtype: str = "int8", index: str = "int32") -> Single:
    out = tuple(n - first if count == -1 else count for n, first, count in zip(shape, begin, size, strict=True))
    inputs = [tensor(shape, dtype), ints(begin, index), ints(size, index)]
    return Single("SLICE", inputs, [tensor(out, dtype)])


def moving(shape: Shape, out: Shape, dtype: str = "int8", index: str = "int32") -> Single:
    """The beginning is computed."""
    inputs = [tensor(shape, dtype), TensorSpec((len(shape),), index, None), ints(out, index)]
    return Single("SLICE", inputs, [tensor(out, dtype)])


def beginnings(shape: Shape, out: Shape, index: str) -> np.ndarray:  # type: ignore[type-arg]
    most = np.array(shape) - np.array(out)
    return np.random.default_rng(3).integers(0, most, (SAMPLES, len(shape)), endpoint=True).astype(index)


def test_bits_are_those_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    cases = [cut((2, 4, 3), (0, 1, 1), (2, 2, -1), dtype) for dtype in ("int8", "int16", "int32", "float32", "bool")]
    cases += [cut((2, 4, 3), (0, 1, 1), (2, 2, -1), index="int64"), cut((9,), (2,), (5,)), cut((9,), (0,), (-1,))]
    cases += [
        cut((3, 5), (1, 0), (2, 5)),
        cut((3, 5), (0, 3), (3, 1)),
        cut((3, 2, 4, 3, 3), (1, 0, 2, 1, 1), (2, 1, 2, 1, 2)),
    ]
    sizes = [tensor((2, 4, 3)), ints((0, 1, 1)), TensorSpec((3,), "int32", None)]
    cases.append(Single("SLICE", sizes, [tensor((2, 2, 2), scale=0.3, zero_point=5)]))
    given = [noise((SAMPLES, *case.inputs[0].shape), case.inputs[0].dtype, i) for i, case in enumerate(cases)]
    check_moves(cases, tmp_path, compiler, [*given, np.full((SAMPLES, 3), 2, np.int32)])


def test_computed_beginning(tmp_path: Path, compiler: str) -> None:
    boxes: list[tuple[Shape, Shape, str, str]] = [
        ((9,), (4,), "int8", "int32"),
        ((5, 4), (2, 4), "int8", "int64"),
        ((5, 4, 3), (2, 3, 1), "int32", "int32"),
        ((2, 5, 1, 3), (2, 3, 1, 2), "float32", "int32"),
        ((2, 3, 2, 4, 3), (1, 2, 2, 3, 1), "int16", "int32"),
    ]
    cases, given = [moving(*box) for box in boxes], []
    for number, (shape, out, dtype, index) in enumerate(boxes):
        given += [noise((SAMPLES, *shape), dtype, number), beginnings(shape, out, index)]
    table = constant((7, 3))
    cases.append(Single("SLICE", [table, TensorSpec((2,), "int32", None), ints((2, 2))], [tensor((2, 2))]))
    check_moves(cases, tmp_path, compiler, [*given, beginnings((7, 3), (2, 2), "int32")])


def test_beginning_outside_counts_as_the_nearest_inside(tmp_path: Path, compiler: str) -> None:
    data = model("SLICE", [tensor((9,)), TensorSpec((1,), "int64", None), ints((4,))], [tensor((4,))])
    begins = np.array([[-1], [-(2**40)], [6], [2**40], [5]], np.int64)
    values = noise((5, 9), "int8", 1)
    got = reference.run(read_tflite(data, "m.tflite"), [values, begins])
    nearest = [values[i, first : first + 4] for i, first in enumerate((0, 0, 5, 5, 5))]
    np.testing.assert_array_equal(got[0], np.stack(nearest))
    run_c(data, tmp_path, compiler, [values, begins], got)


def test_types_that_tflite_micro_does_not_slice(tmp_path: Path, compiler: str) -> None:
    cases = [cut((2, 4, 3), (0, 1, 1), (2, 2, -1), dtype) for dtype in ALL]
    check_moves([*cases, cut((2, 3) * 3, (0, 1) * 3, (1, 2) * 3)], tmp_path, compiler, tflite=True)


@pytest.mark.parametrize(
    ("begin", "size", "out", "says"),
    [
        (ints((0, 3)), ints((2, 2)), (2, 2), r"lie inside it.* .\(2, 2\) of \(2, 4\) from \(0, 3\)"),
        (ints((0, -1)), ints((2, 2)), (2, 2), "lie inside it"),
        (TensorSpec((2,), "int32", None), ints((2, 5)), (2, 5), r"lie inside it.* .\(2, 5\) of \(2, 4\)\)"),
        (ints((0, 1)), ints((2, 3)), (2, 2), r"must hold the output's shape.* .\(2, 3\) for \(2, 2\)"),
        (ints((0, 1)), ints((2, -1)), (2, 2), "must hold the output's shape"),
        (ints((0, 1)), ints((2, -2)), (2, 2), "must hold the output's shape"),
        (ints((0, 1)), ints((2, 2)), (4,), "must have the first input's axes"),
        (ints((0,)), ints((2, 2)), (2, 2), r"'t1' has \(1,\) for 2 axes"),
        (ints((0, 1), "int16"), ints((2, 2)), (2, 2), "'t1' is int16"),
        (ints((0, 1)), ints((2, 2), "float32"), (2, 2), "'t2' is float32"),
        (ints((0, 1)), ints((2, 0)), (2, 0), "not empty"),
    ],
)
def test_refused(begin: TensorSpec, size: TensorSpec, out: Shape, says: str) -> None:
    check_refused("SLICE", [tensor((2, 4)), begin, size], [tensor(out)], {}, says)


def test_computed_beginning_along_six_axes_is_refused() -> None:
    begin, size = TensorSpec((6,), "int32", None), ints((1,) * 6)
    says = "one to five axes .6"
    check_refused("SLICE", [tensor((2,) * 6), begin, size], [tensor((1,) * 6)], {}, says)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from moves import ALL, check_moves, check_refused, constant, ints, noise, tensor
from single_op import SAMPLES, Single, model, run_c
from tflite_builder import TensorSpec

from firmware_export import reference
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

SHAPE = (2, 4, 3)
Shape = tuple[int, ...]


def gather(indices: TensorSpec, axis: int, out: Shape, dtype: str = "int8", batch: int = 0) -> Single:
    options = {"axis": axis, "batch_dims": batch}
    return Single("GATHER", [tensor(SHAPE, dtype), indices], [tensor(out, dtype)], options)


def test_constant_indices(tmp_path: Path, compiler: str) -> None:
    pairs = ints([[2, 1, 0], [0, 1, 1]])
    cases = [gather(ints([1, 0, 1]), axis, (*SHAPE[:i], 3, *SHAPE[i + 1 :])) for axis, i in ((0, 0), (1, 1), (-1, 2))]
    cases += [gather(ints(2), 1, (2, 3)), gather(ints([[2, 1], [0, 3]]), 1, (2, 2, 2, 3))]
    cases += [gather(pairs, 1, (2, 3, 3), batch=1), gather(pairs, 2, (2, 4, 3), batch=1)]
    cases += [gather(pairs, 2, (2, 4, 3), batch=-1), gather(ints([1, 2]), 1, (2, 3), batch=1)]
    picks = np.random.default_rng(1).integers(0, 3, (2, 4, 5))
    cases += [gather(ints(picks), 2, (2, 4, 5), batch=2), gather(ints([3, 0, 3]), 1, (2, 3, 3), "float32")]
    check_moves(cases, tmp_path, compiler)


def test_computed_indices(tmp_path: Path, compiler: str) -> None:
    computed = [TensorSpec(shape, "int32", None) for shape in ((3,), (2, 3), (1, 1, 2))]
    cases = [gather(computed[0], 1, (2, 3, 3)), gather(computed[1], 1, (2, 3, 3), batch=1)]
    options = {"axis": 0, "batch_dims": 0}
    cases.append(Single("GATHER", [constant((10, 4)), computed[2]], [tensor((1, 1, 2, 4), scale=0.3)], options))
    source = np.random.default_rng(2)
    given = [noise((SAMPLES, *SHAPE), "int8", 1), source.integers(0, 4, (SAMPLES, 3))]
    given += [noise((SAMPLES, *SHAPE), "int8", 2), source.integers(0, 4, (SAMPLES, 2, 3))]
    given.append(source.integers(0, 10, (SAMPLES, 1, 1, 2)))
    inputs = [x if x.dtype == np.int8 else x.astype(np.int32) for x in given]
    check_moves(cases, tmp_path, compiler, inputs)


def test_what_tflite_micro_does_not_gather(tmp_path: Path, compiler: str) -> None:
    cases = [gather(ints([3, 0, 3]), 1, (2, 3, 3), dtype) for dtype in ALL]
    cases += [gather(ints([3, 0], "int64"), 1, (2, 2, 3)), gather(TensorSpec((2,), "int64", None), 1, (2, 2, 3))]
    given = [noise((SAMPLES, *SHAPE), case.inputs[0].dtype, i) for i, case in enumerate(cases)]
    indices = np.random.default_rng(2).integers(0, 4, (SAMPLES, 2))
    check_moves(cases, tmp_path, compiler, [*given, indices], tflite=True)


@pytest.mark.parametrize("index", ["int32", "int64"])
def test_computed_index_outside_counts_as_the_nearest_inside(index: str, tmp_path: Path, compiler: str) -> None:
    far = np.iinfo(index)
    data = model("GATHER", [tensor((1, 5)), TensorSpec((6,), index, None)], [tensor((1, 6))], {"axis": 1})
    indices = np.array([[0, 4, 5, -1, far.min, far.max]], index)
    values = noise((1, 1, 5), "int8", 1)
    got = reference.run(read_tflite(data, "m.tflite"), [values, indices])
    np.testing.assert_array_equal(got[0][0, 0], values[0, 0, [0, 4, 4, 0, 0, 4]])
    run_c(data, tmp_path, compiler, [values, indices], got)


def test_table_that_gives_each_index_itself_is_no_copy() -> None:
    """Between 0 and 127 it is one; but what lies outside of the table is not copied."""
    table = TensorSpec((128,), "int32", None, data=np.arange(128, dtype=np.int32))
    data = model("GATHER", [table, TensorSpec((3,), "int32", None)], [TensorSpec((3,), "int32", None)])
    assert [op.type for op in apply_passes(read_tflite(data, "m.tflite")).ops] == ["GATHER"]


@pytest.mark.parametrize(
    ("indices", "axis", "out", "batch", "says"),
    [
        (ints([4, 0]), 1, (2, 2, 3), 0, "constant indices must lie between 0 and .* .4 of 4"),
        (ints([0, -1]), 1, (2, 2, 3), 0, "constant indices must lie between 0 and .* .-1 of 4"),
        (ints([0, 1], "int8"), 1, (2, 2, 3), 0, "must be int32 or int64.* .'t1' is int8"),
        (ints([0, 1]), 3, (2, 2, 3), 0, "axis 3 of 3"),
        (ints([0, 1]), -4, (2, 2, 3), 0, "axis -4 of 3"),
        (ints([0, 1]), 0, (2, 4, 3), 1, "come before the axis .1 of"),
        (ints([[0, 1]]), 1, (2, 2, 3), 1, "the same in both inputs"),
        (ints([0, 1]), 2, (2, 4, 2), 2, "come before the axis .2 of"),
        (ints([0, 1]), 2, (2, 4, 2), -2, "come before the axis .-2 of"),
        (ints([0, 1]), 1, (2, 3, 3), 0, "its output should have shape"),
        (TensorSpec((0,), "int32", None), 1, (2, 3, 3), 0, "not empty"),
    ],
)
def test_refused(indices: TensorSpec, axis: int, out: Shape, batch: int, says: str) -> None:
    case = gather(indices, axis, out, batch=batch)
    check_refused("GATHER", case.inputs, case.outputs, case.options, says)

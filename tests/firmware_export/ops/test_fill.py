from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from moves import ALL, check_moves, check_refused, constant, ints, tensor
from single_op import Single
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

TFLM_TYPES = ("int8", "int32", "float32")
Shape = tuple[int, ...]


def fill(out: Shape, dtype: str = "int8", index: str = "int32", value: TensorSpec | None = None) -> Single:
    given = tensor((), dtype) if value is None else value
    return Single("FILL", [ints(out, index), given], [tensor(out, dtype)])


def test_bits_are_those_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    cases = [fill((2, 3), dtype) for dtype in TFLM_TYPES]
    cases += [
        *(fill((7, 2), index=i) for i in ("int8", "int16", "int64")),
        fill((1, 2, 2, 1, 2, 3)),
        fill((1,)),
        fill((3, 3), value=constant(())),
    ]
    cases.append(fill((90, 100), value=constant(())))
    cases.append(Single("FILL", [ints((2, 3)), tensor(())], [tensor((2, 3), scale=0.3, zero_point=5)]))
    check_moves(cases, tmp_path, compiler)


def test_types_that_tflite_micro_does_not_fill(tmp_path: Path, compiler: str) -> None:
    check_moves([fill((2, 3), dtype) for dtype in ALL], tmp_path, compiler, tflite=True)


def test_small_constants_fold_and_large_ones_take_no_flash() -> None:
    for out, kept in (((3, 3), []), ((90, 100), ["FILL"])):
        tensors = [tensor(out), ints(out), constant(()), tensor(out), tensor(out, scale=0.2)]
        ops = [OpSpec("FILL", (1, 2), (3,), {}), OpSpec("ADD", (0, 3), (4,), {})]
        graph = apply_passes(read_tflite(build(tensors, ops, [0], [4]), "m.tflite"))
        assert [op.type for op in graph.ops] == [*kept, "ADD"]


@pytest.mark.parametrize(
    ("extents", "value", "says"),
    [
        (TensorSpec((2,), "int32", None), tensor(()), "'t0' is computed"),
        (tensor((2,), "float32", data=np.ones(2, np.float32)), tensor(()), "'t0' is float32"),
        (ints([[2, 3]]), tensor(()), r"with one axis .'t0' has \(1, 2\)"),
        (ints((2, 4)), tensor(()), r"its output should have shape \[\(2, 4\)\]"),
        (ints((2, -3)), tensor(()), r"its output should have shape \[\(2, -3\)\]"),
        (ints((2, 3)), tensor((1,)), r"a single value.* .it has \(1,\)"),
        (ints((2, 3)), TensorSpec((), "int32", None), "must be of one type"),
    ],
)
def test_refused(extents: TensorSpec, value: TensorSpec, says: str) -> None:
    check_refused("FILL", [extents, value], [tensor((2, 3))], {}, says)

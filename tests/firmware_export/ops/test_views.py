"""RESHAPE, SQUEEZE and EXPAND_DIMS: no code but the copy of a network's output."""

from __future__ import annotations

from pathlib import Path

import pytest
from moves import ALL, check_moves, check_refused, ints, tensor
from single_op import Single, model
from tflite_builder import TensorSpec

from firmware_export.passes import apply_passes
from firmware_export.planner import plan_memory
from firmware_export.program import lower
from firmware_export.reader import read_tflite

Shape = tuple[int, ...]


def squeeze(shape: Shape, dims: Shape, out: Shape, dtype: str = "int8") -> Single:
    return Single("SQUEEZE", [tensor(shape, dtype)], [tensor(out, dtype)], {"squeeze_dims": dims})


def expand(shape: Shape, axis: TensorSpec, out: Shape, dtype: str = "int8") -> Single:
    return Single("EXPAND_DIMS", [tensor(shape, dtype), axis], [tensor(out, dtype)])


def reshape(shape: Shape, out: Shape, dtype: str = "int8", *more: TensorSpec) -> Single:
    return Single("RESHAPE", [tensor(shape, dtype), *more], [tensor(out, dtype)])


def test_bits_are_those_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    image = (1, 2, 1, 3)
    dims: list[tuple[Shape, Shape]] = [((), (2, 3)), ((0,), (2, 1, 3)), ((-2,), (1, 2, 3)), ((2, 0, 0), (2, 3))]
    cases = [squeeze(image, *case) for case in dims]
    cases += [squeeze(image, (0,), (2, 1, 3), dtype) for dtype in ALL]
    cases += [reshape(image, (6,), dtype, ints((6,))) for dtype in ALL]
    cases += [reshape(image, (3, 2)), reshape(image, (3, 2), "int8", ints((-1, 2)))]
    cases.append(reshape(image, (3, 2), "int8", TensorSpec((2,), "int32", None)))
    cases += [expand((2, 3), ints(0), (1, 2, 3), dtype) for dtype in ("int8", "int16", "float32")]
    cases += [expand((2, 3), ints(-1), (2, 3, 1)), expand((2, 3), ints([2]), (2, 3, 1)), expand((), ints(0), (1,))]
    cases.append(Single("RESHAPE", [tensor((2, 3))], [tensor((6,), scale=0.3, zero_point=5)]))
    check_moves(cases, tmp_path, compiler)


def test_what_tflite_micro_does_not_expand(tmp_path: Path, compiler: str) -> None:
    cases = [expand((2, 3), ints(1), (2, 1, 3), dtype) for dtype in ALL]
    check_moves([*cases, expand((2, 3), ints(1, "int64"), (2, 1, 3))], tmp_path, compiler, tflite=True)


@pytest.mark.parametrize(
    "case", [squeeze((1, 2, 1, 3), (), (2, 3)), expand((2, 3), ints(1), (2, 1, 3)), reshape((2, 3), (3, 2))]
)
def test_nothing_but_the_output_is_copied(case: Single) -> None:
    graph = apply_passes(read_tflite(model(case.type, case.inputs, case.outputs, case.options), "m.tflite"))
    program = lower(graph, plan_memory(graph))
    assert [step.calls for step in program.steps] == [()]
    assert (program.kernels, program.plan.arena_bytes) == (("copy",), 0)


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (squeeze((1, 2), (1,), (1,)), r"axes of the input with one element .\(1,\) of \(1, 2\)"),
        (squeeze((1, 2), (2,), (1, 2)), "axes of the input with one element"),
        (squeeze((1, 2), (-3,), (1, 2)), "axes of the input with one element"),
        (squeeze((1, 2), (0,), (1, 2)), "its output should have shape"),
        (expand((2, 3), ints(3), (2, 3, 1)), r"one of the output's.* .\(3,\) of 3 axes"),
        (expand((2, 3), ints(-4), (1, 2, 3)), r"\(-4,\) of 3 axes"),
        (expand((2, 3), ints([1, 2]), (2, 1, 3)), r"\(1, 2\) of 3 axes"),
        (expand((2, 3), ints(1, "int8"), (2, 1, 3)), "'t1' is int8"),
        (expand((2, 3), TensorSpec((), "int32", None), (2, 1, 3)), "'t1' is computed"),
        (expand((2, 3), ints(0), (2, 1, 3)), "its output should have shape"),
        (reshape((2, 3), (5,)), "same number of elements .6 and 5"),
        (Single("RESHAPE", [tensor((2, 3))], [tensor((6,), "int16")]), "must be of one type .* .int16, int8"),
    ],
)
def test_refused(case: Single, says: str) -> None:
    check_refused(case.type, case.inputs, case.outputs, case.options, says)

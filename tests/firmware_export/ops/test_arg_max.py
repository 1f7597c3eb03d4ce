from __future__ import annotations

from pathlib import Path

import needs
import numpy as np
import pytest
from single_op import SAMPLES, Single, check, several
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import ExportError, reference
from firmware_export.graph import Array
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite
from firmware_export.vectors import generated_inputs

CASES = [
    ((10,), 0),
    ((1, 10), -1),
    ((3, 300), 1),
    ((3, 300), 0),
    ((2, 3, 4), 1),
    ((1, 4, 5, 6), -1),
    ((1, 4, 5, 6), 2),
    ((2, 3, 2, 2, 4), 3),
    ((2, 1, 3), 1),
]


def arg_max(shape: tuple[int, ...], axis: Array, output: str = "int32") -> Single:
    where = int(axis.reshape(-1)[0]) % len(shape)
    axes = TensorSpec(axis.shape, str(axis.dtype), None, data=axis)
    out = TensorSpec(shape[:where] + shape[where + 1 :], output, None)
    return Single("ARG_MAX", [TensorSpec(shape), axes], [out], {"output_type": {"int32": 2, "int64": 4}[output]})


@pytest.mark.parametrize("vector", [False, True])
def test_indices_are_those_of_tflite_micro(vector: bool, tmp_path: Path, compiler: str) -> None:
    axes = [np.array([axis] if vector else axis, np.int32) for _, axis in CASES]
    check(several(arg_max(shape, axis) for (shape, _), axis in zip(CASES, axes, strict=True)), tmp_path, compiler)


def test_floats_behind_a_dequantize(tmp_path: Path, compiler: str) -> None:
    """What converters write for an index as an output: the scores are made real numbers first."""
    axis = TensorSpec((), "int32", None, data=np.array(1, np.int32))
    scores, real = TensorSpec((3, 40), scale=0.1, zero_point=-7), TensorSpec((3, 40), "float32", None)
    ops = [OpSpec("DEQUANTIZE", (0,), (1,), {}), OpSpec("ARG_MAX", (1, 2), (3,), {"output_type": 2})]
    data = build([scores, real, axis, TensorSpec((3,), "int32", None)], ops, [0], [3])
    check(data, tmp_path, compiler)


@pytest.mark.parametrize("axis_type", [np.int32, np.int64])
def test_int64_indices_are_those_of_tflite(axis_type: type, tmp_path: Path, compiler: str) -> None:
    """TFLite Micro has int32 indices only."""
    data = several(arg_max(shape, np.array(axis, axis_type), "int64") for shape, axis in CASES)
    check(data, tmp_path, compiler, golden=tflite_outputs(data))


def tflite_outputs(data: bytes) -> list[Array]:
    """What LiteRT's reference kernels make of the generated inputs."""
    needs.need_packages("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    inputs = generated_inputs(read_tflite(data, "single.tflite"), SAMPLES)
    rows: list[list[Array]] = []
    for sample in zip(*inputs, strict=True):
        for detail, value in zip(interpreter.get_input_details(), sample, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        rows.append([interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()])
    return [np.stack(column) for column in zip(*rows, strict=True)]


def test_first_of_equals_wins() -> None:
    data = several([arg_max((6,), np.array(0, np.int32))])
    got = reference.run(read_tflite(data, "m.tflite"), [np.array([[-128, 7, -5, 7, 7, 0]], np.int8)])
    assert got[0].tolist() == [1]


@pytest.mark.parametrize("axis", [[0, 1], [2], [-3]])
def test_no_axis_of_the_input_is_refused(axis: list[int]) -> None:
    where = TensorSpec((len(axis),), "int32", None, data=np.array(axis, np.int32))
    data = several([Single("ARG_MAX", [TensorSpec((2, 3)), where], [TensorSpec((2,), "int32", None)])])
    with pytest.raises(ExportError, match="the second input must be one axis of the first"):
        apply_passes(read_tflite(data, "m.tflite"))

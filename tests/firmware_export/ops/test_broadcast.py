"""What operators over two tensors share: shapes, constants, plain integers, refusals, and writing over an input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from binary_op import SHAPES, binary, only_call
from single_op import Single, check, model, several
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import ExportError
from firmware_export.graph import Array, Tensor
from firmware_export.ops.broadcast import loops
from firmware_export.passes import apply_passes, fold_constants
from firmware_export.planner import plan_memory
from firmware_export.reader import read_tflite

INT8_KINDS = ["ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM", "PRELU"]
SCALES, ZEROS = (0.1, 0.03, 0.11), (3, -7, -20)
SIX = [((2, 1, 3, 1, 2, 1), (1, 2, 1, 3, 1, 2)), ((1, 2, 1, 3, 1, 2), (2, 1, 3, 1, 2, 1))]


@pytest.mark.parametrize("kind", INT8_KINDS)
def test_shapes(kind: str, tmp_path: Path, compiler: str) -> None:
    """TFLite Micro has six axes for three of them, five for two, four for PRELU; PRELU repeats its input too."""
    most = {"PRELU": 4, "MINIMUM": 5, "MAXIMUM": 5}.get(kind, 6)
    shapes = [pair for pair in SHAPES + SIX if max(map(len, pair)) <= most]
    check(several(binary(kind, pair, SCALES, ZEROS) for pair in shapes), tmp_path, compiler)


@pytest.mark.parametrize("kind", INT8_KINDS)
def test_constants(kind: str, tmp_path: Path, compiler: str) -> None:
    shapes = [((2, 3), (3,)), ((2, 3), ()), ((2, 3), (1, 1)), ((3,), (1, 1)), ((2, 3), (2, 3))]
    cases = [
        binary(kind, pair[::step], SCALES, ZEROS, None, 1 if step == 1 else 0) for pair in shapes for step in (1, -1)
    ]
    check(several(cases), tmp_path, compiler)


def test_single_constant_is_a_table() -> None:
    single = binary("MUL", [(2, 3), ()], SCALES, ZEROS, None, 1)
    assert only_call(model("MUL", single.inputs, single.outputs)).kernel == "lookup_s8"


def test_neighbours_are_one_axis() -> None:
    def param(first: tuple[int, ...], second: tuple[int, ...]) -> object:
        return loops(Tensor(0, "a", "int8", first), Tensor(1, "b", "int8", second))

    nothing = ((1, 1, 1, 1, 1), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0))
    assert param((2, 3, 4), (2, 3, 4)) == (*nothing, 24, 1, 1)
    assert param((2, 3, 4), (1, 1, 1)) == (*nothing, 24, 1, 0)
    assert param((2, 1, 3, 4), (3, 4)) == ((1, 1, 1, 1, 2), (0, 0, 0, 0, 12), (0, 0, 0, 0, 0), 12, 1, 1)


@pytest.mark.parametrize(
    ("shapes", "found"),
    [
        ([(2, 3), (2,)], r"\(2, 3\) and \(2,\)"),
        ([(2, 0), (1,)], "are empty"),
        ([(2, 1, 2, 1, 2, 1, 2), (1, 2, 1, 2, 1, 2, 1)], "7 axes"),
    ],
)
def test_other_shapes_are_refused(shapes: list[tuple[int, ...]], found: str) -> None:
    specs = [TensorSpec(shape) for shape in (*shapes, (2, 3))]
    with pytest.raises(ExportError, match=rf"the shapes must be equal or broadcast over at most six axes .*{found}"):
        only_call(model("ADD", specs[:2], specs[2:]))


def integers(shape: tuple[int, ...], dtype: str = "int32", data: Array | None = None) -> TensorSpec:
    return TensorSpec(shape, dtype, None, data=data)


@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM"])
def test_int32(kind: str, tmp_path: Path, compiler: str) -> None:
    data = model(kind, [integers((2, 1, 3)), integers((4, 1))], [integers((2, 4, 3))])
    source = np.random.RandomState(1)
    inputs = [source.randint(-40_000, 40_000, (3, *shape)).astype(np.int32) for shape in ((2, 1, 3), (4, 1))]
    check(data, tmp_path, compiler, inputs=inputs)


@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL"])
@pytest.mark.parametrize("activation", [1, 2, 3])
def test_int32_with_an_activation(kind: str, activation: int, tmp_path: Path, compiler: str) -> None:
    """TFLite Micro limits SUB and MUL, and overlooks the activation of ADD."""
    data = model(kind, [integers((8,)), integers((8,))], [integers((8,))], {"activation": activation})
    far = 2**31 - 1
    pairs = [(-100, 1), (-1, 0), (0, 0), (1, 1), (5, 5), (7, -8), (far, 1), (-far, 1)]
    inputs = list(np.array(pairs, np.int32).T[:, None])
    assert (check(data, tmp_path, compiler, inputs=inputs)[0].min() < -1) == (kind == "ADD")


@pytest.mark.parametrize("kind", ["MINIMUM", "MAXIMUM"])
def test_int64(kind: str, tmp_path: Path, compiler: str) -> None:
    shapes = [((2, 1, 3), (4, 1)), ((2, 3), (2, 3))]
    cases = [Single(kind, [integers(s, "int64") for s in pair], [integers(np.broadcast_shapes(*pair), "int64")])
             for pair in shapes]  # fmt: skip
    source = np.random.default_rng(1)
    given = [source.integers(-(2**63), 2**63 - 1, (3, *shape)) for pair in shapes for shape in pair]
    given[2][:, 0] = given[3][:, 0]
    check(several(cases), tmp_path, compiler, inputs=given)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_arithmetic_of_constants_is_folded(dtype: str) -> None:
    values = [np.array([7, -3], dtype), np.array(5, dtype)]
    tensors = [integers(v.shape, dtype, v) for v in values] + [integers((2,), dtype) for _ in range(3)]
    ops = [OpSpec("MUL", (0, 1), (2,), {}), OpSpec("SUB", (2, 1), (3,), {}), OpSpec("MAXIMUM", (3, 0), (4,), {})]
    graph = fold_constants(read_tflite(build([*tensors, TensorSpec((1,))], ops, [5], [4]), "m.tflite"))
    assert graph.ops == ()
    np.testing.assert_array_equal(graph.tensors[4].data, np.array([30, -3], dtype))


@pytest.mark.parametrize(
    ("specs", "activation", "message"),
    [
        ([integers((2,), "int64")] * 3, 0, r"operands of int64 must be constants \('t0' is computed\)"),
        ([integers((2,), "float32")] * 3, 0, r"'t0' is float32"),
        ([integers((2,)), TensorSpec((2,)), integers((2,))], 0, r"'t0' is int32, 't1' is int8"),
        ([integers((2,)), integers((2,)), TensorSpec((2,))], 0, r"the output must have the operands' type"),
        ([integers((2,))] * 3, 4, r"the fused activation must be none, RELU.* \(number 4\)"),
        ([TensorSpec((2,), scale=None)] * 3, 0, r"'t0' has no scale"),
    ],
)
def test_other_types_are_refused(specs: list[TensorSpec], activation: int, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        only_call(model("ADD", specs[:2], specs[2:], {"activation": activation}))


def joined(kind: str, shapes: list[tuple[int, ...]]) -> bytes:
    """Two inputs, each rescaled, then `kind`, then rescaled again: the operator's tensors all lie in the arena."""
    out = tuple(np.broadcast_shapes(*shapes))
    specs = [(shapes[0], 0.1, 3), (shapes[1], 0.1, 3), (shapes[0], 0.2, 5), (shapes[1], 0.07, 0)]
    specs += [(out, 0.3, -9), (out, 0.2, 0)]
    ops = [OpSpec("QUANTIZE", (0,), (2,), {}), OpSpec("QUANTIZE", (1,), (3,), {})]
    ops += [OpSpec(kind, (2, 3), (4,), {}), OpSpec("QUANTIZE", (4,), (5,), {})]
    return build([TensorSpec(shape, scale=s, zero_point=z) for shape, s, z in specs], ops, [0, 1], [5])


@pytest.mark.parametrize("kind", INT8_KINDS)
@pytest.mark.parametrize(("shapes", "over"), [([(3, 8), (3, 8)], (2, 3)), ([(3, 1, 8), (2, 1)], ())])
def test_in_place(
    kind: str, shapes: list[tuple[int, ...]], over: tuple[int, ...], tmp_path: Path, compiler: str
) -> None:
    data = joined(kind, shapes)
    plan = plan_memory(apply_passes(read_tflite(data, "m.tflite")))
    assert {i for i in (2, 3) if plan.places[i] == plan.places[4]} <= set(over)
    assert any(plan.places[i] == plan.places[4] for i in (2, 3)) == bool(over)
    check(data, tmp_path, compiler)

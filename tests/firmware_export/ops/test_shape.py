"""SHAPE, and the chains of integers that it begins: all of them fold away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from moves import check_moves, check_refused, ints, noise, tensor
from single_op import Single, check, tflm_outputs
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import ExportError
from firmware_export.passes import apply_passes, correct_shapes
from firmware_export.reader import read_tflite


def number(*shape: int, dtype: str = "int32") -> TensorSpec:
    """A computed tensor of integers."""
    return TensorSpec(shape, dtype, None)


def test_bits_are_those_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    shapes = ((2, 4, 3), (7,), (1, 2, 1, 2, 1, 2))
    cases = [
        Single("SHAPE", [tensor(shape, dtype)], [number(len(shape))]) for shape in shapes for dtype in ("int8", "int32")
    ]
    check_moves(cases, tmp_path, compiler)


def chain() -> bytes:
    """RESHAPE and FILL to shapes that nearly every operator on integers had a hand in."""
    tensors = [
        tensor((1, 4, 3)),  # 0
        number(3),
        ints([1]),
        ints([3]),
        ints([1]),
        number(2),  # 5: (4, 3)
        ints(0),
        number(1),
        number(1),  # 8: (4,), (3,)
        ints([1, 0]),
        number(2),  # 10: (3, 4)
        number(2, dtype="int64"),
        number(2),  # 12: (3, 4)
        ints([0]),
        ints([1]),
        number(1),  # 15: (3,)
        ints([2]),
        number(3),  # 17: (3, 2, 3)
        ints([2, 0]),
        number(2),  # 19: (3, 3)
        TensorSpec((), "int8", 0.1),  # 20
        tensor((3, 3)),
        tensor((3, 4)),  # 22
    ]
    ops = [
        OpSpec("SHAPE", (0,), (1,), {}),
        OpSpec("STRIDED_SLICE", (1, 2, 3, 4), (5,), {}),
        OpSpec("SPLIT", (6, 5), (7, 8), {"num_splits": 2}),
        OpSpec("GATHER", (5, 9), (10,), {}),
        OpSpec("CAST", (10,), (11,), {}),
        OpSpec("CAST", (11,), (12,), {}),
        OpSpec("SLICE", (12, 13, 14), (15,), {}),
        OpSpec("CONCATENATION", (15, 16, 8), (17,), {"axis": 0}),
        OpSpec("GATHER", (17, 18), (19,), {}),
        OpSpec("FILL", (19, 20), (21,), {}),
        OpSpec("RESHAPE", (0, 12), (22,), {}),
    ]
    return build(tensors, ops, [0, 20], [21, 22])


def test_chain_folds(tmp_path: Path, compiler: str) -> None:
    data = chain()
    graph = apply_passes(read_tflite(data, "m.tflite"))
    assert [(op.index, op.type) for op in graph.ops] == [(9, "FILL"), (10, "RESHAPE")]
    assert graph.tensors[19].data is not None
    assert graph.tensors[19].data.tolist() == [3, 3]


def test_flatten_with_a_free_batch(tmp_path: Path, compiler: str) -> None:
    """SHAPE, STRIDED_SLICE, PACK, RESHAPE, as Keras writes it: TFLite Micro runs all of them."""
    tensors = [
        tensor((1, 2, 2)),
        number(3),
        ints([0]),
        ints([1]),
        ints([1]),
        number(),
        ints(4),
        number(2),
        tensor((1, 4)),
    ]
    ops = [
        OpSpec("SHAPE", (0,), (1,), {}),
        OpSpec("STRIDED_SLICE", (1, 2, 3, 4), (5,), {"shrink_axis_mask": 1}),
        OpSpec("PACK", (5, 6), (7,), {"values_count": 2}),
        OpSpec("RESHAPE", (0, 7), (8,), {}),
    ]
    data = build(tensors, ops, [0], [7, 8])
    assert [op.index for op in apply_passes(read_tflite(data, "m.tflite")).ops] == [3]
    check(data, tmp_path, compiler)


def free(last: Sequence[int], out: tuple[int, ...] = (1, 1, 3, 1)) -> bytes:
    """RESHAPE of (1, 4, 3) to its first two extents and `last`; the file says `out` of it and of what follows."""
    tensors = [tensor((1, 4, 3)), number(3), ints([0]), ints([2]), ints([1]), number(2), ints(last), number(4)]
    tensors += [tensor(out), tensor(out, scale=0.3)]
    ops = [
        OpSpec("SHAPE", (0,), (1,), {}),
        OpSpec("STRIDED_SLICE", (1, 2, 3, 4), (5,), {}),
        OpSpec("CONCATENATION", (5, 6), (7,), {"axis": 0}),
        OpSpec("RESHAPE", (0, 7), (8,), {}),
        OpSpec("QUANTIZE", (8,), (9,), {}),
    ]
    return build(tensors, ops, [0], [9])


@pytest.mark.parametrize("last", [(3, 1), (1, 3), (-1, 1)])
def test_shape_that_the_file_leaves_free(last: tuple[int, int], tmp_path: Path, compiler: str) -> None:
    """TFLite Micro wants it in the file; then it gives the same bits."""
    shape = (1, 4, *np.empty(3).reshape(last).shape)
    x = noise((5, 1, 4, 3), "int8", 1)
    check(free(last), tmp_path, compiler, tflm_outputs(free(last, shape), [x]), [x])
    graph = read_tflite(free(last), "m.tflite")
    assert correct_shapes(graph).tensors[9].shape == shape
    assert correct_shapes(graph).ops == graph.ops


@pytest.mark.parametrize("last", [(-1, -1), (5, 1), (-2, -6), (5, -1), (0, -1)])
def test_shape_that_nothing_tells_is_refused(last: tuple[int, int]) -> None:
    with pytest.raises(ExportError, match=r"operator 3 RESHAPE .*the same number of elements \(12 and 3\)"):
        apply_passes(read_tflite(free(last), "m.tflite"))


def test_scalar_has_no_extents(tmp_path: Path, compiler: str) -> None:
    tensors = [tensor(()), number(0), tensor((1, 1)), tensor(())]
    ops = [OpSpec("SHAPE", (0,), (1,), {}), OpSpec("RESHAPE", (2, 1), (3,), {})]
    check(build(tensors, ops, [0, 2], [3]), tmp_path, compiler)


@pytest.mark.parametrize(
    ("source", "out", "says"),
    [
        (tensor((2, 3)), number(2, dtype="int16"), "the output must be int32 or int64 .int16"),
        (tensor((2, 3)), number(3), r"its output should have shape \[\(2,\)\]"),
    ],
)
def test_refused(source: TensorSpec, out: TensorSpec, says: str) -> None:
    check_refused("SHAPE", [source], [out], {}, says)

"""PAD and PADV2, which TFLite Micro runs by the same code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from moves import check_moves, check_refused, constant, ints, tensor
from single_op import Single
from tflite_builder import TensorSpec

Amounts = tuple[tuple[int, int], ...]
SHAPES: tuple[tuple[tuple[int, ...], Amounts], ...] = (
    ((1, 4, 3, 2), ((0, 0), (1, 2), (0, 1), (0, 0))),
    ((1, 4, 3, 2), ((0, 0), (1, 0), (2, 1), (1, 3))),
    ((3, 4), ((1, 0), (0, 2))),
    ((5,), ((3, 0),)),
    ((2, 3), ((0, 0), (0, 0))),
    ((2, 1, 3, 2, 2), ((1, 0), (0, 1), (1, 1), (0, 2), (1, 0))),
)
Q = {"scale": 0.1, "zero_point": 6}


def pad(
    shape: tuple[int, ...], amounts: Amounts, dtype: str = "int8", value: TensorSpec | None = None, **quant: float
) -> Single:
    """PAD, or PADV2 if there is a value."""
    out = tuple(n + before + after for n, (before, after) in zip(shape, amounts, strict=True))
    inputs = [tensor(shape, dtype, **quant), ints(amounts), *([] if value is None else [value])]
    return Single("PAD" if value is None else "PADV2", inputs, [tensor(out, dtype, **quant)])


def test_bits_are_those_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    cases = [pad(shape, amounts, **Q) for shape, amounts in SHAPES]
    cases += [pad(shape, amounts, value=constant((), seed=i, **Q), **Q) for i, (shape, amounts) in enumerate(SHAPES)]
    for dtype in ("int16", "int32", "float32"):
        cases.append(pad(*SHAPES[1], dtype))
        cases.append(pad(*SHAPES[1], dtype, value=constant((1,), dtype)))
    for odd in (ints((1, 1, 2, 1)), ints([[1, 1, 2, 1]]), ints([[[1, 1], [2, 1]]])):
        cases.append(Single("PAD", [tensor((2, 3)), odd], [tensor((4, 6))]))
        cases.append(Single("PADV2", [tensor((2, 3)), odd, constant(())], [tensor((4, 6))]))
    cases.append(pad(*SHAPES[2], value=tensor((), **Q), **Q))
    cases.append(pad(*SHAPES[2], "float32", value=tensor((), "float32")))
    check_moves(cases, tmp_path, compiler)


def test_the_zero_point_counts_in_int8_alone_and_scales_may_differ(tmp_path: Path, compiler: str) -> None:
    source, paddings = tensor((2, 3), scale=0.3, zero_point=-9), ints(SHAPES[2][1])
    cases = [Single("PAD", [source, paddings], [tensor((3, 5), **Q)])]
    cases.append(Single("PADV2", [source, paddings, constant((), **Q)], [tensor((3, 5), **Q)]))
    cases.append(Single("PADV2", [source, paddings], [tensor((3, 5), **Q)]))
    cases.append(Single("PAD", [source, paddings, constant((), **Q)], [tensor((3, 5), **Q)]))
    cases.append(Single("PAD", [tensor((2, 3), scale=None), paddings], [tensor((3, 5), scale=None)]))
    cases += [pad(*SHAPES[2], dtype, **Q) for dtype in ("int16", "int32", "float32")]
    check_moves(cases, tmp_path, compiler)


def test_types_that_tflite_micro_does_not_pad(tmp_path: Path, compiler: str) -> None:
    cases = [pad(*SHAPES[1], dtype) for dtype in ("uint8", "bool", "int64", "int8")]
    cases += [pad(*SHAPES[1], "uint8", **Q), pad(*SHAPES[2], "int64", value=constant((), "int64"))]
    check_moves(cases, tmp_path, compiler, tflite=True)


def test_negative_paddings_take_the_values_in_their_order(tmp_path: Path, compiler: str) -> None:
    amounts: tuple[tuple[tuple[int, ...], Amounts], ...] = (
        ((4, 3), ((-1, 0), (2, 0))),
        ((4, 3), ((-1, -1), (0, -1))),
        ((4, 3), ((0, 0), (-1, 2))),
        ((4, 3), ((0, 0), (2, -1))),
        ((4, 3), ((0, 1), (3, -4))),
        ((4, 3), ((-5, 6), (0, 0))),
        ((1, 4, 3, 2), ((0, 0), (-1, 0), (1, 1), (0, 0))),
        ((1, 4, 3, 2), ((0, 0), (-1, 2), (0, -1), (1, -1))),
    )
    cases = [pad(shape, pairs, **Q) for shape, pairs in amounts]
    cases += [pad(shape, pairs, "int32", value=constant((), "int32")) for shape, pairs in amounts]
    check_moves(cases, tmp_path, compiler)


def test_infinity_around_floats(tmp_path: Path, compiler: str) -> None:
    lowest = TensorSpec((), "float32", None, data=np.array(-np.inf, np.float32))
    check_moves([pad(*SHAPES[2], "float32", value=lowest), pad(*SHAPES[2])], tmp_path, compiler)


@pytest.mark.parametrize(
    ("inputs", "output", "says"),
    [
        ([tensor((2, 3)), tensor((2, 2), "int32")], (2, 3), "'t1' is computed"),
        ([tensor((2, 3))], (2, 3), "it is missing"),
        ([tensor((2, 3)), ints([[0, 0], [0, 0]], "int16")], (2, 3), "'t1' is int16"),
        ([tensor((2, 3)), ints([[0, 0, 0]])], (2, 3), r"two for each axis.* .\(1, 3\) for 2 axes"),
        ([tensor((2, 3)), ints([[0, 0], [-1, 1]])], (2, 4), "its output should have shape"),
        ([tensor((2, 3)), ints([[0, 0], [-3, 0]])], (2, 0), "not empty"),
        ([tensor((2, 3)), ints([[0, 0], [1, 1]])], (2, 4), "its output should have shape"),
        ([tensor((2, 3)), ints([[0, 0], [1, 1]]), constant((2,))], (2, 5), "must be one of the output's type"),
        ([tensor((2, 3)), ints([[0, 0], [1, 1]]), constant((), "int32")], (2, 5), "must be one of the output's type"),
        ([tensor((2, 3)), ints([[0, 0], [1, 1]]), constant((), scale=0.2)], (2, 5), "0.2, 0 and 0.1, 0"),
    ],
)
def test_refused(inputs: list[TensorSpec], output: tuple[int, ...], says: str) -> None:
    kind = "PADV2" if len(inputs) > 2 else "PAD"
    check_refused(kind, inputs, [tensor(output, inputs[0].dtype, scale=0.1)], {}, says)


def test_zero_point_outside_of_the_type_is_refused() -> None:
    inputs = [tensor((2, 3)), ints([[0, 0], [1, 1]])]
    check_refused("PAD", inputs, [tensor((2, 5), zero_point=300)], {}, "zero point, .* in the range of its type .300")

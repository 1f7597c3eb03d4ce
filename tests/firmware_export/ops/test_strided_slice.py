from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from moves import ALL, check_moves, check_refused, ints, tensor
from single_op import Single
from tflite_builder import TensorSpec

Numbers = tuple[int, ...]
SHAPE = (2, 4, 3)
HERE = np.empty(SHAPE, np.int8)


def strided(
    begin: Numbers,
    end: Numbers,
    strides: Numbers,
    out: Numbers,
    dtype: str = "int8",
    shape: Numbers = SHAPE,
    **masks: int,
) -> Single:
    inputs = [tensor(shape, dtype), ints(begin), ints(end), ints(strides)]
    return Single("STRIDED_SLICE", inputs, [tensor(out, dtype)], masks)


CASES: list[tuple[Numbers, Numbers, Numbers, Any, dict[str, int]]] = [
    ((1, 1, 1), (2, 3, 3), (1, 1, 1), HERE[1:2, :3, 1:], {"begin_mask": 2}),
    ((1, 1, 1), (2, 3, 3), (1, 1, 1), HERE[1:, 1:3, 1:], {"end_mask": 5}),
    ((1, 1, 1), (0, 3, 3), (1, 1, 1), HERE[1, 1:3, 1:], {"shrink_axis_mask": 1}),
    ((-1, 1, 1), (0, 3, 3), (1, 1, 1), HERE[-1, 1:3, 1:], {"shrink_axis_mask": 1}),
    ((-9, 1, 1), (0, 3, 3), (1, 1, 1), HERE[0, 1:3, 1:], {"shrink_axis_mask": 1}),
    ((1, 1, 1), (2, 3, 3), (2, 1, 1), HERE[0, 1:3, 1:], {"shrink_axis_mask": 1, "begin_mask": 1}),
    ((1, 2, 1), (2, 3, 2), (1, 1, 1), HERE[1, 2, 1], {"shrink_axis_mask": 7}),
    ((0, 3, 2), (2, 0, 0), (1, -1, -1), HERE[:, ::-1, ::-1], {"begin_mask": 6, "end_mask": 6}),
    ((0, -1, 2), (2, -5, 0), (1, -1, -2), HERE[:, ::-1, 2:0:-2], {}),
    ((0, 100, 2), (2, -100, 0), (1, -3, -2), HERE[:, 100:-100:-3, 2:0:-2], {}),
    ((0, -100, 0), (2, 100, 3), (1, 3, 1), HERE[:, ::3], {}),
    ((0, 0, 0), (2, 4, 3), (5, 3, 7), HERE[::5, ::3, ::7], {}),
    ((0, 0, 0), (2, 4, 3), (1, 1, 1), HERE, {}),
]


def test_bits_are_those_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    cases = [strided(begin, end, strides, out.shape, **masks) for begin, end, strides, out, masks in CASES]
    for dtype in ("int16", "int32", "float32", "bool"):
        cases.append(strided((0, 3, 0), (2, 0, 3), (1, -2, 2), (2, 2, 2), dtype))
    cases.append(strided((0, 1, 4, 0), (2, 3, 0, 2), (1, 1, -2, 1), (2, 2, 2, 2), shape=(3, 4, 5, 2)))
    source = [tensor((5,)), ints((1,)), ints((4,)), ints((2,))]
    cases.append(Single("STRIDED_SLICE", source, [tensor((2,), scale=0.3, zero_point=5)]))
    check_moves(cases, tmp_path, compiler)


def test_what_tflite_micro_does_not_slice(tmp_path: Path, compiler: str) -> None:
    cases = [strided((0, 3, 0), (2, 0, 3), (1, -2, 2), (2, 2, 2), dtype) for dtype in ALL]
    cases.append(strided((1, 0, 0, 2, 1), (2, 3, 2, 0, 3), (1, 2, 1, -1, 1), (1, 2, 2, 2, 2), shape=(2, 3, 2, 3, 4)))
    cases += [strided((0, 1), (2, 3), (1, 1), (2, 2, 3)), strided((1,), (2,), (1,), (4, 3), shrink_axis_mask=1)]
    check_moves(cases, tmp_path, compiler, tflite=True)


@pytest.mark.parametrize(
    ("begin", "end", "strides", "out", "masks", "says"),
    [
        ((0, 0), (2, 2), (0, 1), (2, 2), {}, r"no stride may be 0.* .\[0, 1\]"),
        ((1, 0), (0, 2), (-1, 1), (2,), {"shrink_axis_mask": 1}, "position 1 of 3, stride -1 along axis 0"),
        ((3, 0), (4, 2), (1, 1), (2,), {"shrink_axis_mask": 1}, "position 3 of 3, stride 1 along axis 0"),
        ((0, 0), (2, 2), (1, 1), (2, 2), {"ellipsis_mask": 1}, "must be 0, .* .ellipsis_mask 1"),
        ((0, 0), (2, 2), (1, 1), (2, 2), {"new_axis_mask": 2}, "new_axis_mask 2"),
        ((0, 0), (2, 2), (1, 1), (2, 2), {"offset": 1}, "offset 1"),
        ((0, 0), (2, 2, 1), (1, 1), (2, 2), {}, "of the same number"),
        ((0, 0, 0), (2, 2, 1), (1, 1, 1), (2, 2), {}, "at most one for each axis"),
        ((2, 0), (1, 2), (1, 1), (0, 2), {}, "not empty"),
        ((2, 0), (1, 2), (1, 1), (1, 2), {}, r"its output should have shape \[\(0, 2\)\]"),
    ],
)
def test_refused(
    begin: Numbers, end: Numbers, strides: Numbers, out: Numbers, masks: dict[str, int], says: str
) -> None:
    inputs = [tensor((3, 2)), ints(begin), ints(end), ints(strides)]
    check_refused("STRIDED_SLICE", inputs, [tensor(out)], masks, says)


def test_computed_and_wide_limits_are_refused() -> None:
    source, out = tensor((3, 2)), [tensor((2, 2))]
    says = "must be constants of int32"
    wide = [ints(numbers, "int64") for numbers in ((0, 0), (2, 2), (1, 1))]
    check_refused("STRIDED_SLICE", [source, *wide], out, {}, f"{says}.*'t1' is int64")
    computed = [ints((0, 0)), TensorSpec((2,), "int32", None), ints((1, 1))]
    check_refused("STRIDED_SLICE", [source, *computed], out, {}, f"{says}.*'t2' is computed")

"""How copies are put: as few axes as possible, runs as long as possible."""

from __future__ import annotations

from typing import Any

import pytest
from moves import ints, tensor
from single_op import Single, model

from firmware_export.ops import OPS
from firmware_export.reader import read_tflite


def calls(case: Single) -> list[tuple[str, dict[str, Any]]]:
    """Kernel and parameters of every call, before the passes."""
    graph = read_tflite(model(case.type, case.inputs, case.outputs, case.options), "m.tflite")
    return [(call.kernel, dict(call.params)) for call in OPS[case.type].lower(graph.node(graph.ops[0]))]


def transposed(order: tuple[int, ...], dtype: str = "int8") -> Single:
    shape = (2, 5, 7, 3)
    out = tuple(shape[axis] for axis in order)
    return Single("TRANSPOSE", [tensor(shape, dtype), ints(order)], [tensor(out, dtype)])


@pytest.mark.parametrize(
    ("order", "dtype", "kernel", "run", "extents"),
    [
        ((0, 1, 2, 3), "int8", "copy_rows", 210, 1),
        ((1, 0, 2, 3), "int8", "copy_axes", 21, (5, 2)),
        ((1, 2, 3, 0), "int16", "copy_axes", 2, (105, 2)),
        ((0, 3, 1, 2), "int32", "copy_axes", 4, (2, 3, 35)),
        ((3, 2, 1, 0), "int8", "copy_axes", 1, (3, 7, 5, 2)),
    ],
)
def test_axes_that_follow_on_each_other_are_one(
    order: tuple[int, ...], dtype: str, kernel: str, run: int, extents: int | tuple[int, ...]
) -> None:
    ((name, params),) = calls(transposed(order, dtype))
    assert (name, params["bytes"]) == (kernel, run)
    assert params["rows" if name == "copy_rows" else "shape"] == extents


def test_rows_of_a_concatenation() -> None:
    case = Single("CONCATENATION", [tensor((2, 3, 4)), tensor((2, 1, 4))], [tensor((2, 4, 4))], {"axis": 1})
    common = {"rows": 2, "input_start": 0, "output_step": 16}
    assert calls(case) == [
        ("copy_rows", {**common, "bytes": 12, "output_start": 0, "input_step": 12}),
        ("copy_rows", {**common, "bytes": 4, "output_start": 12, "input_step": 4}),
    ]


def test_backwards_and_again_and_again() -> None:
    limits = [ints((0, 0)), ints((0, 0)), ints((1, -1))]
    backwards = Single("STRIDED_SLICE", [tensor((3, 4)), *limits], [tensor((3, 4))], {"begin_mask": 3, "end_mask": 3})
    ((name, params),) = calls(backwards)
    assert (name, params["shape"], params["input_start"], params["input_step"]) == ("copy_axes", (3, 4), 3, (4, -1))
    ((name, params),) = calls(Single("TILE", [tensor((3, 4)), ints((5, 1))], [tensor((15, 4))]))
    assert (name, params["rows"], params["bytes"], params["input_step"]) == ("copy_rows", 5, 12, 0)
    ((name, params),) = calls(Single("FILL", [ints((3, 4)), tensor((), "int16")], [tensor((3, 4), "int16")]))
    assert (name, params["rows"], params["bytes"], params["input_step"]) == ("copy_rows", 12, 2, 0)

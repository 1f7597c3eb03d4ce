from __future__ import annotations

from pathlib import Path

import pytest
from moves import ALL, check_moves, check_refused, constant, tensor
from single_op import Single
from tflite_builder import TensorSpec

SHAPES: tuple[tuple[list[tuple[int, ...]], int], ...] = (
    ([(1, 2, 3, 4), (1, 2, 3, 2)], 3),
    ([(1, 2, 3, 4), (1, 5, 3, 4), (1, 1, 3, 4)], 1),
    ([(1, 4), (1, 2)], -1),
    ([(3,)] * 10, 0),
    ([(2, 3, 1, 2, 2, 3), (2, 3, 4, 2, 2, 3)], 2),
    ([(2, 3)], 0),
    ([(2, 1, 1), (2, 2, 1)], -2),
)
Q = {"scale": 0.1, "zero_point": 2}


def joined(parts: list[TensorSpec], axis: int, dtype: str = "int8", **quant: float) -> Single:
    out = list(parts[0].shape)
    out[axis] = sum(part.shape[axis] for part in parts)
    return Single("CONCATENATION", parts, [tensor(tuple(out), dtype, **quant)], {"axis": axis})


def test_bits_are_those_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    cases = [joined([tensor(shape, **Q) for shape in shapes], axis, **Q) for shapes, axis in SHAPES]
    for dtype in set(ALL) - {"uint8"}:
        cases += [joined([tensor(shape, dtype) for shape in shapes], axis, dtype) for shapes, axis in SHAPES[:2]]
    cases.append(joined([tensor((2, 3), **Q), constant((2, 2), **Q), tensor((2, 1), **Q)], 1, **Q))
    cases.append(joined([constant((2, 2), "float32"), tensor((4, 2), "float32")], 0, "float32"))
    cases.append(joined([tensor((2, 2), "int16", scale=0.1), tensor((4, 2), "int16", scale=0.3)], 0, "int16"))
    check_moves(cases, tmp_path, compiler)


def test_empty_inputs(tmp_path: Path, compiler: str) -> None:
    def some(*shapes: tuple[int, ...], axis: int, out: tuple[int, ...]) -> Single:
        return Single("CONCATENATION", [tensor(shape, **Q) for shape in shapes], [tensor(out, **Q)], {"axis": axis})

    cases = [
        some((1, 4), (1, 0), axis=1, out=(1, 4)),
        some((1, 0), (1, 4), (1, 0), (1, 2), axis=-1, out=(1, 6)),
        some((0, 4), (3, 4), axis=0, out=(3, 4)),
        some((2, 0), (1, 4), axis=1, out=(1, 4)),
        some((2, 3, 0, 4), (2, 3, 2, 4), axis=2, out=(2, 3, 2, 4)),
    ]
    cases.append(joined([tensor((2, 3), **Q), constant((2, 0), **Q)], 1, **Q))
    check_moves(cases, tmp_path, compiler)


def test_an_empty_result_of_another_operator_is_refused() -> None:
    check_refused("RELU", [tensor((1, 0))], [tensor((1, 0))], {}, r"its output is empty, .*\(1, 0\)")


def test_more_inputs_and_axes_than_tflite_micro_has(tmp_path: Path, compiler: str) -> None:
    cases = [joined([tensor((2, 1))] * 23, 1), joined([tensor((1, 2) * 4)] * 2, 6)]
    cases.append(joined([tensor((2, 3), "uint8"), tensor((2, 2), "uint8")], 1, "uint8"))
    check_moves(cases, tmp_path, compiler, tflite=True)


@pytest.mark.parametrize(
    ("inputs", "output", "options", "says"),
    [
        (
            [tensor((1, 2)), tensor((1, 2))],
            (1, 4),
            {"axis": 1, "activation": 1},
            "must be no fused activation .number 1",
        ),
        ([tensor((1, 2)), tensor((1, 2), zero_point=3)], (1, 4), {"axis": 1}, "same scale and zero point .0.1 and 0, "),
        ([tensor((1, 2)), tensor((1, 2))], (1, 4), {"axis": 2}, "equal but for the axis.* .axis 2 of"),
        ([tensor((1, 2)), tensor((1, 2))], (1, 4), {"axis": -3}, "axis -3 of"),
        ([tensor((1, 2)), tensor((2, 2))], (1, 4), {"axis": 1}, r"\[\(1, 2\), \(2, 2\)\]"),
        ([tensor((1, 2)), tensor((2,))], (1, 4), {"axis": 1}, "axis 1 of"),
        ([tensor((1, 2)), tensor((1, 2), "int16")], (1, 4), {"axis": 1}, "must be of one type .* .int16, int8"),
        ([tensor((1, 0)), tensor((1, 0))], (1, 0), {"axis": 1}, r"the output not empty .\(1, 0\)"),
        ([tensor((1, 2)), tensor((0, 2))], (1, 4), {"axis": 1}, r"\[\(1, 2\), \(0, 2\)\]"),
        ([tensor((1, 2)), tensor((0,))], (1, 2), {"axis": 1}, "axis 1 of"),
        ([tensor((1, 2)), tensor((1, 2))], (1, 5), {"axis": 1}, "its output should have shape .*, 4"),
        ([tensor(()), tensor(())], (), {"axis": 0}, "axis 0 of"),
        ([], (2,), {"axis": 0}, "an input is missing"),
    ],
)
def test_refused(inputs: list[TensorSpec], output: tuple[int, ...], options: dict[str, int], says: str) -> None:
    check_refused("CONCATENATION", inputs, [tensor(output)], options, says)

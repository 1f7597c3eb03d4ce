"""Operators that map every int8 value on its own: all 256 values at several scales and zero points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from needs import need_packages
from single_op import Single, check, model, several
from tflite_builder import TensorSpec

from firmware_export import ExportError, reference
from firmware_export.graph import Array
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

Quant = tuple[float, int]
PROBABILITY: Quant = (1 / 256, -128)
UNIT: Quant = (1 / 128, 0)
RESCALED: list[tuple[Quant, Quant]] = [
    ((0.1, 3), (0.1, 3)),
    ((0.1, 3), (0.05, -20)),
    ((0.1, -128), (0.2, 127)),
    ((0.023, 127), (0.021, -128)),
    ((0.0004, 0), (0.0007, 5)),
    ((2.5, -7), (1.1, 90)),
    ((1e-9, 0), (1e-8, 0)),
]
CASES: dict[str, list[tuple[Quant, Quant]]] = {
    "HARD_SWISH": [*RESCALED, ((40.0, 0), (40.0, -1)), ((0.5, 60), (0.004, 1)), ((1e-9, 3), (1.0, 5))],
    "LEAKY_RELU": RESCALED,
    "LOGISTIC": [
        ((0.05, 3), PROBABILITY),
        ((0.001, -128), PROBABILITY),
        ((2.0, 0), PROBABILITY),
        ((9.0, 0), PROBABILITY),
        ((0.05, 3), (0.5, -128)),
    ],
    "QUANTIZE": RESCALED,
    "RELU": RESCALED,
    "RELU6": [((0.1, -3), (0.1, -3)), ((0.03, -128), (0.03, -128))],
    "TANH": [
        ((0.05, 3), UNIT),
        ((0.03, -128), UNIT),
        ((0.0001, 127), UNIT),
        ((0.4, -9), UNIT),
        ((2.0, 0), UNIT),
        ((9.0, 0), UNIT),
        ((0.02, 0), (0.3, 7)),
    ],
}
"""Kind -> input's and output's (scale, zero point). LOGISTIC and TANH don't look at the output's scale."""
ALPHAS = [0.3, 0.0, 0.01, -0.5, 1.0, 1.5, 0.2]
LEFT_TO_TFLITE = {
    "RELU6": RESCALED,
    "RELU_N1_TO_1": [*RESCALED, ((0.01, 0), (0.012, 3)), ((0.007, -100), (0.01, 20))],
}
"""What TFLite Micro does wrong, or does not have."""


def unary(kind: str, source: Quant, target: Quant, **options: float) -> Single:
    specs = [TensorSpec((1, 256), scale=scale, zero_point=zero) for scale, zero in (source, target)]
    return Single(kind, specs[:1], specs[1:], options)


def all_values(count: int) -> list[Array]:
    return [np.arange(-128, 128, dtype=np.int8)[None, None]] * count


@pytest.mark.parametrize("kind", CASES)
def test_bits_are_those_of_tflite_micro(kind: str, tmp_path: Path, compiler: str) -> None:
    options = [{"alpha": alpha} if kind == "LEAKY_RELU" else {} for alpha in ALPHAS * 2]
    cases = [unary(kind, *quants, **given) for quants, given in zip(CASES[kind], options, strict=False)]
    check(several(cases), tmp_path, compiler, inputs=all_values(len(cases)))


@pytest.mark.parametrize("kind", LEFT_TO_TFLITE)
def test_bits_are_those_of_tflite(kind: str, tmp_path: Path, compiler: str) -> None:
    """LiteRT's reference kernels of both operators are those of TFLite 2.14."""
    need_packages("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    data = several(unary(kind, *quants) for quants in LEFT_TO_TFLITE[kind])
    inputs = all_values(len(LEFT_TO_TFLITE[kind]))
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    for details, values in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(details["index"], values[0])
    interpreter.invoke()
    golden = [interpreter.get_tensor(details["index"])[None].copy() for details in interpreter.get_output_details()]
    check(data, tmp_path, compiler, golden, inputs)


@pytest.mark.parametrize("kind", ["LEAKY_RELU", "HARD_SWISH"])
def test_factors_are_in_float64(kind: str, tmp_path: Path, compiler: str) -> None:
    """Ties, where TFLite Micro and TFLite 2.14 differ: that divides scales in float32."""
    ties: list[tuple[Quant, Quant, float]] = [
        ((0.7, -107), (0.8, 83), 0.8),
        ((0.5, 102), (0.8, -60), 0.1),
        ((1.5124831199645996, -36), (0.726765513420105, -95), 0.7),
        ((0.00908235926181078, 26), (0.005769774783402681, 52), 0.3),
    ]
    cases = [unary(kind, x, y, **({"alpha": alpha} if kind == "LEAKY_RELU" else {})) for x, y, alpha in ties]
    check(several(cases), tmp_path, compiler, inputs=all_values(len(cases)))


def test_relu6_rescales_where_tflite_micro_forgets_to() -> None:
    graph = read_tflite(several([unary("RELU6", (0.1, -3), (0.05, -128))]), "m.tflite")
    q = np.arange(-128, 128)
    real = np.clip(0.1 * (q + 3), 0, 6)
    got = reference.run(graph, [q.astype(np.int8)[None, None]])[0][0, 0]
    assert np.max(np.abs(0.05 * (got.astype(float) + 128) - real)) <= 0.025 + 1e-6


@pytest.mark.parametrize(
    ("kind", "source", "target", "options", "message"),
    [
        ("LOGISTIC", (0.05, 3), (1 / 256, 0), {}, r"the output must have zero point -128 .*\(0\)"),
        ("LOGISTIC", (1e-9, 3), PROBABILITY, {}, r"must be between 2\*\*-28 and 2\*\*32 \(1e-09\)"),
        ("TANH", (1e10, 3), UNIT, {}, r"must be between 2\*\*-28 and 2\*\*32 \(1e\+10\)"),
        ("HARD_SWISH", (1.0, 3), (0.001, 0), {}, r"must be below 128 output scales and below 2\*\*24 \(1 to 0.001\)"),
        ("HARD_SWISH", (3e7, 3), (3e7, 0), {}, r"must be below 128 output scales and below 2\*\*24"),
        (
            "LEAKY_RELU",
            (1.0, 3),
            (0.001, 0),
            {"alpha": float("nan")},
            r"alpha must be finite.*\(alpha nan, 1 to 0.001\)",
        ),
        ("LEAKY_RELU", (1.0, 3), (1.0, 0), {"alpha": -1e10}, r"below 2\*\*30 output scales \(alpha -1e\+10"),
    ],
)
def test_out_of_range_scales_are_refused(
    kind: str, source: Quant, target: Quant, options: dict[str, float], message: str
) -> None:
    single = unary(kind, source, target, **options)
    with pytest.raises(ExportError, match=message):
        apply_passes(read_tflite(model(kind, single.inputs, single.outputs, single.options), "m.tflite"))

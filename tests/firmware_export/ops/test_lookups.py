from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from single_op import check, model
from tflite_builder import TensorSpec

from firmware_export import reference
from firmware_export.reader import read_tflite

CASES = [
    ("LOGISTIC", (0.05, 3), (1 / 256, -128)),
    ("LOGISTIC", (0.001, -128), (1 / 256, -128)),
    ("LOGISTIC", (2.0, 0), (1 / 256, -128)),
    ("RELU", (0.1, 3), (0.05, -20)),
    ("RELU6", (0.1, -3), (0.1, -3)),
    ("QUANTIZE", (0.1, 3), (0.05, -20)),
    ("QUANTIZE", (0.1, 3), (0.2, 7)),
]


def unary(kind: str, source: tuple[float, int], target: tuple[float, int]) -> bytes:
    specs = [TensorSpec((1, 256), scale=scale, zero_point=zero) for scale, zero in (source, target)]
    return model(kind, specs[:1], specs[1:])


@pytest.mark.parametrize(("kind", "source", "target"), CASES)
def test_bits_are_those_of_tflite_micro(
    kind: str, source: tuple[float, int], target: tuple[float, int], tmp_path: Path, compiler: str
) -> None:
    check(unary(kind, source, target), tmp_path, compiler)


def test_relu6_rescales_where_tflite_micro_forgets_to() -> None:
    graph = read_tflite(unary("RELU6", (0.1, -3), (0.05, -128)), "m.tflite")
    q = np.arange(-128, 128)
    real = np.clip(0.1 * (q + 3), 0, 6)
    got = reference.run(graph, [q.astype(np.int8)[None, None]])[0][0, 0]
    assert np.max(np.abs(0.05 * (got.astype(float) + 128) - real)) <= 0.025 + 1e-6

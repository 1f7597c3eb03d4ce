from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from moves import ALL, check_moves, check_refused, noise, tensor
from single_op import SAMPLES, Single
from tflite_builder import TensorSpec

from firmware_export.graph import Array

TFLM_TYPES = ("int8", "bool", "int16", "int32", "float32")
FLOATS = (0.0, -0.0, 0.4, -0.6, -1.5, 2.5, 127.9, 128, -128.9, -129, 255.5, 256, 300, -300, 32767.9, 32768, -32769)
FLOATS += (40000, 16777217, 2147483520, 2147483648, -2147483648, -2147483904, 1e12, -1e12, 9.2e18, 9.3e18, -9.3e18)
FLOATS += (1e30, -1e30, 1e-40, np.inf, -np.inf)
NOT_A_NUMBER = (*FLOATS, np.nan)
EDGES = (0, 1, -1, 127, 128, -128, -129, 255, 256, 2**15, -(2**15) - 1, 65535, 65536, 16777217, -16777219, 2**31 - 1)
EDGES += (-(2**31), 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**40 + 2**16 + 1)


def values(dtype: str, floats: tuple[float, ...]) -> Array:
    """(SAMPLES, n): the edges of all types, and noise."""
    if dtype == "float32":
        first = np.array(floats, dtype)
    elif dtype == "bool":
        first = np.array((False, True))
    else:
        limits = np.iinfo(dtype)
        first = np.array([edge for edge in EDGES if limits.min <= edge <= limits.max], dtype)
    return np.concatenate([first[None], noise((SAMPLES - 1, len(first)), dtype, 1)])


def check_casts(
    pairs: list[tuple[str, str]], floats: tuple[float, ...], folder: Path, compiler: str, tflite: bool
) -> None:
    inputs = [values(source, floats) for source, _ in pairs]
    cases = [
        Single("CAST", [tensor(x.shape[1:], source)], [tensor(x.shape[1:], target)])
        for x, (source, target) in zip(inputs, pairs, strict=True)
    ]
    check_moves(cases, folder, compiler, inputs, tflite=tflite)


def test_bits_are_those_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    pairs = [(source, target) for source in TFLM_TYPES for target in TFLM_TYPES if source != target]
    check_casts([*pairs, ("int8", "int8")], NOT_A_NUMBER, tmp_path, compiler, False)


def test_types_that_tflite_micro_does_not_cast(tmp_path: Path, compiler: str) -> None:
    others = ("uint8", "int64")
    pairs = [(a, b) for a in ALL for b in ALL if a != b and (a in others or b in others)]
    check_casts(pairs, FLOATS, tmp_path, compiler, True)


@pytest.mark.parametrize(
    ("inputs", "output", "says"),
    [
        ([tensor((2,), "float16")], tensor((2,)), "must be bool, int8, .* .float16 to int8"),
        ([tensor((2,))], tensor((3,), "int32"), "its output should have shape"),
        ([tensor((0,))], tensor((0,), "int32"), "not empty"),
        ([], tensor((0,), "int32"), "it is missing"),
    ],
)
def test_refused(inputs: list[TensorSpec], output: TensorSpec, says: str) -> None:
    check_refused("CAST", inputs, [output], {}, says)

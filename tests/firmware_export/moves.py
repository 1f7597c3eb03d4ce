"""What the tests of operators that move values share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single_op import SAMPLES, Single, check, several, tflite_outputs
from tflite_builder import TensorSpec

from firmware_export import ExportError
from firmware_export.graph import Array, OptionValue
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

ALL = ("int8", "uint8", "bool", "int16", "int32", "int64", "float32")
SCALED = ("int8", "uint8", "int16")
REFUSED = r"^m.tflite: operator 0 {} \(output '[^']*'\): .*{}"


def tensor(shape: tuple[int, ...], dtype: str = "int8", **more: Any) -> TensorSpec:
    """A tensor with a scale if its type needs one."""
    scale: dict[str, Any] = {"scale": 0.1 if dtype in SCALED else None}
    return TensorSpec(shape, dtype, **(scale | more))


def ints(values: Any, dtype: str = "int32") -> TensorSpec:
    """A constant."""
    data = np.array(values, dtype)
    return TensorSpec(data.shape, dtype, None, data=data)


def noise(shape: tuple[int, ...], dtype: str, seed: int) -> Array:
    """Values over the whole range of the type; no two neighbours of floats are alike."""
    source = np.random.default_rng(seed)
    if dtype == "float32":
        return source.normal(0, 10, shape).astype(dtype)
    low, high = (0, 1) if dtype == "bool" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    return source.integers(low, high, shape, np.int64 if dtype == "bool" else dtype, endpoint=True).astype(dtype)


def constant(shape: tuple[int, ...], dtype: str = "int8", seed: int = 1, **more: Any) -> TensorSpec:
    """A constant of noise."""
    return tensor(shape, dtype, data=noise(shape, dtype, seed), **more)


def noise_for(cases: Sequence[Single]) -> list[Array]:
    """An array (N, *shape) for every input of these cases that is not constant."""
    given = [spec for case in cases for spec in case.inputs if spec.data is None]
    return [noise((SAMPLES, *spec.shape), spec.dtype, number) for number, spec in enumerate(given)]


def check_moves(
    cases: Sequence[Single], folder: Path, compiler: str, inputs: Sequence[Array] | None = None, *, tflite: bool = False
) -> None:
    """numpy and C against TFLite Micro, or against TFLite where that lacks the operator or the type."""
    data = several(cases)
    given = noise_for(cases) if inputs is None else list(inputs)
    check(data, folder, compiler, tflite_outputs(data, given) if tflite else None, given)


def check_refused(
    kind: str,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    options: Mapping[str, OptionValue] | None,
    says: str,
) -> None:
    """The operator, beside another one, is refused by name, with this rule or finding."""
    cases = [Single(kind, inputs, outputs, options or {}), Single("RELU", [tensor((1, 4))], [tensor((1, 4))])]
    with pytest.raises(ExportError, match=REFUSED.format(kind, says)):
        apply_passes(read_tflite(several(cases), "m.tflite"))

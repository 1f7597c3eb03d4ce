"""The named cause of a difference: of arrays, where the answer is plain, and of C that someone changed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from needs import need_packages
from test_prove_flips import block
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export.causes import name_cause, ordered
from firmware_export.graph import Array
from firmware_export.project import export_c
from firmware_export.prove import prove

pytestmark = pytest.mark.slow

Edit = Callable[[str], str]
SHAPE = (6, 1, 9, 9, 8)


def values(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Array:
    return np.clip(np.random.default_rng(seed).normal(0, 40, shape), -128, 127).astype(np.int8)


def clip(array: Array) -> Array:
    return np.clip(array, -128, 127).astype(np.int8)


def scattered(expected: Array) -> Array:
    got = expected.astype(int)
    got[np.random.default_rng(1).random(expected.shape) < 0.02] += 1
    return clip(got)


def in_channel(expected: Array) -> Array:
    got = expected.astype(int)
    got[..., 3] //= 2
    return clip(got)


def at_border(expected: Array) -> Array:
    got = expected.astype(int)
    got[:, :, :2] += 9
    got[:, :, :, -1] -= 4
    return clip(got)


def per_channel_offset(expected: Array) -> Array:
    return clip(expected.astype(int) + np.arange(-4, 4) * 3)


def clamped(expected: Array) -> Array:
    return np.minimum(expected, 50)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (scattered, "rounding"),
        (in_channel, "channel"),
        (at_border, "padding"),
        (clamped, "saturation"),
        (lambda x: np.maximum(x, np.int8(-127)), "saturation"),
        (lambda x: clip(x.astype(int) + 5), "offset"),
        (per_channel_offset, "offset"),
        (lambda x: clip(np.rint(x * 0.5)), "scale"),
        (lambda x: x.transpose(0, 1, 3, 2, 4), "layout"),
        (lambda x: x[..., ::-1], "layout"),
        (lambda x: values(9), "layout"),
        (lambda x: clip(np.where(x % 3 == 0, x * 1.0 - 7, x)), "unknown"),
        (lambda x: x, "unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_patterns_of_arrays(change: Callable[[Array], Array], cause: str) -> None:
    expected = values()
    got = name_cause(expected, change(expected))
    assert got.name == cause, got


def test_few_differences_are_not_overrated() -> None:
    """One or two values in one channel, or at the border, are chance."""
    expected = values()
    got = expected.copy()
    got[0, 0, 0, 4, 2] += 1
    assert name_cause(expected, got).name == "rounding"
    got[0, 0, 0, 4, 2] += 9
    assert name_cause(expected, got).name == "unknown"
    assert name_cause(values(shape=(3, 10)), clip(values(shape=(3, 10)) + 0.0)).name == "unknown"


def test_floats_are_counted_in_steps() -> None:
    numbers = np.array([-np.inf, -1.5, -1e-45, -0.0, 0.0, 1e-45, 2.0, np.inf], np.float32)
    assert (np.diff(ordered(numbers)) > 0).all()
    assert ordered(numbers)[4] - ordered(numbers)[3] == 1
    expected = np.random.default_rng(0).normal(0, 1, (4, 1, 50)).astype(np.float32)
    got = expected.copy()
    got[0, 0, 7] = np.nextafter(got[0, 0, 7], np.float32(9))
    assert name_cause(expected, got).name == "rounding"
    assert name_cause(expected, expected * np.float32(3)).name == "scale"
    got[1] = np.nan
    assert name_cause(expected, got).name == "unknown"


def square() -> bytes:
    """FULLY_CONNECTED of 12 to 12: its weights transposed have the same shape."""
    weights = np.random.default_rng(2).integers(-127, 128, (12, 12), np.int8)
    tensors = [
        TensorSpec((1, 12), scale=0.05, name="x"),
        TensorSpec((12, 12), scale=0.01, data=weights, name="weights"),
        TensorSpec((12,), "int32", 5e-4, data=np.zeros(12, np.int32), name="bias"),
        TensorSpec((1, 12), scale=0.2, name="y"),
    ]
    return build(tensors, [OpSpec("FULLY_CONNECTED", (0, 1, 2), (3,), {})], [0], [3])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """block/ and square/, exported projects, beside their models."""
    need_packages("tflite_micro")
    folder = tmp_path_factory.mktemp("causes")
    for name, data in (("block", block()), ("square", square())):
        (folder / f"{name}.tflite").write_bytes(data)
        export_c(folder / f"{name}.tflite", folder / name, name=name)
    return folder


def number(pattern: str, change: int) -> Edit:
    """Adds to the number behind a pattern."""
    return lambda text: re.sub(
        rf"({pattern})(-?\d+)", lambda m: m[1] + str(int(m[2]) + change), text, count=1, flags=re.DOTALL
    )


def transposed(text: str) -> str:
    found = re.search(r"square_op0_weights\[144\] = \{(.*?)\}", text, re.DOTALL)
    assert found is not None
    table = np.array([int(value) for value in found[1].split(",")]).reshape(12, 12).T.ravel()
    return text.replace(found[1], ", ".join(map(str, table)))


def rounded_once(text: str) -> str:
    """Requantization with one rounding, as newer TFLite does."""
    once = "(int32_t)(((int64_t)sum * multiplier + constant * ((int64_t)1 << 31)) >> (31 + shift))"
    return text.replace("(x - (x < 0 ? 1 : 0) + constant) >> shift", once)


EDITS: list[tuple[str, str, Edit, int, str]] = [
    ("block", "block.c", number(r"op0_0 = .*?/\* value \*/ \{", 3), 0, "padding"),
    ("block", "block_weights.c", number(r"block_op1_shift\[4\] = \{\s*-?\d+, ", 1), 1, "channel"),
    ("block", "block_weights.c", number(r"block_op1_bias\[4\] = \{\s*(?:-?\d+, ){2}", 3000), 1, "channel"),
    ("block", "block.c", number(r"op2 = .*?/\* activation_max \*/ ", -40), 2, "saturation"),
    ("block", "block.c", number(r"op2 = .*?/\* constant \*/ ", 1 << 23), 2, "offset"),
    ("block", "block.c", number(r"op2 = .*?/\* shift \*/ ", 1), 2, "scale"),
    ("block", "edgenet_nn.h", rounded_once, 1, "rounding"),
    ("square", "square_weights.c", transposed, 0, "layout"),
]


@pytest.mark.parametrize(("name", "file", "change", "operator", "cause"), EDITS)
def test_causes_of_changed_c(
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    file: str,
    change: Edit,
    operator: int,
    cause: str,
) -> None:
    monkeypatch.setattr("firmware_export.prove.EDITED_SAMPLES", 0)
    project = tmp_path / name
    shutil.copytree(exported / name, project)
    text = (project / file).read_text(encoding="utf-8")
    assert change(text) != text
    (project / file).write_text(change(text), encoding="utf-8")
    proof = prove(exported / f"{name}.tflite", project=project, count=40, runtimes=("tflm", "host"))
    difference = proof.runtime("host").difference
    assert difference is not None
    assert difference.operator == operator
    assert difference.cause.name == cause, difference
    assert 1 <= len(difference.elements) <= 5
    assert all(one.expected != one.got and len(one.position) >= 2 for one in difference.elements)
    assert f"looks like {cause} (" in proof.message

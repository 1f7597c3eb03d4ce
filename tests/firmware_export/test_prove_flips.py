"""One constant of the generated C changed, in twelve places: the proof fails each time and names the operator."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from edits import member, table
from needs import need_packages
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export.project import export_c
from firmware_export.prove import prove

DIGITS = Path(__file__).resolve().parents[2] / "models" / "digits" / "model_int8.tflite"


def block(zero: int = -5) -> bytes:
    """A network with a pad of its own, a depthwise convolution and a residual addition; `zero` is what is padded.

    The addition needs the padded values too, so the padding can't become part of the convolution.
    """
    rng = np.random.default_rng(4)
    weights = rng.integers(-127, 128, (1, 3, 3, 4), np.int8)
    tensors = [
        TensorSpec((1, 8, 8, 4), scale=0.05, zero_point=zero),
        TensorSpec((4, 2), "int32", None, data=np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)),
        TensorSpec((1, 10, 10, 4), scale=0.05, zero_point=zero, name="padded"),
        TensorSpec((1, 3, 3, 4), scale=[0.01, 0.008, 0.012, 0.009], axis=3, data=weights),
        TensorSpec((4,), "int32", [5e-4, 4e-4, 6e-4, 4.5e-4], data=rng.integers(-500, 500, 4, np.int32)),
        TensorSpec((1, 10, 10, 4), scale=0.2, zero_point=3, name="filtered"),
        TensorSpec((1, 10, 10, 4), scale=0.22, zero_point=1, name="sum"),
    ]
    ops = [
        OpSpec("PAD", (0, 1), (2,), {}),
        OpSpec("DEPTHWISE_CONV_2D", (2, 3, 4), (5,), {"padding": 0, "stride_w": 1, "stride_h": 1, "depth_multiplier": 1,
                                                     "dilation_w": 1, "dilation_h": 1}),
        OpSpec("ADD", (5, 2), (6,), {}),
    ]  # fmt: skip
    return build(tensors, ops, [0], [6])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits/ and block/, the exported projects, and block.tflite."""
    need_packages("tflite_micro", "ziglang", "unicorn", "elftools")
    folder = tmp_path_factory.mktemp("flips")
    (folder / "block.tflite").write_bytes(block())
    export_c(DIGITS, folder / "digits", name="digits")
    export_c(folder / "block.tflite", folder / "block", name="block")
    return folder


def edit(path: Path, pattern: str, change: int) -> None:
    """Adds to the integer that the pattern's only group matches first; takes away where int8 would end."""
    text = path.read_text(encoding="utf-8")
    match = re.search(pattern, text, re.DOTALL)
    assert match is not None, f"{path.name} has no {pattern}"
    old = int(match[1])
    new = old - change if abs(old) <= 128 and not -128 <= old + change <= 127 else old + change
    path.write_text(text[: match.start(1)] + str(new) + text[match.end(1) :], encoding="utf-8")


PLACES = [
    ("digits", "digits_weights.c", table("digits_op0_weights", 4), 40, 0, "CONV_2D"),
    ("digits", "digits_weights.c", table("digits_op3_weights", 700), 90, 3, "CONV_2D"),
    ("digits", "digits_weights.c", table("digits_op1_bias", 5), 4000, 1, "CONV_2D"),
    ("digits", "digits_weights.c", table("digits_op2_multiplier", 2), -(1 << 27), 2, "CONV_2D"),
    ("digits", "digits_weights.c", table("digits_op4_shift", 3), 1, 4, "CONV_2D"),
    ("digits", "digits.c", member(0, "pad_value"), 1, 0, "CONV_2D"),
    ("digits", "digits.c", member(5, "output_offset"), 1, 5, "MEAN"),
    ("digits", "digits_weights.c", table("digits_op6_bias", 9), 3000, 6, "FULLY_CONNECTED"),
    ("digits", "digits.c", member(7, "multiplier"), 1 << 26, 7, "SOFTMAX"),
    ("block", "block.c", r"op0_0 = \{[^;]*?/\* value \*/ \{(-?\d+)", 1, 0, "PAD"),
    ("block", "block_weights.c", table("block_op1_shift", 1), 1, 1, "DEPTHWISE_CONV_2D"),
    ("block", "block.c", member(2, "activation_max"), -40, 2, "ADD"),
]


@pytest.mark.parametrize(("name", "file", "pattern", "change", "operator", "kind"), PLACES)
@pytest.mark.slow
def test_a_changed_constant_fails_the_proof_and_names_its_operator(
    exported: Path, tmp_path: Path, name: str, file: str, pattern: str, change: int, operator: int, kind: str
) -> None:
    model = DIGITS if name == "digits" else exported / "block.tflite"
    project = tmp_path / name
    shutil.copytree(exported / name, project)
    edit(project / file, pattern, change)
    proof = prove(model, project=project, count=16, cortex_count=4)
    assert not proof.proved
    assert proof.verdict == "differs"
    for runtime in ("host", "cortex-m4"):
        difference = proof.runtime(runtime).difference
        assert difference is not None, runtime
        assert (difference.operator, difference.type) == (operator, kind), runtime
    assert proof.runtime("numpy").status == "ok"
    assert f"operator {operator} {kind} (output '" in proof.message


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "block"])
def test_the_same_projects_unchanged_are_proved(exported: Path, name: str) -> None:
    model = DIGITS if name == "digits" else exported / "block.tflite"
    proof = prove(model, project=exported / name, count=16, cortex_count=4)
    assert proof.proved, proof.message

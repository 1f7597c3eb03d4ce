from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chosen import chosen_kernels
from single_op import Single, check, model, run_c, several, tflm_outputs
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import reference
from firmware_export.graph import Array
from firmware_export.reader import read_tflite
from firmware_export.targets import ANY_TARGET, find_target

SCALES = [(0.003, 1.0), (0.02, 1.0), (0.0625, 1.0), (0.1, 0.7), (0.13, 1.0), (0.5, 0.5), (0.6, 2.0)]
"""(input scale, beta). From beta * scale = 1/16 on the least difference that counts lies within int8's range."""


@pytest.mark.parametrize(
    ("shape", "scale", "beta"),
    [
        ((10,), 0.1, 1.0),
        ((3, 7), 0.02, 1.0),
        ((2, 1, 3, 2, 5), 0.1, 1.3),
        ((1, 2, 2, 4), 0.7, 0.5),
        ((1, 3), 2.5, 1.0),
        ((1, 500), 0.0005, 1.0),
    ],
)
def test_bits_are_those_of_tflite_micro(
    shape: tuple[int, ...], scale: float, beta: float, tmp_path: Path, compiler: str
) -> None:
    output = TensorSpec(shape, scale=1 / 256, zero_point=-128)
    check(
        model("SOFTMAX", [TensorSpec(shape, scale=scale, zero_point=3)], [output], {"beta": beta}), tmp_path, compiler
    )


def every_difference(classes: int) -> Array:
    """int8 (256, classes): in each row 127, another value below it by 0 to 255, and no value above that one."""
    source = np.random.RandomState(classes)
    rows = np.stack([source.randint(-128, value + 1, classes) for value in range(-128, 128)])
    for i, row in enumerate(rows):
        row[i % classes], row[(i + 1) % classes] = 127, i - 128
    return rows.astype(np.int8)


@pytest.mark.parametrize("classes", [2, 10, pytest.param(100, marks=pytest.mark.slow)])
def test_every_difference_at_many_scales(classes: int, tmp_path: Path, compiler: str) -> None:
    """One network that holds a SOFTMAX for each of the scales."""
    rows, count = every_difference(classes), len(SCALES)
    tensors = [TensorSpec(rows.shape, scale=scale, zero_point=3) for scale, _ in SCALES]
    tensors += [TensorSpec(rows.shape, scale=1 / 256, zero_point=-128)] * count
    ops = [OpSpec("SOFTMAX", (i,), (count + i,), {"beta": beta}) for i, (_, beta) in enumerate(SCALES)]
    data = build(tensors, ops, list(range(count)), list(range(count, 2 * count)))
    inputs = [rows[np.newaxis]] * count
    expected = tflm_outputs(data, inputs)
    for got, want in zip(reference.run(read_tflite(data, "single.tflite"), inputs), expected, strict=True):
        np.testing.assert_array_equal(got, want)
    for (scale, beta), want in zip(SCALES, expected, strict=True):
        powers = np.exp(beta * scale * (rows - 127.0))
        assert np.max(np.abs((want[0] + 128.0) / 256 - powers / powers.sum(axis=1, keepdims=True))) < 1.01 / 256
    run_c(data, tmp_path, compiler, inputs, expected)


@pytest.mark.parametrize("classes", [512, 4095, 4096, 9000])
def test_more_equal_logits_than_tflite_micro_takes(classes: int, tmp_path: Path, compiler: str) -> None:
    """It stops at a shift by 32 bits; every probability is just below half a step."""
    shape = (1, classes)
    output = TensorSpec(shape, scale=1 / 256, zero_point=-128)
    data = model("SOFTMAX", [TensorSpec(shape, scale=0.1, zero_point=3)], [output], {"beta": 1.0})
    inputs = [np.full((1, *shape), 7, np.int8)]
    expected = [np.full((1, *shape), -128, np.int8)]
    np.testing.assert_array_equal(reference.run(read_tflite(data, "single.tflite"), inputs)[0], expected[0])
    run_c(data, tmp_path, compiler, inputs, expected)


def test_more_classes_than_the_sum_has_room_for(tmp_path: Path, compiler: str) -> None:
    """If all were alike, the sum would need 13 integer bits; they are not."""
    shape = (1, 5000)
    output = TensorSpec(shape, scale=1 / 256, zero_point=-128)
    data = model("SOFTMAX", [TensorSpec(shape, scale=0.1, zero_point=3)], [output], {"beta": 1.0})
    inputs = [np.random.RandomState(5).randint(-128, 128, (4, *shape)).astype(np.int8)]
    inputs[0][1:, 0, ::7] = np.array([[-128], [60], [100]])
    inputs[0][2:, 0, 7] = 127
    check(data, tmp_path, compiler, inputs=inputs)


def test_exponentials_come_from_a_table_where_that_is_small(tmp_path: Path, compiler: str) -> None:
    cases = [
        Single(
            "SOFTMAX",
            [TensorSpec((1, 9), scale=scale)],
            [TensorSpec((1, 9), scale=1 / 256, zero_point=-128)],
            {"beta": 1.0},
        )
        for scale in (0.1, 0.2, 1.0)
    ]
    taking = replace(find_target("cortex-m3"), take=frozenset({"SOFTMAX_TABLE"}))
    assert chosen_kernels(cases, taking) == ["softmax_s8", "softmax_table_s8", "softmax_table_s8"]
    assert chosen_kernels(cases, ANY_TARGET) == ["softmax_s8"] * 3
    check(several(cases), tmp_path, compiler, target=taking)

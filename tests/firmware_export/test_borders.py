"""Whole networks whose inputs and outputs are not int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from single_op import check, linear_specs
from tflite_builder import OpSpec, TensorSpec, build

pytestmark = pytest.mark.slow

PROBABILITIES = (1 / 256, -128)
STRIDES = {"stride_h": 2, "stride_w": 2}


def constant(*values: int) -> TensorSpec:
    return TensorSpec((len(values),), "int32", None, data=np.array(values, np.int32))


def filters(shape: tuple[int, ...], channels: int) -> list[TensorSpec]:
    return linear_specs(5, shape, channels, axis=0, per_channel=True, bias=True, input_scale=0.05)


def test_float_to_float(tmp_path: Path, compiler: str) -> None:
    """A classifier as converters make it by default, with a second output that is cut off early, as uint8."""
    tensors = [
        TensorSpec((1, 5, 5, 2), "float32", None),
        TensorSpec((1, 5, 5, 2), scale=0.05, zero_point=3),
        *filters((4, 3, 3, 2), 4),
        TensorSpec((1, 3, 3, 4), scale=0.3, zero_point=-5),
        constant(1, 2),
        TensorSpec((1, 4), scale=0.2, zero_point=3),
        TensorSpec((1, 4), scale=PROBABILITIES[0], zero_point=PROBABILITIES[1]),
        TensorSpec((1, 4), "float32", None),
        TensorSpec((1, 3, 3, 4), "uint8", 0.3, 123),
    ]
    ops = [
        OpSpec("QUANTIZE", (0,), (1,), {}),
        OpSpec("CONV_2D", (1, 2, 3), (4,), {**STRIDES, "activation": 1}),
        OpSpec("MEAN", (4, 5), (6,), {}),
        OpSpec("SOFTMAX", (6,), (7,), {"beta": 1.0}),
        OpSpec("DEQUANTIZE", (7,), (8,), {}),
        OpSpec("QUANTIZE", (4,), (9,), {}),
    ]
    check(build(tensors, ops, [0], [8, 9]), tmp_path, compiler)


def test_bytes_to_indices_and_floats(tmp_path: Path, compiler: str) -> None:
    """Down and up again, every pixel's class, and the largest value of each as float."""
    tensors = [
        TensorSpec((1, 6, 5, 3), "uint8", 0.05, 128),
        TensorSpec((1, 6, 5, 3), scale=0.05),
        *filters((4, 3, 3, 3), 4),
        TensorSpec((1, 3, 3, 4), scale=0.3, zero_point=-5),
        constant(1, 6, 6, 3),
        *filters((3, 3, 3, 4), 3),
        TensorSpec((1, 6, 6, 3), scale=0.8, zero_point=4),
        constant(11, 9),
        TensorSpec((1, 11, 9, 3), scale=0.8, zero_point=4),
        constant(3),
        TensorSpec((1, 11, 9), "int32", None),
        TensorSpec((1, 11, 9), scale=0.8, zero_point=4),
        TensorSpec((1, 11, 9), "float32", None),
    ]
    ops = [
        OpSpec("QUANTIZE", (0,), (1,), {}),
        OpSpec("CONV_2D", (1, 2, 3), (4,), STRIDES),
        OpSpec("TRANSPOSE_CONV", (5, 6, 4, 7), (8,), STRIDES),
        OpSpec("RESIZE_BILINEAR", (8, 9), (10,), {"half_pixel_centers": True}),
        OpSpec("ARG_MAX", (10, 11), (12,), {}),
        OpSpec("REDUCE_MAX", (10, 11), (13,), {}),
        OpSpec("DEQUANTIZE", (13,), (14,), {}),
    ]
    check(build(tensors, ops, [0], [12, 14]), tmp_path, compiler)

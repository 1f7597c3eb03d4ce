"""Parts of drawn models: shapes, scales, zero points, constants, windows, filters."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "firmware_export"))

from tflite_builder import TensorSpec

Rng: TypeAlias = np.random.Generator
SAME, VALID = 0, 1


def one_of(rng: Rng, *items: Any) -> Any:
    """One of the items."""
    return items[rng.integers(len(items))]


def some_zero(rng: Rng) -> int:
    """A zero point, often at a limit."""
    return int(one_of(rng, -128, 127, 0, rng.integers(-128, 128), rng.integers(-128, 128)))


def some_scale(rng: Rng, low: float = 0.005, high: float = 0.2) -> float:
    """A float32 scale, evenly drawn in its logarithm."""
    return float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))


def some_tensor(rng: Rng, shape: Sequence[int], **more: Any) -> TensorSpec:
    """A computed int8 tensor."""
    return TensorSpec(tuple(shape), **{"scale": some_scale(rng), "zero_point": some_zero(rng), **more})


def like(spec: TensorSpec, shape: Sequence[int], **more: Any) -> TensorSpec:
    """A tensor with the quantization of `spec`."""
    return TensorSpec(tuple(shape), spec.dtype, **{"scale": spec.scale, "zero_point": spec.zero_point, **more})


def some_shape(rng: Rng, rank: int | None = None, high: int = 7) -> tuple[int, ...]:
    """Extents of one to four axes."""
    count = int(rng.integers(1, 5)) if rank is None else rank
    return tuple(int(n) for n in rng.integers(1, high, count))


def ints(values: Any, shape: tuple[int, ...] | None = None) -> TensorSpec:
    """A constant of int32."""
    data = np.array(values, np.int32)
    return TensorSpec(data.shape if shape is None else shape, "int32", None, data=data.reshape(shape or data.shape))


def some_int8(rng: Rng, shape: Sequence[int], low: int = -128) -> Any:
    """Values of a constant."""
    return rng.integers(low, 128, tuple(shape)).astype(np.int8)


def some_filter(rng: Rng, shape: tuple[int, ...], channels: int, axis: int, source: TensorSpec) -> list[TensorSpec]:
    """Weights and perhaps a bias, with one scale or one per channel."""
    many = bool(rng.integers(2))
    scales = rng.uniform(0.001, 0.02, channels if many else 1).astype(np.float32)
    weights = TensorSpec(shape, scale=list(scales), axis=axis if many else 0, data=some_int8(rng, shape, -127))
    if rng.integers(5) == 0:
        return [weights]
    bias_scales = list((scales * np.float32(source.scale)).astype(np.float32))  # type: ignore[arg-type]
    values = rng.integers(-3000, 3000, channels).astype(np.int32)
    return [weights, TensorSpec((channels,), "int32", bias_scales, data=values)]


def sum_output(rng: Rng, source: TensorSpec, taps: int, shape: Sequence[int]) -> TensorSpec:
    """An output whose scale suits sums of so many products."""
    spread = float(source.scale) * 0.01 * 73 * 73 * np.sqrt(taps) / 60  # type: ignore[arg-type]
    return some_tensor(rng, shape, scale=float(np.float32(spread * rng.uniform(0.5, 2))))


def some_window(rng: Rng, *, dilate: bool) -> tuple[dict[str, int], list[int], list[int], list[int]]:
    """(options, filter size, input size, output size) of a window over height and width."""
    size = [int(n) for n in rng.integers(1, 6, 2)]
    stride = [int(n) for n in rng.integers(1, 4, 2)]
    dilation = [int(n) for n in (rng.integers(1, 4, 2) if dilate and rng.integers(3) == 0 else (1, 1))]
    reach = [(size[i] - 1) * dilation[i] + 1 for i in range(2)]
    padding = int(rng.integers(2))
    extent = [int(rng.integers(1 if padding == SAME else reach[i], reach[i] + 9)) for i in range(2)]
    used = [1 if padding == SAME else reach[i] for i in range(2)]
    out = [(extent[i] + stride[i] - used[i]) // stride[i] for i in range(2)]
    options = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1], "activation": some_activation(rng)}
    if dilate:
        options |= {"dilation_h": dilation[0], "dilation_w": dilation[1]}
    return options, size, extent, out


def some_activation(rng: Rng) -> int:
    """A fused activation."""
    return int(one_of(rng, 0, 0, 1, 3))

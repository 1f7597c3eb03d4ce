"""Models of one operator, drawn at random but the same in every run: shapes, strides, paddings, scales, zero points.

`DRAW` maps each operator to a function that draws one model; `cases()` draws as many of each as `COUNTS` says. What is
drawn is valid TensorFlow Lite; where TensorFlow Lite Micro does not run it, its own message tells.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from drawing import (
    SAME,
    Rng,
    ints,
    like,
    one_of,
    some_activation,
    some_filter,
    some_int8,
    some_scale,
    some_shape,
    some_tensor,
    some_window,
    some_zero,
    sum_output,
)
from single_op import model
from tflite_builder import TensorSpec

SEED = 20261124


@dataclass(frozen=True)
class Case:
    """One model: `name` is its operator and number."""

    operator: str
    name: str
    data: bytes


def cases(only: str | None = None) -> Iterator[Case]:
    """All models, operator by operator; `only` those of one operator."""
    for operator, draw in DRAW.items():
        if only in (None, operator):
            for number in range(COUNTS.get(operator, 12)):
                rng = np.random.default_rng([SEED, zlib.crc32(operator.encode()), number])
                yield Case(operator, f"{operator.lower()}-{number:03}", draw(operator, rng))


def conv2d(operator: str, rng: Rng) -> bytes:
    """CONV_2D, sometimes with groups and a batch."""
    options, size, extent, out = some_window(rng, dilate=True)
    batch, groups = int(one_of(rng, 1, 1, 1, 2)), int(one_of(rng, 1, 1, 1, 2))
    depth, filters = int(rng.integers(1, 9)), groups * int(rng.integers(1, 9))
    source = some_tensor(rng, (batch, *extent, depth * groups))
    linear = some_filter(rng, (filters, *size, depth), filters, 0, source)
    output = sum_output(rng, source, depth * size[0] * size[1], (batch, *out, filters))
    return model(operator, [source, *linear], [output], options)


def depthwise(operator: str, rng: Rng) -> bytes:
    """DEPTHWISE_CONV_2D with multipliers from 1 to 3."""
    options, size, extent, out = some_window(rng, dilate=True)
    batch, depth, times = int(one_of(rng, 1, 1, 2)), int(rng.integers(1, 9)), int(one_of(rng, 1, 1, 2, 3))
    source = some_tensor(rng, (batch, *extent, depth))
    linear = some_filter(rng, (1, *size, depth * times), depth * times, 3, source)
    output = sum_output(rng, source, size[0] * size[1], (batch, *out, depth * times))
    return model(operator, [source, *linear], [output], options | {"depth_multiplier": times})


def fully_connected(operator: str, rng: Rng) -> bytes:
    """FULLY_CONNECTED on inputs of several ranks."""
    depth, channels, keep = int(rng.integers(1, 40)), int(rng.integers(1, 12)), bool(rng.integers(2))
    lead = some_shape(rng, int(rng.integers(1, 4)), 4)
    source = some_tensor(rng, (*lead, depth))
    linear = some_filter(rng, (channels, depth), channels, 0, source)
    shape = (*lead, channels) if keep else (int(np.prod(lead)), channels)
    output = sum_output(rng, source, depth, shape)
    return model(operator, [source, *linear], [output], {"activation": some_activation(rng), "keep_num_dims": keep})


def transpose_conv(operator: str, rng: Rng) -> bytes:
    """TRANSPOSE_CONV: the convolution that its output would need gives its input's size."""
    size, stride = [int(n) for n in rng.integers(1, 5, 2)], [int(n) for n in rng.integers(1, 4, 2)]
    padding, out = int(rng.integers(2)), [int(n) for n in rng.integers(5, 12, 2)]
    used = [1 if padding == SAME else size[i] for i in range(2)]
    extent = [(out[i] + stride[i] - used[i]) // stride[i] for i in range(2)]
    depth, filters = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    source = some_tensor(rng, (1, *extent, depth))
    linear = some_filter(rng, (filters, *size, depth), filters, 0, source)
    output = sum_output(rng, source, depth * size[0] * size[1], (1, *out, filters))
    options = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1]}
    return model(operator, [ints([1, *out, filters]), linear[0], source, *linear[1:]], [output], options)


def pool(operator: str, rng: Rng) -> bytes:
    """Pools: filter sizes up to 5, any stride."""
    options, size, extent, out = some_window(rng, dilate=False)
    depth = int(rng.integers(1, 9))
    source = some_tensor(rng, (int(one_of(rng, 1, 2)), *extent, depth))
    output = like(source, (source.shape[0], *out, depth))
    return model(operator, [source], [output], options | {"filter_h": size[0], "filter_w": size[1]})


def binary(operator: str, rng: Rng) -> bytes:
    """Two operands that broadcast, computed or constant."""
    shape = some_shape(rng)
    drop = rng.integers(3, size=len(shape)) == 0
    other = tuple(1 if gone else n for n, gone in zip(shape, drop, strict=True))[int(one_of(rng, 0, 0, 1)) :]
    first, second = some_tensor(rng, shape), some_tensor(rng, other or (1,))
    if rng.integers(2):
        first, second = second, first
    if rng.integers(3) == 0:
        second = like(second, second.shape, data=some_int8(rng, second.shape))
    scale = {"MUL": float(first.scale) * float(second.scale) * 60}  # type: ignore[arg-type]
    output = some_tensor(rng, shape, scale=float(np.float32(scale.get(operator, some_scale(rng, 0.02, 0.4)))))
    return model(operator, [first, second], [output], {"activation": some_activation(rng)})


def extremum(operator: str, rng: Rng) -> bytes:
    """MINIMUM and MAXIMUM: one quantization for all."""
    shape = some_shape(rng)
    other = tuple(1 if gone else n for n, gone in zip(shape, rng.integers(3, size=len(shape)) == 0, strict=True))
    first = some_tensor(rng, shape)
    second = like(first, other)
    return model(operator, [first, second], [like(first, shape)])


def unary(operator: str, rng: Rng) -> bytes:
    """Operators that map values one by one; all 256 of them appear."""
    source = some_tensor(rng, (1, 16, 16), scale=some_scale(rng, 0.005, 0.1))
    fixed = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
    scale, zero = fixed.get(operator, (float(source.scale) * rng.uniform(0.5, 2), some_zero(rng)))  # type: ignore[arg-type]
    if operator == "RELU6":  # where TFLite Micro forgets to rescale, it is no oracle
        scale, zero = source.scale, source.zero_point  # type: ignore[assignment]
    options = {"alpha": float(np.float32(rng.uniform(0.01, 0.6)))} if operator == "LEAKY_RELU" else {}
    return model(
        operator, [source], [some_tensor(rng, source.shape, scale=float(np.float32(scale)), zero_point=zero)], options
    )


def prelu(operator: str, rng: Rng) -> bytes:
    """PRELU: a slope for each channel, or for each element."""
    shape = (1, *some_shape(rng, 3))
    source = some_tensor(rng, shape)
    slopes = one_of(rng, (1, 1, shape[3]), shape[1:])
    alpha = TensorSpec(slopes, scale=some_scale(rng, 0.002, 0.02), zero_point=0, data=some_int8(rng, slopes))
    return model(operator, [source, alpha], [some_tensor(rng, shape, scale=source.scale)])


def softmax(operator: str, rng: Rng) -> bytes:
    """SOFTMAX over the last axis."""
    shape = (*some_shape(rng, int(rng.integers(1, 4)), 4), int(rng.integers(2, 20)))
    source = some_tensor(rng, shape, scale=some_scale(rng, 0.02, 0.3))
    beta = float(one_of(rng, 1.0, 1.0, 0.5))
    return model(operator, [source], [TensorSpec(shape, scale=1 / 256, zero_point=-128)], {"beta": beta})


def reduce(operator: str, rng: Rng) -> bytes:
    """MEAN, SUM, REDUCE_MAX over one or more axes."""
    shape, keep = some_shape(rng, int(rng.integers(2, 5))), bool(rng.integers(2))
    rank = len(shape)
    axes = sorted(int(n) for n in rng.choice(rank, rng.integers(1, rank + 1), replace=False))
    left = [(1 if keep else None) if i in axes else n for i, n in enumerate(shape)]
    source = some_tensor(rng, shape)
    grows = np.sqrt(np.prod([shape[i] for i in axes])) if operator == "SUM" else 1.0
    out = tuple(n for n in left if n is not None)
    same = operator == "REDUCE_MAX" or bool(rng.integers(2))
    output = like(source, out) if same else some_tensor(rng, out, scale=float(np.float32(float(source.scale) * grows)))  # type: ignore[arg-type]
    written = [axis - rank if rng.integers(4) == 0 else axis for axis in axes]
    return model(operator, [source, ints(written)], [output], {"keep_dims": keep})


def arg_max(operator: str, rng: Rng) -> bytes:
    """ARG_MAX along one axis, int32."""
    shape = some_shape(rng, int(rng.integers(2, 5)))
    axis = int(rng.integers(len(shape)))
    out = shape[:axis] + shape[axis + 1 :]
    return model(
        operator, [some_tensor(rng, shape), ints(axis, ())], [TensorSpec(out, "int32", None)], {"output_type": 2}
    )


def pad(operator: str, rng: Rng) -> bytes:
    """PAD, PADV2 and MIRROR_PAD over up to four axes."""
    shape = some_shape(rng, int(rng.integers(1, 5)), 6)
    mode = int(rng.integers(2))
    most = [n - (1 - mode) if operator == "MIRROR_PAD" else 4 for n in shape]
    pads = [[int(rng.integers(0, max(high, 0) + 1)) for _ in range(2)] for high in most]
    source = some_tensor(rng, shape)
    inputs = [source, ints(pads)]
    if operator == "PADV2":
        inputs.append(like(source, (), data=some_int8(rng, ())))
    output = like(source, [n + a + b for n, (a, b) in zip(shape, pads, strict=True)])
    return model(operator, inputs, [output], {"mode": mode} if operator == "MIRROR_PAD" else {})


def space_batch(operator: str, rng: Rng) -> bytes:
    """SPACE_TO_BATCH_ND without padding, for which TFLite Micro is no oracle, and BATCH_TO_SPACE_ND."""
    count = int(rng.integers(1, 3))
    block, inner = some_shape(rng, count, 4), some_shape(rng, count, 6)
    before = [int(rng.integers(0, 4)) for _ in block]
    if operator == "SPACE_TO_BATCH_ND":
        inner, before = tuple(n * size for n, size in zip(inner, block, strict=True)), [0] * count
    margins = [[a, -(n + a) % size] for n, a, size in zip(inner, before, block, strict=True)]
    batch, channels = some_shape(rng, 2, 4)
    space = some_tensor(rng, (batch, *inner, channels))
    extents = ((n + sum(pair)) // size for n, pair, size in zip(inner, margins, block, strict=True))
    blocks = like(space, (batch * int(np.prod(block)), *extents, channels))
    source, target = (space, blocks) if operator == "SPACE_TO_BATCH_ND" else (blocks, space)
    return model(operator, [source, ints(block), ints(margins)], [target])


def concatenation(operator: str, rng: Rng) -> bytes:
    """CONCATENATION of up to four inputs, one of them perhaps constant."""
    shape = some_shape(rng)
    axis = int(rng.integers(-len(shape), len(shape)))
    first = some_tensor(rng, shape)
    parts = [first]
    for _ in range(int(rng.integers(0, 4))):
        size = [int(rng.integers(1, 5)) if i == axis % len(shape) else n for i, n in enumerate(shape)]
        parts.append(like(first, size, **({"data": some_int8(rng, size)} if rng.integers(3) == 0 else {})))
    joined = [sum(p.shape[i] for p in parts) if i == axis % len(shape) else n for i, n in enumerate(shape)]
    return model(operator, parts, [like(first, joined)], {"axis": axis})


def split(operator: str, rng: Rng) -> bytes:
    """SPLIT into equal parts and SPLIT_V into others."""
    shape = list(some_shape(rng))
    axis, count = int(rng.integers(len(shape))), int(rng.integers(1, 4))
    sizes = [int(rng.integers(1, 4))] * count if operator == "SPLIT" else [int(n) for n in rng.integers(1, 4, count)]
    shape[axis] = sum(sizes)
    source = some_tensor(rng, shape)
    outputs = [like(source, [*shape[:axis], n, *shape[axis + 1 :]]) for n in sizes]
    inputs = [ints(axis, ()), source] if operator == "SPLIT" else [source, ints(sizes), ints(axis, ())]
    return model(operator, inputs, outputs, {"num_splits": count})


def slice_(operator: str, rng: Rng) -> bytes:
    """SLICE, where -1 is the rest."""
    shape = some_shape(rng)
    begin = [int(rng.integers(n)) for n in shape]
    size = [int(rng.integers(1, n - b + 1)) for n, b in zip(shape, begin, strict=True)]
    source = some_tensor(rng, shape)
    written = [-1 if b + s == n and rng.integers(2) else s for n, b, s in zip(shape, begin, size, strict=True)]
    return model(operator, [source, ints(begin), ints(written)], [like(source, size)])


def strided_slice(operator: str, rng: Rng) -> bytes:
    """STRIDED_SLICE with masks and negative strides."""
    shape = some_shape(rng)
    rank = len(shape)
    begin, end = ([int(rng.integers(-n, n)) for n in shape] for _ in range(2))
    strides = [int(one_of(rng, 1, 1, 2, -1, -2)) for _ in shape]
    masks = {f"{key}_mask": int(rng.integers(1 << rank)) for key in ("begin", "end")}
    shrink = int(rng.integers(1 << rank)) & int(rng.integers(1 << rank))
    where: list[Any] = []
    for i in range(rank):
        low = None if masks["begin_mask"] >> i & 1 else begin[i]
        high = None if masks["end_mask"] >> i & 1 else end[i]
        where.append(begin[i] if shrink >> i & 1 else slice(low, high, strides[i]))
        if shrink >> i & 1:
            strides[i], end[i] = 1, begin[i] + 1 if begin[i] != -1 else shape[i]
            masks = {key: mask & ~(1 << i) for key, mask in masks.items()}
    out = np.empty(shape, np.int8)[tuple(where)].shape
    if 0 in out:
        return strided_slice(operator, rng)
    source = some_tensor(rng, shape)
    tensors = [source, ints(begin), ints(end), ints(strides)]
    return model(operator, tensors, [like(source, out)], {**masks, "shrink_axis_mask": shrink})


def transpose(operator: str, rng: Rng) -> bytes:
    """TRANSPOSE by any permutation."""
    shape = some_shape(rng)
    order = [int(n) for n in rng.permutation(len(shape))]
    source = some_tensor(rng, shape)
    return model(operator, [source, ints(order)], [like(source, [shape[n] for n in order])])


def view(operator: str, rng: Rng) -> bytes:
    """RESHAPE, SQUEEZE, EXPAND_DIMS."""
    shape = some_shape(rng)
    source = some_tensor(rng, shape)
    if operator == "EXPAND_DIMS":
        axis = int(rng.integers(len(shape) + 1))
        return model(operator, [source, ints(axis, ())], [like(source, [*shape[:axis], 1, *shape[axis:]])])
    if operator == "SQUEEZE":
        source = like(source, (1, *shape, 1))
        return model(operator, [source], [like(source, shape)], {"squeeze_dims": (0, len(shape) + 1)})
    flat = int(np.prod(shape))
    return model(operator, [source, ints([1, flat])], [like(source, (1, flat))], {"new_shape": (1, flat)})


def pack(operator: str, rng: Rng) -> bytes:
    """PACK and UNPACK along any axis."""
    shape = some_shape(rng, int(rng.integers(1, 4)))
    axis, count = int(rng.integers(len(shape) + 1)), int(rng.integers(1, 4))
    part = some_tensor(rng, shape)
    whole = like(part, [*shape[:axis], count, *shape[axis:]])
    options = {"axis": axis, ("values_count" if operator == "PACK" else "num"): count}
    parts = [like(part, shape) for _ in range(count)]
    return model(operator, *((parts, [whole]) if operator == "PACK" else ([whole], parts)), options)


def gather(operator: str, rng: Rng) -> bytes:
    """GATHER with constant indices."""
    shape = some_shape(rng)
    axis = int(rng.integers(len(shape)))
    indices = rng.integers(0, shape[axis], int(rng.integers(1, 5)))
    source = some_tensor(rng, shape)
    out = [*shape[:axis], len(indices), *shape[axis + 1 :]]
    return model(operator, [source, ints(indices)], [like(source, out)], {"axis": axis})


def resize(operator: str, rng: Rng) -> bytes:
    """RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR in all corner conventions."""
    shape = (1, *some_shape(rng, 3))
    size = [int(n) for n in rng.integers(1, 13, 2)]
    align, half = [(False, False), (True, False), (False, True)][rng.integers(3)]
    source = some_tensor(rng, shape)
    output = like(source, (1, *size, shape[3]))
    return model(operator, [source, ints(size)], [output], {"align_corners": align, "half_pixel_centers": half})


def quantize(operator: str, rng: Rng) -> bytes:
    """QUANTIZE between int8, uint8 and float32; DEQUANTIZE."""
    shape = (4, 64)
    if operator == "DEQUANTIZE":
        zero = some_zero(rng)
        dtype = one_of(rng, "int8", "uint8")
        source = some_tensor(rng, shape, dtype=dtype, zero_point=zero if dtype == "int8" else zero + 128)
        return model(operator, [source], [TensorSpec(shape, "float32", None)])
    pairs = [("int8", "int8"), ("float32", "int8"), ("uint8", "int8"), ("int8", "uint8")]
    source_type, target_type = pairs[rng.integers(len(pairs))]
    scale, zeros = some_scale(rng), [some_zero(rng) + (128 if t == "uint8" else 0) for t in (source_type, target_type)]
    source = TensorSpec(shape, source_type, None if source_type == "float32" else scale, zeros[0])
    target = TensorSpec(shape, target_type, float(np.float32(scale * rng.uniform(0.5, 2))), zeros[1])
    return model(operator, [source], [target])


DRAW: Mapping[str, Callable[[str, Rng], bytes]] = {
    "CONV_2D": conv2d,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": fully_connected,
    "TRANSPOSE_CONV": transpose_conv,
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), pool),
    **dict.fromkeys(("ADD", "SUB", "MUL"), binary),
    **dict.fromkeys(("MINIMUM", "MAXIMUM"), extremum),
    **dict.fromkeys(("RELU", "RELU6", "LEAKY_RELU", "HARD_SWISH", "LOGISTIC", "TANH"), unary),
    "PRELU": prelu,
    "SOFTMAX": softmax,
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX"), reduce),
    "ARG_MAX": arg_max,
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), pad),
    **dict.fromkeys(("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"), space_batch),
    "CONCATENATION": concatenation,
    **dict.fromkeys(("SPLIT", "SPLIT_V"), split),
    "SLICE": slice_,
    "STRIDED_SLICE": strided_slice,
    "TRANSPOSE": transpose,
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), view),
    **dict.fromkeys(("PACK", "UNPACK"), pack),
    "GATHER": gather,
    **dict.fromkeys(("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"), resize),
    **dict.fromkeys(("QUANTIZE", "DEQUANTIZE"), quantize),
}
COUNTS: Mapping[str, int] = {
    "CONV_2D": 80,
    "DEPTHWISE_CONV_2D": 60,
    "FULLY_CONNECTED": 40,
    "TRANSPOSE_CONV": 24,
    "ADD": 24,
    "SUB": 24,
    "MUL": 24,
    "AVERAGE_POOL_2D": 24,
    "MAX_POOL_2D": 24,
    "MEAN": 20,
    "STRIDED_SLICE": 24,
    "RESIZE_NEAREST_NEIGHBOR": 20,
    "RESIZE_BILINEAR": 20,
    "QUANTIZE": 20,
    "RESHAPE": 4,
    "SQUEEZE": 4,
    "EXPAND_DIMS": 4,
}

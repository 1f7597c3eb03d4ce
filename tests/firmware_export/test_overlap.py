"""Outputs that begin before an input that they overwrite: the distances, and C that works so close to the edge."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from single_op import check, random_int8
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import planner
from firmware_export.graph import Array, Node, OptionValue
from firmware_export.kernel_choice import fits
from firmware_export.ops import OPS
from firmware_export.ops.fully_connected import SMALL_MACS
from firmware_export.ops.overlap import safe_distance
from firmware_export.ops.spec import ONLY_IN_PLACE
from firmware_export.packing import ALIGNMENT, Buffer, Packing
from firmware_export.reader import read_tflite
from firmware_export.targets import find_target

pytestmark = pytest.mark.slow

SAME, VALID = 0, 1
LOGISTIC = (1 / 256, -128)
Step = tuple[Array, Array]
"""The bytes of the input that a kernel reads, and the bytes of the output that it then writes."""


class Case:
    """LOGISTIC, the operator that is tried, LOGISTIC: so that its input and output lie in the arena."""

    def __init__(
        self,
        kind: str,
        shape: tuple[int, ...],
        constants: Sequence[TensorSpec],
        output: tuple[int, ...],
        **options: int,
    ) -> None:
        same = kind in ("MAX_POOL_2D", "AVERAGE_POOL_2D")
        tensors = [
            TensorSpec(shape, scale=0.05, zero_point=4),
            TensorSpec(shape, scale=LOGISTIC[0], zero_point=LOGISTIC[1]),
            *constants,
            TensorSpec(output, scale=LOGISTIC[0] if same else 0.02, zero_point=LOGISTIC[1] if same else -7),
            TensorSpec(output, scale=LOGISTIC[0], zero_point=LOGISTIC[1]),
        ]
        made = len(tensors) - 2
        values: dict[str, OptionValue] = dict(options)
        ops = [
            OpSpec("LOGISTIC", (0,), (1,), {}),
            OpSpec(kind, tuple(range(1, made)), (made,), values),
            OpSpec("LOGISTIC", (made,), (made + 1,), {}),
        ]
        self.data = build(tensors, ops, [0], [made + 1])
        self.graph = read_tflite(self.data, "case.tflite")
        self.node = self.graph.node(self.graph.ops[1])
        self.operator = OPS[kind]


def window_options(size: tuple[int, int], stride: tuple[int, int], padding: int) -> dict[str, int]:
    return {
        "stride_h": stride[0],
        "stride_w": stride[1],
        "padding": padding,
        "filter_h": size[0],
        "filter_w": size[1],
    }


def extents(size: tuple[int, int], reach: tuple[int, int], stride: tuple[int, int], padding: int) -> tuple[int, int]:
    height, width = ((size[i] + stride[i] - (1 if padding == SAME else reach[i])) // stride[i] for i in range(2))
    return height, width


def random_case(kind: str, source: np.random.RandomState) -> Case:
    def number(low: int, high: int) -> int:
        return int(source.randint(low, high + 1))

    batch, size, channels = number(1, 2), (number(1, 9), number(1, 9)), number(1, 9)
    shape = (batch, *size, channels)
    if kind == "FULLY_CONNECTED":
        made = number(1, 20)
        filters = TensorSpec((made, channels), data=random_int8(number(0, 999), (made, channels)), scale=0.01)
        return Case(kind, (batch * size[0], channels), [filters], (batch * size[0], made))
    if kind == "MEAN":
        axes = [axis for axis in range(4) if number(0, 1)] or [number(0, 3)]
        constant = TensorSpec((len(axes),), "int32", None, data=np.array(axes, np.int32))
        return Case(kind, shape, [constant], tuple(n for axis, n in enumerate(shape) if axis not in axes))
    stride, padding = (number(1, 3), number(1, 3)), number(0, 1)
    window = (number(1, min(4, size[0])), number(1, min(4, size[1])))
    dilation = tuple(number(1, 2) if (window[i] - 1) * 2 < size[i] and "POOL" not in kind else 1 for i in range(2))
    reach = ((window[0] - 1) * dilation[0] + 1, (window[1] - 1) * dilation[1] + 1)
    height, width = extents(size, reach, stride, padding)
    options = window_options(window, stride, padding)
    if "POOL" in kind:
        return Case(kind, shape, [], (batch, height, width, channels), **options)
    multiplier = number(1, 2)
    made = channels * multiplier if kind == "DEPTHWISE_CONV_2D" else number(1, 9)
    filter_shape = (1, *window, made) if kind == "DEPTHWISE_CONV_2D" else (made, *window, channels)
    filters = TensorSpec(filter_shape, data=random_int8(number(0, 999), filter_shape), scale=0.01)
    options |= {"dilation_h": dilation[0], "dilation_w": dilation[1], "depth_multiplier": multiplier}
    return Case(kind, shape, [filters], (batch, height, width, made), **options)


def pixels(node: Node, size: tuple[int, int]) -> Iterator[Array]:
    """The bytes that each output pixel's window sees, over all channels, by looking at each place of the window."""
    batch, height, width, channels = node.need(0).shape
    stride = (node.integer("stride_h"), node.integer("stride_w"))
    dilation = (1, 1)
    if "dilation_h" in node.op.options:
        dilation = (node.integer("dilation_h"), node.integer("dilation_w"))
    pads = []
    for axis, extent in enumerate((height, width)):
        reach = (node.output.shape[1 + axis] - 1) * stride[axis] + (size[axis] - 1) * dilation[axis] + 1
        pads.append(max(0, reach - extent) // 2 if node.integer("padding") == SAME else 0)
    for b, oy, ox in np.ndindex(batch, *node.output.shape[1:3]):
        seen = []
        for ky, kx in np.ndindex(*size):
            y, x = oy * stride[0] - pads[0] + ky * dilation[0], ox * stride[1] - pads[1] + kx * dilation[1]
            if 0 <= y < height and 0 <= x < width:
                seen.append((b * height + y) * width + x)
        yield (np.array(seen, np.int64)[:, None] * channels + np.arange(channels)).reshape(-1)


def blocks(channels: int, width: int) -> list[Array]:
    """Channels as a kernel takes them: `width` at a time while there are so many, then one by one."""
    whole = channels // width * width
    return [*np.arange(whole).reshape(-1, width), *np.arange(whole, channels).reshape(-1, 1)]


def words(channels: int, width: int) -> list[Array]:
    """Channels as a kernel with SIMD instructions takes them: `width` at a time, then four, the last four again."""
    whole = channels // width * width
    last = [np.arange(min(c, channels - 4), min(c + 4, channels)) for c in range(whole, channels, 4)]
    return [*np.arange(whole).reshape(-1, width), *last]


def dsp_steps(node: Node) -> Iterator[Step]:
    """What a kernel for cores with SIMD instructions does in order."""
    if "POOL" in node.op.type:
        channels = node.output.shape[3]
        windows = list(pixels(node, (node.integer("filter_h"), node.integer("filter_w"))))
    else:
        shape = node.need(0).shape
        channels = math.prod(shape[max(int(axis) for axis in node.constant(1) if shape[axis] > 1) + 1 :])
        windows = list(np.arange(node.need(0).size).reshape(node.output.size // channels, -1))
    for number, seen in enumerate(windows):
        for block in words(channels, 4 if "MAX" in node.op.type else 16):
            yield seen[np.isin(seen % channels, block)], number * channels + block


def steps(node: Node) -> Iterator[Step]:
    """What the kernel does in order."""
    if node.op.type.endswith("_DSP"):
        yield from dsp_steps(node)
        return
    kind, made = node.op.type, node.output.shape[-1] if node.output.shape else 1
    if kind == "FULLY_CONNECTED":
        rows, depth = node.need(0).shape
        for row in range(rows):
            for block in blocks(made, 8 if rows * depth * made > SMALL_MACS else 1):
                yield row * depth + np.arange(depth), row * made + block
    elif kind == "MEAN":
        axes = tuple(int(axis) for axis in node.constant(1))
        places = np.arange(node.need(0).size).reshape(node.need(0).shape)
        kept = np.moveaxis(places, axes, range(-len(axes), 0)).reshape(node.output.size, -1)
        for number, seen in enumerate(kept):
            yield seen, np.array([number])
    elif kind in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        for number, seen in enumerate(pixels(node, (node.integer("filter_h"), node.integer("filter_w")))):
            for block in blocks(made, 4):
                yield seen[np.isin(seen % made, block)], number * made + block
    elif kind == "CONV_2D":
        windows = list(pixels(node, node.need(1).shape[1:3]))
        for first in range(0, len(windows), 2):
            pair = windows[first : first + 2]
            yield np.concatenate(pair), first * made + np.arange(len(pair) * made)
    else:
        sizes = node.need(0).size // node.need(0).shape[0], node.output.size // node.output.shape[0]
        for b in range(node.output.shape[0]):
            for c in range(made):
                yield b * sizes[0] + np.arange(c, sizes[0], made), b * sizes[1] + np.arange(c, sizes[1], made)


def is_safe(node: Node, distance: int) -> bool:
    """Whether no step reads a byte that an earlier one overwrote, with the output so far before the input."""
    overwritten = np.zeros(node.need(0).size + node.output.size + distance, bool)
    for reads, writes in steps(node):
        if overwritten[reads + distance].any():
            return False
        overwritten[writes] = True
    return True


def dsp_case(kind: str, source: np.random.RandomState) -> tuple[Case, Node]:
    """A case whose operator the kernel of internal operator `kind` computes, and that operator."""
    while True:
        case = random_case(OPS[kind].replaces, source)
        node = case.graph.node(replace(case.node.op, type=kind))
        if fits(node):
            return case, node


@pytest.mark.parametrize("kind", ["CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN", "FULLY_CONNECTED"])
def test_the_distance_is_the_smallest_that_is_safe(kind: str) -> None:
    source, at_once, apart = np.random.RandomState(11), 0, 0
    for _ in range(120):
        node = random_case(kind, source).node
        distance = OPS[kind].overlap(node, 0)
        assert distance is not None
        assert is_safe(node, distance)
        assert distance == 0 or not is_safe(node, distance - 1)
        at_once += distance == 0
        apart += distance > 0
        assert OPS[kind].overlap(node, 1) is None or "POOL" in kind
    assert at_once > 1
    assert apart > 3 or kind == "MEAN"


DSP_KINDS = ("MAX_POOL_2D_DSP", "AVERAGE_POOL_2D_DSP", "MEAN_DSP")


@pytest.mark.parametrize("kind", DSP_KINDS)
def test_the_distance_is_the_smallest_with_simd_instructions(kind: str) -> None:
    source, apart = np.random.RandomState(14), 0
    for _ in range(40):
        _, node = dsp_case(kind, source)
        distance = OPS[kind].overlap(node, 0)
        assert distance is not None
        assert is_safe(node, distance)
        assert distance == 0 or not is_safe(node, distance - 1)
        apart += distance > 0
    assert apart > 3


def test_depthwise_convolutions_work_in_place_and_nowhere_else() -> None:
    source, in_place, unsafe_elsewhere = np.random.RandomState(12), 0, 0
    while in_place < 30:
        node = random_case("DEPTHWISE_CONV_2D", source).node
        channels = node.need(0).shape[3]
        if channels == 1 or node.output.shape[3] > channels:
            assert OPS["DEPTHWISE_CONV_2D"].overlap(node, 0) != ONLY_IN_PLACE
            continue
        assert OPS["DEPTHWISE_CONV_2D"].overlap(node, 0) == ONLY_IN_PLACE
        assert is_safe(node, 0)
        unsafe_elsewhere += not is_safe(node, 1)
        in_place += 1
    assert unsafe_elsewhere > 15


def test_groups_read_the_input_again_and_again() -> None:
    filters = TensorSpec((4, 3, 3, 2), data=random_int8(1, (4, 3, 3, 2)), scale=0.01)
    case = Case("CONV_2D", (1, 6, 6, 4), [filters], (1, 6, 6, 4), **window_options((3, 3), (1, 1), SAME))
    assert case.operator.overlap(case.node, 0) is None


def test_what_is_written_must_end_before_what_is_still_read() -> None:
    assert safe_distance(np.array([0, 10, 5]), np.array([4, 9, 12])) == 4
    assert safe_distance(np.array([0, 10, 20]), np.array([4, 9, 30])) == 0
    assert safe_distance(np.array([7]), np.array([100])) == 0


def close_to_the_edge(buffers: Sequence[Buffer]) -> Packing:
    """Every output exactly as far before its input as it has to be; in one memory, scratch memory behind it."""
    distances = {key: d for b in buffers for key, d in b.over.items()}
    offsets = {b.key: -(-max(0, distances.get(b.key, 0)) // ALIGNMENT) * ALIGNMENT for b in buffers if b.key >= 0}
    end = max(offsets[b.key] + b.size for b in buffers if b.key >= 0)
    scratch = {b.key: -(-end // ALIGNMENT) * ALIGNMENT for b in buffers if b.key < 0}
    peak = max({**offsets, **scratch}[b.key] + b.size for b in buffers)
    return Packing({**offsets, **scratch}, peak)


KINDS = ("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN", "FULLY_CONNECTED")


@pytest.mark.parametrize("kind", KINDS)
def test_c_has_the_bits_of_tflite_micro_close_to_the_edge(
    kind: str, tmp_path: Path, compiler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "pack", close_to_the_edge)
    source, tried = np.random.RandomState(13), 0
    while tried < 2:
        case = random_case(kind, source)
        if case.operator.overlap(case.node, 0) is not None and case.node.output.size > 30:
            check(case.data, tmp_path / str(tried), compiler)
            tried += 1


@pytest.mark.parametrize("kind", DSP_KINDS)
def test_c_with_simd_instructions_close_to_the_edge(
    kind: str, tmp_path: Path, compiler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "pack", close_to_the_edge)
    source, tried = np.random.RandomState(15), 0
    while tried < 2:
        case, node = dsp_case(kind, source)
        if node.output.size > (10 if kind == "MEAN_DSP" else 30):
            check(case.data, tmp_path / str(tried), compiler, target=find_target("cortex-m4"))
            tried += 1

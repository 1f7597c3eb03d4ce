"""Depthwise convolutions for cores with SIMD instructions: the same bits, here and on an emulated Cortex-M4."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from single_op import Single, check, linear_specs, model, several
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export.graph import Node
from firmware_export.kernel_choice import choose_kernels
from firmware_export.ops import depthwise_conv2d_dsp
from firmware_export.ops.spec import ONLY_IN_PLACE
from firmware_export.passes import apply_passes
from firmware_export.planner import plan_memory
from firmware_export.reader import read_tflite
from firmware_export.targets import ANY_TARGET, find_target

M4 = replace(find_target("cortex-m4", "speed"), take=frozenset(("DEPTHWISE_CONV_2D_DSP",)))
SAME, VALID = 0, 1
NONE, RELU, RELU6 = 0, 1, 3
SPECIAL, GENERAL = "depthwise_conv2d_3x3_dsp_s8", "depthwise_conv2d_dsp_s8"


def out_size(
    size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: int, padding: int
) -> list[int]:
    reach = [1 if padding == SAME else (k - 1) * d + 1 for k, d in zip(kernel, (dilation, 1), strict=True)]
    return [(size[i] + stride[i] - reach[i]) // stride[i] for i in range(2)]


def depthwise(
    shape: tuple[int, ...],
    kernel: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (1, 1),
    *,
    dilation: int = 1,  # vertical
    padding: int = SAME,
    activation: int = RELU,
    scale: float = 0.05,
    zero_points: tuple[int, int] = (-4, -128),
    seed: int = 1,
) -> Single:
    """One filter for each channel; a scale of the output of 0.05 saturates about a third of the outputs."""
    channels = shape[3]
    linear = linear_specs(
        seed, (1, *kernel, channels), channels, axis=3, per_channel=True, bias=seed % 3 > 0, input_scale=0.05
    )
    options = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1], "activation": activation}
    options |= {"dilation_h": dilation, "dilation_w": 1, "depth_multiplier": 1}
    output = (shape[0], *out_size(shape[1:3], kernel, stride, dilation, padding), channels)
    tensors = [TensorSpec(shape, scale=0.05, zero_point=zero_points[0]), *linear]
    return Single("DEPTHWISE_CONV_2D", tensors, [TensorSpec(output, scale=scale, zero_point=zero_points[1])], options)


def nodes(data: bytes) -> list[Node]:
    graph = choose_kernels(apply_passes(read_tflite(data, "single.tflite")), M4).graph
    return [graph.node(op) for op in graph.ops]


def kernels(data: bytes) -> list[str]:
    """The kernels that the operators are lowered to; "" for one that is left to the plain kernel."""
    return [
        "+".join(call.kernel for call in depthwise_conv2d_dsp.lower(node)) if node.op.type in M4.take else ""
        for node in nodes(data)
    ]


STRIDE_1 = [
    depthwise((1, 25, 5, 8)),
    depthwise((1, 12, 12, 4), zero_points=(-128, -128), seed=2),
    depthwise((1, 5, 33, 4), zero_points=(127, -128), seed=3),  # few slots, odd bands
    depthwise((1, 16, 32, 6), padding=VALID, seed=4),  # two channels are left over
    depthwise((1, 9, 1, 5), seed=5),  # one column, one channel left over
    depthwise((1, 1, 9, 7), seed=6),  # one row, three channels left over
    depthwise((2, 6, 7, 9), seed=7, scale=0.002),  # nearly all saturated
    depthwise((1, 1, 1, 2), seed=8),
    depthwise((1, 3, 4, 4), padding=VALID, seed=9, activation=RELU6, scale=0.01),  # the clamp is needed
    depthwise((3, 17, 8, 4), seed=10, scale=0.03),
]
STRIDE_2 = [
    depthwise((1, 24, 24, 4), stride=(2, 2)),
    depthwise((1, 31, 40, 4), stride=(2, 2), seed=2),  # few slots, odd bands
    depthwise((1, 17, 9, 6), stride=(2, 2), padding=VALID, zero_points=(100, -128), seed=3),
    depthwise((2, 6, 5, 5), stride=(2, 2), seed=4),
    depthwise((1, 2, 1, 4), stride=(2, 2), seed=5),
    depthwise((1, 1, 2, 3), stride=(2, 2), seed=6),
    depthwise((1, 3, 3, 8), stride=(2, 2), seed=7, scale=0.002),
]
OTHERS = [
    depthwise((1, 9, 8, 4), (5, 5)),
    depthwise((1, 11, 7, 6), (5, 5), (2, 2), seed=2),
    depthwise((2, 7, 6, 5), (1, 3), seed=3),
    depthwise((1, 8, 5, 4), (4, 1), padding=VALID, seed=4),
    depthwise((1, 7, 9, 4), (2, 2), (1, 2), seed=5),
    depthwise((1, 9, 9, 3), (3, 3), (2, 1), seed=6),
    depthwise((1, 10, 11, 4), (3, 4), (3, 2), seed=7),
    depthwise((1, 9, 9, 4), (3, 1), dilation=2, seed=8),
    depthwise((1, 9, 9, 2), (2, 1), dilation=11, seed=9),  # all taps miss the input
    depthwise((1, 5, 6, 4), (11, 13), seed=10),  # beyond the input
    depthwise((1, 6, 7, 4), (10, 4), (2, 2), seed=11),
    depthwise((1, 3, 3, 4), (1, 1), seed=12),
    depthwise((1, 3, 4, 4), (1, 1), (2, 2), padding=VALID, seed=12),
]
LINEAR = [
    depthwise((1, 7, 6, 4), activation=NONE, zero_points=(-4, 5)),
    depthwise((1, 7, 6, 6), stride=(2, 2), activation=NONE, zero_points=(7, -3), seed=2),
    depthwise((1, 8, 5, 5), (5, 5), activation=RELU6, zero_points=(0, -100), scale=0.03, seed=3),
    depthwise((1, 8, 5, 3), (3, 2), activation=NONE, zero_points=(0, 127), scale=0.0002, seed=4),
]
LISTS = {"stride 1": STRIDE_1, "stride 2": STRIDE_2, "others": OTHERS, "linear": LINEAR}


@pytest.fixture
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels are right for small tensors too, though the plain one is faster there."""
    monkeypatch.setattr(depthwise_conv2d_dsp, "LEAST_SPECIAL", 0)
    monkeypatch.setattr(depthwise_conv2d_dsp, "LEAST_GENERAL", (0, 0, 0, 0))


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize("name", LISTS)
def test_bits_are_those_of_tflite_micro(name: str, tmp_path: Path, compiler: str) -> None:
    data = several(LISTS[name])
    assert set(kernels(data)) == {SPECIAL if name.startswith("stride") else GENERAL}
    for outputs in check(data, tmp_path, compiler, target=M4):
        assert outputs.size < 9 * 8 or len(np.unique(outputs)) > 2


@pytest.mark.usefixtures("any_size")
def test_random_windows(tmp_path: Path, compiler: str) -> None:
    source = np.random.RandomState(0)
    cases = []
    for seed in range(24):
        kernel = tuple(source.randint(1, 6, 2).tolist()) if seed % 3 else (3, 3)
        stride = tuple(source.randint(1, 4, 2).tolist()) if seed % 2 else (1 + seed // 2 % 2,) * 2
        dilation = int(source.randint(1, 3)) if seed % 4 == 3 else 1
        reach = [(k - 1) * dilation + 1 for k in kernel]
        shape = (
            int(source.randint(1, 3)),
            *(int(r + source.randint(0, 12)) for r in reach),
            int(source.randint(2, 11)),
        )
        points = (int(source.randint(-128, 128)), -128 if seed % 5 else int(source.randint(-128, 128)))
        scale = float(source.uniform(0.005, 0.2))
        cases.append(
            depthwise(
                shape, kernel, stride, dilation=dilation, padding=seed % 2, scale=scale, zero_points=points, seed=seed
            )
        )
    data = several(cases)
    assert {"", SPECIAL, GENERAL} >= set(kernels(data)) >= {SPECIAL, GENERAL}
    check(data, tmp_path, compiler, target=M4)


@pytest.mark.usefixtures("any_size")
def test_channels_without_a_staircase_take_their_group_to_the_general_kernel(tmp_path: Path, compiler: str) -> None:
    """A factor above 1/2 leaves no room for the multiplier of a staircase."""
    case = depthwise((2, 6, 5, 11), scale=0.05, activation=RELU6)
    weights = case.inputs[1]
    scales = [0.9 if i in (1, 10) else scale for i, scale in enumerate(weights.scale)]
    data = several([replace(case, inputs=[case.inputs[0], replace(weights, scale=scales), *case.inputs[2:]])])
    assert kernels(data) == [f"{SPECIAL}+{GENERAL}"]
    check(data, tmp_path, compiler, target=M4)


def chain(batch: int, steps: Sequence[Single]) -> bytes:
    """Depthwise convolutions one after another, between two that make and take what lies in the arena."""
    tensors, ops = [replace(steps[0].inputs[0], shape=(batch, *steps[0].inputs[0].shape[1:]))], []
    for step in steps:
        before, first = tensors[-1], len(tensors)
        tensors += [*step.inputs[1:], replace(step.outputs[0], shape=(batch, *step.outputs[0].shape[1:]))]
        source = first - 1 if before is tensors[first - 1] else 0
        ops.append(OpSpec(step.type, (source, *range(first, len(tensors) - 1)), (len(tensors) - 1,), step.options))
    return build(tensors, ops, [0], [len(tensors) - 1])


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize("batch", [1, 2])
def test_in_place(batch: int, tmp_path: Path, compiler: str) -> None:
    """All but the first and the last read and write the arena, where each output lies on its input."""
    steps = [
        depthwise((1, 14, 40, 6), seed=1),
        depthwise((1, 14, 40, 6), seed=2, zero_points=(-128, -128)),
        depthwise((1, 14, 40, 6), (5, 3), seed=4, zero_points=(-128, -128)),
        depthwise((1, 14, 40, 6), stride=(2, 2), seed=5, zero_points=(-128, -128)),
        depthwise((1, 7, 20, 6), (5, 5), (2, 1), seed=7, zero_points=(-128, -128)),
        depthwise((1, 4, 20, 6), seed=8, zero_points=(-128, -128)),
        depthwise((1, 4, 20, 6), seed=10, zero_points=(-128, -128)),
    ]
    data = chain(batch, steps)
    assert all(depthwise_conv2d_dsp.overlap(node, 0) == ONLY_IN_PLACE for node in nodes(data))
    graph = choose_kernels(apply_passes(read_tflite(data, "single.tflite")), M4).graph
    scratch = [depthwise_conv2d_dsp.scratch_bytes(node) for node in nodes(data)]
    largest = batch * 14 * 40 * 6
    assert plan_memory(graph).arena_bytes <= largest + max(scratch) + 3
    check(data, tmp_path, compiler, target=M4)


def test_not_in_place_where_rows_are_still_to_be_read() -> None:
    dilated, tall, wide = nodes(
        several(
            [
                depthwise((1, 9, 9, 4), dilation=2),
                depthwise((1, 9, 9, 4), (9, 3)),
                depthwise((1, 30, 60, 4), padding=VALID),
            ]
        )
    )
    assert depthwise_conv2d_dsp.overlap(dilated, 0) is None
    assert depthwise_conv2d_dsp.overlap(tall, 0) == ONLY_IN_PLACE
    assert depthwise_conv2d_dsp.overlap(wide, 0) == ONLY_IN_PLACE
    # Four rows of padding above: the first six rows of outputs come from four rows of the input.
    pads = {"pad_top": 4, "pad_bottom": 0, "pad_left": 1, "pad_right": 1}
    padded = replace(wide, op=replace(wide.op, options={**wide.op.options, **pads}))
    assert depthwise_conv2d_dsp.overlap(padded, 0) is None


def test_what_is_left_to_the_plain_kernel() -> None:
    one_channel, two_filters = depthwise((1, 8, 8, 1)), depthwise((1, 8, 8, 2))
    filters = linear_specs(1, (1, 3, 3, 4), 4, axis=3, per_channel=True, bias=True, input_scale=0.05)
    two_filters = replace(
        two_filters,
        inputs=[two_filters.inputs[0], *filters],
        outputs=[replace(two_filters.outputs[0], shape=(1, 8, 8, 4))],
        options={**two_filters.options, "depth_multiplier": 2},
    )
    dilated = depthwise((1, 8, 8, 4))
    dilated = replace(dilated, options={**dilated.options, "dilation_w": 2})
    assert kernels(several([one_channel, two_filters, dilated])) == ["", "", ""]


def test_small_tensors_are_left_to_the_plain_kernel() -> None:
    cases = [
        depthwise((1, 2, 4, 2)),
        depthwise((1, 20, 4, 4), (5, 5)),
        depthwise((1, 8, 8, 3), (5, 5)),
        depthwise((1, 9, 9, 8), (5, 1)),
    ]
    larger = [depthwise((1, 4, 6, 2)), depthwise((1, 20, 6, 4), (5, 5)), depthwise((1, 1, 1, 64))]
    assert kernels(several(cases)) == ["", "", "", ""]
    assert kernels(several(larger)) == [SPECIAL, GENERAL, SPECIAL]


def test_other_targets_keep_the_plain_kernel() -> None:
    data = model("DEPTHWISE_CONV_2D", STRIDE_1[0].inputs, STRIDE_1[0].outputs, STRIDE_1[0].options)
    graph = apply_passes(read_tflite(data, "single.tflite"))
    for target in (ANY_TARGET, find_target("cortex-m3")):
        assert [op.type for op in choose_kernels(graph, target).graph.ops] == ["DEPTHWISE_CONV_2D"]


def test_tighter_bounds_of_the_sums_are_used() -> None:
    """A pass may know more of the sums than the weights say: with these bounds there is but one output."""
    (node,) = nodes(several([STRIDE_1[0]]))
    bounds = {"acc_low": (-3,) * 8, "acc_high": (-2,) * 8}
    tight = replace(node, op=replace(node.op, options={**node.op.options, **bounds}))
    table = depthwise_conv2d_dsp.lower(tight)[0].params["table"]
    assert isinstance(table, depthwise_conv2d_dsp.Constant)
    assert not table.values.reshape(2, -1)[:, 1:].reshape(8, 8)[:, :6].any()


def test_scratch_memory_is_small() -> None:
    for case, limit in ((depthwise((1, 25, 5, 64)), 1280), (depthwise((1, 48, 48, 16), stride=(2, 2)), 2048)):
        (node,) = nodes(several([case]))
        assert depthwise_conv2d_dsp.scratch_bytes(node) <= limit
        assert math.prod(case.inputs[0].shape) > 6 * depthwise_conv2d_dsp.scratch_bytes(node)

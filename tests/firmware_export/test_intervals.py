"""Intervals hold for every input: what numpy computes for real and random inputs lies in them, sums included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from needs import tflite_model
from random_network import random_network
from single_op import linear_specs, model, random_int8
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import reference
from firmware_export.graph import Array, Graph, Node
from firmware_export.intervals import LINEAR, Bounds, analyse, channels_of
from firmware_export.ops import linear
from firmware_export.ops.arithmetic import RELU, RELU6
from firmware_export.passes import apply_passes, simplify
from firmware_export.reader import read_tflite
from firmware_export.samples import make_samples

SAME, VALID = 0, 1
STRIDES = {"stride_h": 1, "stride_w": 1, "dilation_h": 1, "dilation_w": 1, "depth_multiplier": 1}


def read(data: bytes) -> Graph:
    return read_tflite(data, "net.tflite")


def sums_of(node: Node, values: dict[int, Array], monkeypatch: pytest.MonkeyPatch) -> Array:
    """What the reference of a linear operator gives to requantization, bias included."""
    seen: list[Array] = []
    finish = linear.finish

    def watched(node: Node, acc: Array, multipliers: Array, shifts: Array) -> Array:
        seen.append((acc + linear.constant_bias(node)).reshape(-1, channels_of(node.output)))
        return finish(node, acc, multipliers, shifts)

    with monkeypatch.context() as patch:
        patch.setattr(linear, "finish", watched)
        reference.run_node(node, values)
    return np.concatenate(seen)


def within(values: Array, bound: tuple[Array, Array]) -> bool:
    """Whether every row of values (..., channels) lies between the bounds (channels,)."""
    return bool(np.all((values >= bound[0]) & (values <= bound[1])))


def check(graph: Graph, inputs: Sequence[Array], monkeypatch: pytest.MonkeyPatch) -> Bounds:
    """The bounds of a graph, which all values and sums for `inputs` lie in; it is run as it is, without any pass."""
    bounds = analyse(graph)
    values = dict(zip(graph.inputs, inputs, strict=True))
    for op in graph.ops:
        node = graph.node(op)
        if op.index in bounds.accumulators:
            assert within(sums_of(node, values, monkeypatch), bounds.accumulators[op.index]), graph.where(op)
        values.update(zip(op.outputs, reference.run_node(node, values), strict=True))
        for tensor in node.outputs:
            if tensor.dtype != "int8":
                continue
            low, high = bounds.tensors[tensor.index]
            assert (low.dtype, low.shape, high.dtype, high.shape) == (np.int64, (channels_of(tensor),)) * 2
            assert within(values[tensor.index].reshape(-1, channels_of(tensor)), (low, high)), graph.where(op)
            assert within(np.stack([low, high]), (np.int64(-128), np.int64(127)))
    return bounds


def samples(graph: Graph, count: int = 12) -> list[Array]:
    return list(make_samples(graph, (), count, 3))


@pytest.mark.parametrize("stage", [simplify, apply_passes], ids=["simplified", "optimized"])
def test_values_of_random_networks_lie_in_their_intervals(
    stage: Callable[[Graph], Graph], monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = 0
    for seed in range(60):
        graph = stage(read(random_network(seed, 14)))
        bounds = check(graph, samples(graph), monkeypatch)
        computed = [i for op in graph.ops for i in op.outputs]
        narrow += sum((bounds.tensors[i][1] - bounds.tensors[i][0] < 255).any() for i in computed)
    assert narrow > 100


REAL = ["mlperf_tiny_vww_mobilenet_v1_025.tflite", "mlperf_tiny_kws_dscnn.tflite", "mlperf_tiny_ic_resnet8.tflite"]


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_values_of_real_networks_lie_in_their_intervals(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = simplify(read_tflite(tflite_model(name).read_bytes(), name))
    bounds = check(graph, samples(graph, 6), monkeypatch)
    assert {op.index for op in graph.ops if op.type in LINEAR} == set(bounds.accumulators)


def extremes(graph: Graph) -> list[Array]:
    """Inputs that reach the bounds of the only operator's sums, at some place: by the sign of each of its weights."""
    node = graph.node(graph.ops[0])
    weights = node.constant(1).reshape(len(node.constant(1)), -1)
    rows = np.concatenate([np.where(weights > 0, 127, -128), np.where(weights > 0, -128, 127)])
    return [rows.reshape(len(rows), *node.need(0).shape).astype(np.int8)]


@pytest.mark.parametrize("kind", ["CONV_2D", "FULLY_CONNECTED"])
def test_bounds_of_sums_are_reached(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one output place every tap is free: the interval is the smallest that there is."""
    shape = (5, 3, 2, 3) if kind == "CONV_2D" else (5, 18)
    specs = linear_specs(2, shape, 5, axis=0, per_channel=True, bias=True, input_scale=0.5)
    given = TensorSpec((1, 3, 2, 3) if kind == "CONV_2D" else (1, 18), scale=0.5, zero_point=-5)
    out = TensorSpec((1, 1, 1, 5) if kind == "CONV_2D" else (1, 5), scale=30.0, zero_point=-128)
    graph = simplify(read(model(kind, [given, *specs], [out], {**STRIDES, "padding": VALID, "activation": RELU})))
    inputs = extremes(graph)
    low, high = check(graph, inputs, monkeypatch).accumulators[0]
    sums = sums_of(graph.node(graph.ops[0]), {0: inputs[0]}, monkeypatch)
    np.testing.assert_array_equal((sums.min(axis=0), sums.max(axis=0)), (low, high))
    got = reference.run(graph, inputs)[0].reshape(-1, 5)
    ends = analyse(graph).tensors[graph.outputs[0]]
    np.testing.assert_array_equal((got.min(axis=0), got.max(axis=0)), ends)


def padded(padding: int, size: int = 3, stride: int = 1) -> Graph:
    """A convolution over values that are 20 and more: its weights are all 1, so that only padding takes some away."""
    floor = TensorSpec((1,), scale=0.5, data=np.array([20], np.int8))
    ones = TensorSpec((1, size, size, 1), scale=0.01, data=np.ones((1, size, size, 1), np.int8))
    extent = -(-6 // stride) if padding == SAME else (6 - size) // stride + 1
    tensors = [TensorSpec((1, 6, 6, 1)), floor, TensorSpec((1, 6, 6, 1)), ones, TensorSpec((1, extent, extent, 1))]
    options = {**STRIDES, "stride_h": stride, "stride_w": stride, "padding": padding}
    ops = [OpSpec("MAXIMUM", (0, 1), (2,), {}), OpSpec("CONV_2D", (2, 3), (4,), options)]
    return simplify(read(build(tensors, ops, [0], [4])))


@pytest.mark.parametrize(
    ("case", "always"),
    [((VALID,), 9), ((SAME,), 1), ((SAME, 1), 1), ((SAME, 3, 3), 9), ((SAME, 3, 2), 4), ((SAME, 2), 1)],
)
def test_padding_takes_away_only_what_can_fall_into_it(
    case: tuple[int, ...], always: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lowest sum is 20 times the taps that are inside for every output: the middle one of 3x3 with SAME padding."""
    graph = padded(*case)
    low, high = check(graph, samples(graph), monkeypatch).accumulators[1]
    assert (low.tolist(), high.tolist()) == ([20 * always], [127 * graph.tensors[3].size])


def test_a_sum_that_may_wrap_says_nothing_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first channel's bias is so large that sums leave 32 bits; RELU still cuts below the zero point."""
    weights = np.array([[127, 127], [127, 127]], np.int8)
    bias = np.array([2**31 - 1, 2**30], np.int32)
    tensors = [
        TensorSpec((1, 2)),
        TensorSpec((2, 2), scale=0.01, data=weights),
        TensorSpec((2,), "int32", 0.005, data=bias),
        TensorSpec((1, 2), scale=0.5, zero_point=-9),
    ]
    graph = simplify(read(model("FULLY_CONNECTED", tensors[:3], tensors[3:], {"activation": RELU})))
    bounds = check(graph, samples(graph), monkeypatch)
    assert bounds.accumulators[0][1][0] > 2**31
    np.testing.assert_array_equal(bounds.tensors[3], [[-9, 127], [127, 127]])


def test_channels_stay_apart_until_they_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a table, padding, a concatenation, a flattening; a mean over channels joins them."""
    limit = TensorSpec((1, 1, 1, 2), scale=0.5, data=np.array([[[[10, -128]]]], np.int8))
    tensors = [
        TensorSpec((1, 2, 2, 2)),
        limit,
        TensorSpec((1, 2, 2, 2)),
        TensorSpec((1, 2, 2, 2), zero_point=-3),
        TensorSpec((4, 2), "int32", None, data=np.array([(0, 0), (1, 0), (0, 0), (0, 0)], np.int32)),
        TensorSpec((1, 3, 2, 2), zero_point=-3),
        TensorSpec((1, 3, 2, 4), zero_point=-3),
        TensorSpec((1, 24), zero_point=-3),
        TensorSpec((1,), "int32", None, data=np.array([3], np.int32)),
        TensorSpec((1, 3, 2), zero_point=-3),
    ]
    ops = [
        OpSpec("MINIMUM", (0, 1), (2,), {}),
        OpSpec("QUANTIZE", (2,), (3,), {}),
        OpSpec("PAD", (3, 4), (5,), {}),
        OpSpec("CONCATENATION", (5, 5), (6,), {"axis": 3}),
        OpSpec("RESHAPE", (6,), (7,), {}),
        OpSpec("MEAN", (6, 8), (9,), {}),
    ]
    graph = simplify(read(build(tensors, ops, [0], [7, 9])))
    bounds = check(graph, samples(graph), monkeypatch).tensors
    np.testing.assert_array_equal(bounds[2], [[-128, -128], [10, -128]])
    np.testing.assert_array_equal(bounds[3], [[-128, -128], [7, -128]])
    np.testing.assert_array_equal(bounds[5], [[-128, -128], [7, -3]])
    np.testing.assert_array_equal(bounds[6], [[-128] * 4, [7, -3, 7, -3]])
    np.testing.assert_array_equal(bounds[7], [[-128] * 24, [7, -3] * 12])
    np.testing.assert_array_equal(bounds[9], [[-128, -128], [2, 2]])


def test_what_is_too_large_to_be_run_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_export.intervals.MOST_ELEMENTS", 30)
    shape = (1, 2, 2, 2)
    ops = [OpSpec("RELU6", (0,), (1,), {}), OpSpec("RESHAPE", (1,), (2,), {}), OpSpec("RESHAPE", (2,), (3,), {})]
    graph = simplify(read(build([TensorSpec(shape) for _ in range(4)], ops, [0], [3])))
    assert [analyse(graph).tensors[i][0].max() for i in (1, 2, 3)] == [0, 0, -128]


@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM", "PRELU"])
def test_two_operands_are_bounded_by_all_their_pairs(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All 65,536 pairs of two operands, one of them limited by RELU6 before; the bounds are reached."""
    pairs = np.stack(np.meshgrid(*[np.arange(-128, 128)] * 2)).astype(np.int8)
    tensors = [
        TensorSpec((1, 256, 1), scale=0.05, zero_point=9),
        TensorSpec((1, 256, 1), scale=0.04, zero_point=-20),
        TensorSpec((1, 256, 1), scale=0.05, zero_point=9),
        TensorSpec((1, 256, 1), scale=0.11, zero_point=4),
    ]
    options = {"activation": RELU6} if kind in ("ADD", "SUB", "MUL") else {}
    data = build(tensors, [OpSpec("RELU6", (0,), (2,), {}), OpSpec(kind, (2, 1), (3,), options)], [0, 1], [3])
    graph = simplify(read(data))
    inputs = [half.reshape(-1, 1, 256, 1) for half in pairs]
    low, high = check(graph, inputs, monkeypatch).tensors[3]
    got = reference.run(graph, inputs)[0]
    assert (low.item(), high.item()) == (got.min(), got.max())


def test_prelu_bends_at_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """With alpha below 0 both ends of its input give more than what lies between."""
    alpha = TensorSpec((2,), scale=0.01, data=np.array([-100, 50], np.int8))
    tensors = [TensorSpec((1, 256, 2), zero_point=9), alpha, TensorSpec((1, 256, 2), zero_point=-40)]
    graph = simplify(read(model("PRELU", tensors[:2], tensors[2:])))
    inputs = [np.repeat(np.arange(-128, 128), 2).astype(np.int8).reshape(1, 1, 256, 2)]
    bounds = check(graph, inputs, monkeypatch).tensors[2]
    got = reference.run(graph, inputs)[0].reshape(-1, 2)
    np.testing.assert_array_equal(bounds, (got.min(axis=0), got.max(axis=0)))
    assert bounds[0][0] == -40


def test_grouped_and_depthwise_filters_see_their_own_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = np.array([[[[5, -100, 30, -128]]]], np.int8)
    tensors = [
        TensorSpec((1, 4, 4, 4), zero_point=-7),
        TensorSpec((1, 1, 1, 4), zero_point=-7, data=limits),
        TensorSpec((1, 4, 4, 4), zero_point=-7),
        TensorSpec((6, 3, 3, 2), scale=0.01, data=random_int8(1, (6, 3, 3, 2))),
        TensorSpec((1, 4, 4, 6)),
        TensorSpec((1, 3, 3, 8), scale=0.01, data=random_int8(2, (1, 3, 3, 8))),
        TensorSpec((1, 4, 4, 8)),
        TensorSpec((5, 3, 2, 4), scale=0.01, data=random_int8(3, (5, 3, 2, 4))),
        TensorSpec((1, 8, 8, 5)),
        TensorSpec((4,), "int32", None, data=np.array([1, 8, 8, 5], np.int32)),
    ]
    ops = [
        OpSpec("MINIMUM", (0, 1), (2,), {}),
        OpSpec("CONV_2D", (2, 3), (4,), STRIDES),
        OpSpec("DEPTHWISE_CONV_2D", (2, 5), (6,), {**STRIDES, "depth_multiplier": 2}),
        OpSpec("TRANSPOSE_CONV", (9, 7, 2), (8,), {"stride_h": 2, "stride_w": 2}),
    ]
    graph = simplify(read(build(tensors, ops, [0], [4, 6, 8])))
    bounds = check(graph, samples(graph, 40), monkeypatch)
    assert set(bounds.accumulators) == {1, 2, 3}
    whole = analyse(replace(graph, ops=graph.ops[1:], inputs=(2,)))
    for index in (1, 2, 3):
        assert (bounds.accumulators[index][0] >= whole.accumulators[index][0]).all()
        assert (bounds.accumulators[index][1] <= whole.accumulators[index][1]).all()

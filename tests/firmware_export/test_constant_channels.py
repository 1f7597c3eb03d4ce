"""Channels that nobody needs go, and no bit of any output changes: numpy before and after, C against TFLite Micro."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dead_channels import (
    DEAD,
    FULL,
    LIVE,
    SAME,
    STRIDES,
    VALID,
    ZERO,
    Maker,
    check_removed,
    kept,
    macs,
    read,
    two,
    values_of,
)
from needs import tflite_model
from random_network import random_network
from single_op import check, random_int8
from tflite_builder import OpSpec, SubgraphSpec, TensorSpec, build_subgraphs

from firmware_export import reference
from firmware_export.ops.arithmetic import RELU
from firmware_export.passes import apply_passes, simplify
from firmware_export.reader import read_tflite
from firmware_export.samples import make_samples

pytestmark = pytest.mark.slow


def test_what_constants_add_goes_into_the_bias(tmp_path: Path, compiler: str) -> None:
    data, middle = two(1, VALID)
    graph = check_removed(read(data))
    assert kept(graph) == {middle: (0, 2, 4)}
    assert graph.removed[0].constants == (-128, 127)
    assert graph.removed[0].macs == 16 * (3 * 2 + 2 * 2)
    assert graph.removed[0].weight_bytes == 2 * 3 + 2 * 4 + 2 * 2
    assert "1 channel is constant: accumulators in [-536," in graph.removed[0].why
    assert graph.tensors[graph.ops[1].inputs[2]].data is not None
    check(data, tmp_path, compiler)


@pytest.mark.parametrize(
    ("size", "padding", "left"),
    [(3, VALID, (0, 2, 4)), (3, SAME, (0, 2, 3, 4)), (1, SAME, (0, 2, 4)), (2, SAME, (0, 2, 3, 4))],
)
def test_only_padding_keeps_a_channel(
    size: int, padding: int, left: tuple[int, ...], tmp_path: Path, compiler: str
) -> None:
    """A constant that is not the zero point adds less at the border: its channel stays where there is padding."""
    data, middle = two(size, padding)
    assert kept(check_removed(read(data)))[middle] == left
    check(data, tmp_path, compiler)


def test_a_channel_that_only_padding_changes_is_not_constant(tmp_path: Path, compiler: str) -> None:
    """A depthwise filter of ones over 127 gives one value inside and another one at the border."""
    net = Maker()
    middle = net.conv(0, (0, FULL))
    net.tensors.append(TensorSpec((1, 3, 3, 2), scale=0.05, data=np.ones((1, 3, 3, 2), np.int8)))
    spread = net.put("DEPTHWISE_CONV_2D", (middle, len(net.tensors) - 1), (1, 4, 4, 2), **STRIDES, padding=SAME)
    last = net.conv(spread, (0, 5, 9))
    data = net.build(last)
    graph = check_removed(read(data))
    assert not graph.removed
    assert len(np.unique(values_of(simplify(read(data)), make_samples(read(data), (), 4, 1))[spread][..., 1])) > 1
    check(data, tmp_path, compiler)


def test_constants_vanish_backwards(tmp_path: Path, compiler: str) -> None:
    """What a dead depthwise channel reads is not computed either, through tables, pools and additions of constants."""
    net = Maker()
    first = net.conv(0, (0, 10, 20, 30), 3)
    each = net.tensor(TensorSpec((1, 1, 1, 4), zero_point=3, data=random_int8(9, (1, 1, 1, 4))))
    added = net.put("ADD", (first, each), (1, 4, 4, 4))
    pooled = net.put("MAX_POOL_2D", (added,), (1, 4, 4, 4), **STRIDES, filter_h=2, filter_w=2)
    squashed = net.put("LEAKY_RELU", (pooled,), (1, 4, 4, 4))
    spread = net.conv(squashed, (0, DEAD, 40, DEAD), 3, kind="DEPTHWISE_CONV_2D")
    data = net.build(net.dense(spread))
    assert kept(check_removed(read(data))) == dict.fromkeys((first, added, pooled, squashed, spread), (0, 2))
    check(data, tmp_path, compiler)


def test_several_readers_keep_what_one_of_them_needs(tmp_path: Path, compiler: str) -> None:
    """The pool's reader is the network's output: all channels stay, but the second convolution's input is the same."""
    net = Maker()
    middle = net.conv(0, LIVE)
    pooled = net.put("AVERAGE_POOL_2D", (middle,), (1, 4, 4, 5), **STRIDES, filter_h=2, filter_w=2)
    last = net.conv(middle, (0, 5))
    assert not check_removed(read(net.build(last, pooled))).removed
    assert not check_removed(read(net.build(last, middle))).removed
    check(net.build(last, pooled), tmp_path, compiler)


def test_a_sum_keeps_what_one_of_its_operands_has_alive(tmp_path: Path, compiler: str) -> None:
    """Residual: channel 1 is dead in both branches, channel 3 in one, and so is their sum in channel 1 alone."""
    net = Maker()
    left, right = net.conv(0, (0, DEAD, 10, DEAD)), net.conv(0, (0, DEAD, 10, 20), 3)
    both = net.put("ADD", (left, right), (1, 4, 4, 4), activation=RELU)
    data = net.build(net.conv(both, (0, 5), 3))
    assert kept(check_removed(read(data))) == dict.fromkeys((left, right, both), (0, 2, 3))
    check(data, tmp_path, compiler)


def test_joined_channels_are_those_of_the_inputs(tmp_path: Path, compiler: str) -> None:
    """Three tensors and a constant side by side; one of them twice, one with nothing but dead channels."""
    net = Maker()
    a, b = net.conv(0, (0, DEAD)), net.conv(0, (DEAD, DEAD, DEAD))
    given = net.tensor(TensorSpec((1, 4, 4, 2), zero_point=ZERO, data=random_int8(4, (1, 4, 4, 2))))
    net.tensors[given].data[..., 0] = 7
    joined = net.put("CONCATENATION", (a, b, given, a), (1, 4, 4, 9), axis=3)
    data = net.build(net.dense(joined, bias=True))
    graph = check_removed(read(data))
    assert kept(graph) == {a: (0,), b: (0,), joined: (0, 2, 6, 7)}
    check(data, tmp_path, compiler)


def test_rows_joined_along_another_axis_keep_their_channels(tmp_path: Path, compiler: str) -> None:
    net = Maker()
    a, b = net.conv(0, (0, DEAD, DEAD)), net.conv(0, (0, DEAD, 7), 3)
    rows = net.tensor(TensorSpec((1, 1, 4, 3), zero_point=ZERO, data=np.full((1, 1, 4, 3), ZERO, np.int8)))
    joined = net.put("CONCATENATION", (a, b, rows), (1, 9, 4, 3), axis=1)
    data = net.build(net.dense(joined))
    assert kept(check_removed(read(data))) == dict.fromkeys((a, b, joined), (0, 2))
    check(data, tmp_path, compiler)


@pytest.mark.parametrize("view", ["RESHAPE", "direct", "mean"])
def test_a_dense_layer_reads_what_is_left(view: str, tmp_path: Path, compiler: str) -> None:
    """Flattened by an operator, by FULLY_CONNECTED itself, or averaged over height and width."""
    net = Maker()
    x = middle = net.conv(0, LIVE, 3)
    if view == "RESHAPE":
        x = net.put("RESHAPE", (middle,), (1, 80))
    if view == "mean":
        axes = net.tensor(TensorSpec((2,), "int32", None, data=np.array([1, 2], np.int32)))
        x = net.put("MEAN", (middle, axes), (1, 5))
    data = net.build(net.dense(x))
    graph = check_removed(read(data))
    assert kept(graph)[middle] == (0, 2, 4)
    assert graph.tensors[graph.ops[-1].inputs[1]].shape == (4, 3 if view == "mean" else 48)
    check(data, tmp_path, compiler)


def test_one_channel_stays_where_all_are_dead(tmp_path: Path, compiler: str) -> None:
    data, middle = two(3, SAME, biases=(DEAD, DEAD, DEAD))
    assert kept(check_removed(read(data))) == {middle: (0,)}
    check(data, tmp_path, compiler)


def test_a_squeeze_drops_no_axis_more_than_before(tmp_path: Path, compiler: str) -> None:
    """SQUEEZE of (1, 1, 1, 4), of which one channel is left."""
    net = Maker(2)
    net.tensors[0] = TensorSpec((1, 1, 1, 2))
    middle = net.conv(0, (DEAD, 4, DEAD, DEAD))
    flat = net.put("SQUEEZE", (middle,), (1, 4), squeeze_dims=(1, 2))  # type: ignore[arg-type]
    data = net.build(net.dense(flat))
    assert kept(check_removed(read(data))) == {middle: (1,), flat: (1,)}
    check(data, tmp_path, compiler)


def test_filters_for_each_channel_stay_together(tmp_path: Path, compiler: str) -> None:
    """Two filters for each channel: only a channel of which both are dead goes; groups keep all channels."""
    net = Maker()
    first = net.conv(0, (0, 10, 20))
    spread = net.conv(first, (0, DEAD, DEAD, DEAD, 5, 6), 3, kind="DEPTHWISE_CONV_2D", depth_multiplier=2)
    data = net.build(net.dense(spread))
    assert kept(check_removed(read(data))) == {first: (0, 2), spread: (0, 1, 4, 5)}
    check(data, tmp_path, compiler)

    net = Maker()
    first = net.conv(0, (0, DEAD, DEAD, 3))
    weights = net.tensor(TensorSpec((4, 1, 1, 2), scale=0.01, data=random_int8(3, (4, 1, 1, 2))))
    assert not check_removed(read(net.build(net.put("CONV_2D", (first, weights), (1, 4, 4, 4), **STRIDES)))).removed


def test_a_channel_without_weights_is_read_by_nobody(tmp_path: Path, compiler: str) -> None:
    """It is not constant, but adds nothing to any output, with padding or without."""
    net = Maker()
    middle = net.conv(0, (0, 10, 20))
    last = net.conv(middle, (0, 5), 3)
    net.tensors[last - 2].data[..., 1] = 0
    data = net.build(last)
    graph = check_removed(read(data))
    assert [(part.kept, part.constants, part.why) for part in graph.removed] == [
        ((0, 2), (None,), "1 channel is read by nothing that stays")
    ]
    check(data, tmp_path, compiler)


def test_a_transposed_convolution_has_borders_everywhere(tmp_path: Path, compiler: str) -> None:
    """What an output sees depends on its place: only zero points can go; its own dead channels can."""
    net = Maker()
    middle = net.conv(0, LIVE)
    size = net.tensor(TensorSpec((4,), "int32", None, data=np.array([1, 8, 8, 3], np.int32)))
    weights = net.tensor(TensorSpec((3, 3, 3, 5), scale=0.002, data=random_int8(3, (3, 3, 3, 5))))
    bias = net.tensor(TensorSpec((3,), "int32", None, data=np.array([5, -(2**30), 9], np.int32)))
    out = net.put("TRANSPOSE_CONV", (size, weights, middle, bias), (1, 8, 8, 3), stride_h=2, stride_w=2)
    net.tensors[out] = TensorSpec((1, 8, 8, 3), zero_point=ZERO)
    data = net.build(net.dense(out))
    assert kept(check_removed(read(data))) == {middle: (0, 2, 3, 4), out: (0, 2)}
    check(data, tmp_path, compiler)


def test_biases_wrap_as_sums_do() -> None:
    """A constant takes the bias beyond 2**31, as it took the sums before: both are kept modulo 2**32."""
    net = Maker()
    middle = net.conv(0, (FULL, DEAD, 0))
    last = net.conv(middle, (2**31 - 200, 5))
    net.tensors[last - 2].data[0, ...] = [[[127, 0, -127]]]
    graph = check_removed(read(net.build(last)))
    bias = graph.tensors[graph.ops[1].inputs[2]].data
    assert bias is not None
    assert bias[0] == 2**31 - 200 + 127 * 255 - 2**32


def test_shared_weights_shrink_for_each_reader(tmp_path: Path, compiler: str) -> None:
    net = Maker(5)
    middle = net.conv(0, LIVE)
    weights, bias = net.ops[0].inputs[1:]
    data = net.build(net.put("CONV_2D", (middle, weights, bias), (1, 4, 4, 5), **STRIDES, activation=RELU))
    graph = check_removed(read(data))
    assert [graph.tensors[op.inputs[1]].shape for op in graph.ops] == [(3, 1, 1, 5), (5, 1, 1, 3)]
    check(data, tmp_path, compiler)


def test_what_a_variable_holds_stays() -> None:
    """Its first value is something else than what the network writes into it."""
    net = Maker()
    handle = net.tensor(TensorSpec((1,), "int32", None))
    middle = net.conv(0, LIVE)
    before = net.tensor(TensorSpec((1, 4, 4, 5), zero_point=ZERO))
    net.ops += [
        OpSpec("VAR_HANDLE", (), (handle,), {"shared_name": "v"}),
        OpSpec("READ_VARIABLE", (handle,), (before,), {}),
        OpSpec("ASSIGN_VARIABLE", (handle, middle), (), {}),
    ]
    last = net.conv(before, (0, 3))
    data = build_subgraphs([SubgraphSpec(net.tensors, net.ops, [0], [last])])
    graph = read(data)
    inputs = make_samples(graph, (), 6, 1)
    smaller = apply_passes(graph)
    assert not smaller.removed
    for got, want in zip(reference.run_sequence(smaller, inputs), reference.run_sequence(graph, inputs), strict=True):
        np.testing.assert_array_equal(got, want)


def deadened(seed: int) -> bytes:
    """A random network in which many channels are dead: convolutions get biases that saturate some outputs."""
    import random_network as networks

    class Deadly(networks._Maker):
        def _convolution(self, kind, x, filter_shape, channels, window, options):  # type: ignore[no-untyped-def]
            super()._convolution(kind, x, filter_shape, channels, window, options)
            biases = self.source.choice([DEAD, 0, 0, FULL, 500], channels).astype(np.int32)
            bias = self.add_tensor(TensorSpec((channels,), "int32", None, data=biases))
            op = self.ops[-1]
            self.ops[-1] = OpSpec(op.type, (*op.inputs, bias), op.outputs, op.options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "_Maker", Deadly)
        return random_network(seed, 16)


def test_random_networks_keep_every_bit() -> None:
    removed = [part for seed in range(80) for part in check_removed(read(deadened(seed))).removed]
    assert len(removed) > 60
    assert any(None in part.constants for part in removed)


@pytest.mark.parametrize("seed", [2, 3, 5, 8, 13])
def test_c_of_random_networks_has_the_bits_of_tflite_micro(seed: int, tmp_path: Path, compiler: str) -> None:
    check(deadened(seed), tmp_path, compiler)


def test_half_of_visual_wake_words_goes() -> None:
    """MLPerf Tiny's network for it has many dead channels; see docs/architecture.md."""
    name = "mlperf_tiny_vww_mobilenet_v1_025.tflite"
    graph = read_tflite(tflite_model(name).read_bytes(), name)
    assert macs(simplify(graph)) == 7_489_664
    smaller = check_removed(graph, 6)
    assert macs(smaller) == 3_727_313

"""Channels that nobody needs go, and no bit of any output changes: numpy before and after, C against TFLite Micro."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import need_packages, tflite_model
from random_network import random_network
from single_op import check, random_int8
from tflite_builder import OpSpec, SubgraphSpec, TensorSpec, build, build_subgraphs

from firmware_export import reference
from firmware_export.cproject import read_project
from firmware_export.graph import Array, Graph, Removed
from firmware_export.ops import OPS
from firmware_export.ops.arithmetic import RELU
from firmware_export.passes import apply_passes, optimize, remove_constant_channels, simplify
from firmware_export.project import compile_graph, export_c
from firmware_export.prove import Proof, prove
from firmware_export.reader import read_tflite
from firmware_export.report import make_report
from firmware_export.report_page import page
from firmware_export.samples import make_samples

pytestmark = pytest.mark.slow

SAME, VALID = 0, 1
ZERO = -128
"""Zero point of activations here: what RELU cuts to, so that a dead channel is no different from padding."""
STRIDES = {"stride_h": 1, "stride_w": 1, "dilation_h": 1, "dilation_w": 1, "depth_multiplier": 1}
DEAD, FULL = -(2**29), 2**29
"""Biases that no sum of products comes near: the channel is the lowest or the highest value throughout."""


def read(data: bytes) -> Graph:
    return read_tflite(data, "net.tflite")


def macs(graph: Graph) -> int:
    return sum(OPS[op.type].macs(graph.node(op)) for op in graph.ops)


def values_of(graph: Graph, inputs: Sequence[Array]) -> dict[int, Array]:
    """Every computed tensor (N, *shape) of a graph as it is."""
    values = dict(zip(graph.inputs, inputs, strict=True))
    for op in graph.ops:
        values.update(zip(op.outputs, reference.run_node(graph.node(op), values), strict=True))
    return values


def check_removed(graph: Graph, count: int = 12) -> Graph:
    """The graph without the channels; what is left of every tensor has its bits, and constants are as recorded."""
    inputs = make_samples(graph, (), count, 5)
    graph = simplify(graph)
    smaller = remove_constant_channels(graph)
    before, after = values_of(graph, inputs), values_of(smaller, inputs)
    gone = {part.tensor: part for part in smaller.removed}
    for index, values in before.items():
        whole = gone.get(index, Removed(index, values.shape[-1], tuple(range(values.shape[-1])), ()))
        np.testing.assert_array_equal(values[..., list(whole.kept)], after[index], err_msg=str(index))
        dropped = [c for c in range(whole.channels) if c not in whole.kept]
        for channel, constant in zip(dropped, whole.constants, strict=True):
            assert constant is None or (values[..., channel] == constant).all()
    assert all(after[index].shape == before[index].shape for index in (*graph.inputs, *graph.outputs))
    assert sum(part.macs for part in smaller.removed) == macs(graph) - macs(smaller)
    assert remove_constant_channels(smaller) is smaller
    optimize(smaller)
    return smaller


class Maker:
    """A growing network of (1, 4, 4, channels)."""

    def __init__(self, channels: int = 3) -> None:
        self.tensors = [TensorSpec((1, 4, 4, channels), zero_point=-5)]
        self.ops: list[OpSpec] = []

    def tensor(self, spec: TensorSpec) -> int:
        self.tensors.append(spec)
        return len(self.tensors) - 1

    def put(self, kind: str, inputs: tuple[int, ...], shape: tuple[int, ...], **options: int) -> int:
        like = self.tensors[inputs[0]]
        zero = ZERO if options.get("activation") == RELU else like.zero_point
        out = self.tensor(TensorSpec(shape, scale=0.5, zero_point=zero))
        self.ops.append(OpSpec(kind, inputs, (out,), options))
        return out

    def conv(
        self, x: int, biases: Sequence[int], size: int = 1, padding: int = SAME, kind: str = "CONV_2D", **options: int
    ) -> int:
        """With RELU; a bias of DEAD or FULL makes a channel constant."""
        b, h, w, depth = self.tensors[x].shape
        count = len(biases)
        shape = (count, size, size, depth) if kind == "CONV_2D" else (1, size, size, count)
        scales = list(np.linspace(0.001, 0.004, count))
        axis = 0 if kind == "CONV_2D" else 3
        data = random_int8(len(self.tensors), shape)
        weights = self.tensor(TensorSpec(shape, scale=scales, axis=axis, data=data))
        bias = self.tensor(TensorSpec((count,), "int32", None, data=np.array(biases, np.int32)))
        less = 0 if padding == SAME else size - 1
        given = {**STRIDES, "activation": RELU, "padding": padding, **options}
        return self.put(kind, (x, weights, bias), (b, h - less, w - less, count), **given)

    def dense(self, x: int, channels: int = 4, *, bias: bool = False) -> int:
        depth = int(np.prod(self.tensors[x].shape))
        data = random_int8(len(self.tensors), (channels, depth))
        inputs = [x, self.tensor(TensorSpec((channels, depth), scale=0.002, data=data))]
        if bias:
            inputs.append(self.tensor(TensorSpec((channels,), "int32", None, data=np.full(channels, 300, np.int32))))
        return self.put("FULLY_CONNECTED", tuple(inputs), (1, channels))

    def build(self, *outputs: int) -> bytes:
        return build(self.tensors, self.ops, [0], outputs)


def kept(graph: Graph) -> dict[int, tuple[int, ...]]:
    return {part.tensor: part.kept for part in graph.removed}


LIVE = (100, DEAD, -300, FULL, 50)
"""Five channels: 1 and 3 are constant."""


def two(size: int, padding: int, *, biases: Sequence[int] = LIVE, **options: int) -> tuple[bytes, int]:
    """A convolution with constant channels, and one that reads them; and the tensor between them."""
    net = Maker()
    middle = net.conv(0, biases)
    return net.build(net.conv(middle, (0, 20), size, padding, **options)), middle


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


def proof_of(data: bytes, folder: Path, edit: Callable[[dict[str, Any]], None] = lambda manifest: None) -> Proof:
    """The proof of an exported project, after an edit of what its manifest says."""
    need_packages("tflite_micro")
    (folder / "net.tflite").write_bytes(data)
    if not (folder / "c").is_dir():
        export_c(folder / "net.tflite", folder / "c")
    path = folder / "c" / "MANIFEST.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))
    return prove(folder / "net.tflite", project=folder / "c", count=8, runtimes=("tflm", "numpy", "host"))


def informative() -> bytes:
    """Channels 1 and 3 of the first convolution are constant; nothing reads the last, which is not."""
    net = Maker()
    last = net.conv(net.conv(0, (*LIVE, 60)), (0, 5))
    net.tensors[last - 2].data[..., 5] = 0
    return net.build(last)


def test_a_proof_compares_what_is_left_and_the_constants(tmp_path: Path) -> None:
    """Of what nothing reads nothing can be compared; all other values of the file's network are."""
    proof = proof_of(informative(), tmp_path)
    assert proof.proved, proof.message
    outputs, host = 16 * 2, proof.runtime("host")
    assert host.operators_compared == 2
    assert host.values_compared == 8 * (3 * outputs + 16 * 5 + outputs)  # outputs: plain, tapped, and plain once more
    digests = {found.operator: found.sha256 for found in proof.digests}
    assert "host" not in digests[0]
    assert "host" in digests[1]


def test_a_wrong_claim_is_found(tmp_path: Path) -> None:
    """A constant that is none, a channel that is another one, and no word of what was removed."""

    def another_constant(manifest: dict[str, Any]) -> None:
        manifest["removed"][0]["constants"] = [-128, 126, None]

    def another_channel(manifest: dict[str, Any]) -> None:
        manifest["removed"][0].update(kept=[0, 1, 4], constants=[-128, 127, None])

    def of_another_shape(manifest: dict[str, Any]) -> None:
        others = {"channels": 12, "constants": [None] * 9}, {"tensor": 400}
        manifest["removed"] = [{**manifest["removed"][0], **other} for other in others]

    for edit in (another_constant, another_channel, of_another_shape):
        proof = proof_of(informative(), tmp_path, edit)
        assert not proof.proved
        found = proof.runtime("host").difference
        if edit is of_another_shape:
            assert "gave 48 bytes, expected 96" in proof.runtime("host").reason
        else:
            assert found is not None
            assert found.operator == 0


KNOWN: dict[str, Any] = {"tensor": 3, "channels": 5, "kept": [0, 2, 4], "constants": [-128, None]}


@pytest.mark.parametrize(
    ("wrong", "sense"),
    [
        ({}, True),
        ({"tensor": "3"}, False),
        ({"channels": 6}, False),
        ({"kept": [2, 0, 4]}, False),
        ({"kept": [0, 2, 5]}, False),
        ({"kept": [-1, 2, 4]}, False),
        ({"kept": [], "constants": [None] * 5}, False),
        ({"constants": [-129, 127]}, False),
        ({"constants": None}, False),
    ],
)
def test_a_manifest_that_makes_no_sense_says_nothing(wrong: dict[str, Any], sense: bool, tmp_path: Path) -> None:
    (tmp_path / "net.h").write_text("void net_run(const int8_t *input, int8_t *output);")
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"removed": [7, {**KNOWN, **wrong}]}))
    assert read_project(tmp_path).removed == ((Removed(3, 5, (0, 2, 4), (-128, None)),) if sense else ())


def test_the_report_says_what_was_removed_and_why() -> None:
    data, middle = two(1, VALID)
    report = make_report(compile_graph(read(data)))
    (part,) = report.removed
    assert (part.operator, part.type, part.tensor, part.kept) == (0, "CONV_2D", middle, (0, 2, 4))
    assert report.to_json()["removed"][0]["constants"] == (-128, 127)
    assert report.macs == macs(simplify(read(data))) - part.macs
    text = page(report)
    assert "<h2>Removed channels</h2>" in text
    assert part.why in text
    assert "160 of 400 multiply-accumulates less, and 18 bytes" in text
    assert "Removed channels" not in page(make_report(compile_graph(read(two(3, SAME, biases=(0, 5))[0]))))


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

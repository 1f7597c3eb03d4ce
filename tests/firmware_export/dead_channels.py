"""Networks with channels that are constant or needed by nothing, and the check of what is left without them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from single_op import random_int8
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import reference
from firmware_export.graph import Array, Graph, Removed
from firmware_export.ops import OPS
from firmware_export.ops.arithmetic import RELU
from firmware_export.passes import optimize, remove_constant_channels, simplify
from firmware_export.reader import read_tflite
from firmware_export.samples import make_samples

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

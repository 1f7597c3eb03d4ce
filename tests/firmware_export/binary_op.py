"""Cases of operators over two tensors that broadcast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from single_op import Single, model, random_int8, tflm_outputs
from tflite_builder import TensorSpec

from firmware_export import reference
from firmware_export.graph import Array, Node, OptionValue
from firmware_export.ops import OPS
from firmware_export.ops.spec import KernelCall
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

Scales = tuple[float, float, float]
Zeros = tuple[int, int, int]
ALL = np.arange(-128, 128, dtype=np.int8)
SHAPES = [
    ((1, 4, 4, 3), (1, 4, 4, 3)),
    ((1, 4, 4, 3), (1, 1, 1, 3)),
    ((3, 1), (2, 3, 5)),
    ((2, 1, 3), (4, 1)),
    ((), (2, 3)),
    ((4,), (1, 1, 4)),
    ((), ()),
    ((2, 1, 3, 1, 2), (1, 4, 1, 5, 1)),
]
"""Equal, a vector for every pixel, lower rank, both repeated, scalars, five axes that alternate."""


def binary(
    kind: str,
    shapes: Sequence[tuple[int, ...]],
    scales: Scales,
    zeros: Zeros,
    options: Mapping[str, OptionValue] | None = None,
    constant: int | None = None,
) -> Single:
    """One operator on int8 of two shapes; operand `constant` is one."""
    data = [random_int8(5, shape) if number == constant else None for number, shape in enumerate(shapes)]
    inputs = [TensorSpec(shapes[i], scale=scales[i], zero_point=zeros[i], data=data[i]) for i in range(2)]
    output = TensorSpec(tuple(np.broadcast_shapes(*shapes)), scale=scales[2], zero_point=zeros[2])
    return Single(kind, inputs, [output], options or {})


def all_pairs(
    kind: str, scales: Scales, zeros: Zeros, options: Mapping[str, OptionValue] | None = None
) -> tuple[bytes, list[Array]]:
    """A model of one operator, and the inputs that bring all 65,536 pairs of int8 together."""
    single = binary(kind, [(256, 1), (1, 256)], scales, zeros, options)
    return model(kind, single.inputs, single.outputs, single.options), [ALL[None, :, None], ALL[None, None, :]]


def assert_reference(data: bytes, inputs: Sequence[Array]) -> None:
    """numpy gives what TFLite Micro gives."""
    graph = read_tflite(data, "single.tflite")
    for got, want in zip(reference.run(graph, inputs), tflm_outputs(data, inputs), strict=True):
        np.testing.assert_array_equal(got, want)


def only_node(data: bytes) -> Node:
    """The operator of `data` after the passes."""
    graph = apply_passes(read_tflite(data, "single.tflite"))
    return graph.node(graph.ops[0])


def only_call(data: bytes) -> KernelCall:
    """The kernel call that it becomes."""
    node = only_node(data)
    (call,) = OPS[node.op.type].lower(node)
    return call


def drawn_scales(seed: int, *, product: bool = False) -> tuple[Scales, Zeros]:
    """Scales as networks have them: the output's range is about that of the sum, or the product; and zero points."""
    source = np.random.RandomState(seed)
    first, second = np.exp(source.uniform(-5, 1, 2))
    whole = first * second * 60 if product else max(first, second)
    zeros = [int(zero) for zero in source.choice([-128, -3, 0, 77, 127], 3)]
    scales = [float(np.float32(s)) for s in (first, second, whole * np.exp(source.uniform(-1, 1.5)))]
    return (scales[0], scales[1], scales[2]), (zeros[0], zeros[1], zeros[2])

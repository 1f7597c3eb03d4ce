"""Operators that only copy: their output holds the input's bytes in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .. import reference
from ..graph import Array, Graph, Node, Op, Tensor
from ..ops import OPS, int8_table
from .rewrite import computed_inputs, default_options, node_of, same_numbers, sound

_MOVING = """
    BATCH_TO_SPACE_ND CONCATENATION GATHER MIRROR_PAD PACK PAD PADV2 SLICE SPACE_TO_BATCH_ND SPLIT SPLIT_V
    STRIDED_SLICE TILE TRANSPOSE UNPACK
"""
MOVING = frozenset(_MOVING.split())
"""Operators that put values elsewhere and change none."""
MOVED_TYPES = ("int8", "uint8", "int16", "int32", "int64", "float32")
MOST_ELEMENTS = 1 << 18
"""Larger tensors are not looked at."""


def forward_copies(graph: Graph) -> Graph:
    """Operators that only copy become RESHAPE, which costs nothing; and what is not even reshaped is read directly."""
    source: dict[int, int] = {}
    ops = []
    for op in graph.ops:
        op = _as_reshape(graph, replace(op, inputs=tuple(source.get(i, i) for i in op.inputs)))
        if OPS[op.type].alias and _is_same(graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]):
            source[op.outputs[0]] = op.inputs[0]
        ops.append(op)
    return replace(graph, ops=tuple(ops))


def _is_same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and same_numbers(a, b)


def _as_reshape(graph: Graph, op: Op) -> Op:
    """`op` as a RESHAPE if it only copies its one computed input, else `op`."""
    node = graph.node(op)
    computed = computed_inputs(node)
    if OPS[op.type].alias or len(computed) != 1 or len(op.outputs) != 1 or not _copies(node, computed[0]):
        return op
    alias = replace(op, type="RESHAPE", inputs=(computed[0].index,), options=default_options("RESHAPE"))
    return alias if sound(node_of(graph.tensors, alias)) else op


def _copies(node: Node, tensor: Tensor) -> bool:
    """Whether every element of the output is the element of `tensor`, the only computed input, at the same place."""
    table = int8_table(node)
    if table is not None:
        return np.array_equal(table, np.arange(-128, 128))
    moved = node.input(1 if node.op.type == "SPLIT" else 0)
    if node.op.type not in MOVING or tensor is not moved or tensor.dtype not in MOVED_TYPES:
        return False  # what is not moved are indices
    if tensor.dtype != node.output.dtype or tensor.size != node.output.size or tensor.size > MOST_ELEMENTS:
        return False
    copies = ((reference.run_node(node, {tensor.index: x})[0], x) for x in _probes(tensor))
    return all(np.array_equal(got.ravel(), x.ravel()) for got, x in copies)


def _probes(tensor: Tensor) -> Iterator[Array]:
    """Arrays (1, *shape) that together show for every element where it came from: its place, seven bits at a time."""
    places = np.arange(tensor.size, dtype=np.int64).reshape(1, *tensor.shape)
    for shift in range(0, max(tensor.size - 1, 1).bit_length(), 7):
        yield ((places >> shift) & 127).astype(tensor.dtype)

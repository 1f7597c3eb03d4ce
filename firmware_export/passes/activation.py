"""Activations that are operators of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..graph import Array, Graph, Node, Op
from ..ops import int8_table
from ..ops.arithmetic import ACTIVATIONS, INT8_MAX, INT8_MIN, activation_range
from .rewrite import node_of, only_reader, same_numbers, sound

CLAMPING = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "MAX_POOL_2D",
        "MUL",
        "SUB",
        "TRANSPOSE_CONV",
    }
)
"""Operators whose last act is to limit the output to the range of their fused activation."""


def fuse_activations(graph: Graph) -> Graph:
    """An operator that only limits its input's range becomes the fused activation of the one before."""
    only = only_reader(graph)
    writer: dict[int, Op] = {}
    ops: dict[int, Op] = {}
    for op in graph.ops:
        sources = [writer[i] for i in op.inputs if i in only and i in writer]
        fused = _fused(graph, sources[0], op) if len(sources) == 1 else None
        if fused is not None:
            del ops[sources[0].index]
        ops[op.index] = fused or op
        writer.update((i, ops[op.index]) for i in op.outputs)
    return replace(graph, ops=tuple(ops.values()))


def _fused(graph: Graph, before: Op, op: Op) -> Op | None:
    """`before` with what `op` does to its output as its activation; None where that is not the same to the bit."""
    first, second = graph.node(before), graph.node(op)
    if before.type not in CLAMPING or not same_numbers(first.output, second.output):
        return None
    table = int8_table(second)
    code = None if table is None else _activation(first, table)
    if code is None:
        return None
    fused = replace(before, index=op.index, outputs=op.outputs, options={**before.options, "activation": code})
    return fused if sound(node_of(graph.tensors, fused)) else None


def _activation(node: Node, table: Array) -> int | None:
    """The fused activation that does what `node`'s own and then `table` do to every value; None if there is none."""
    scale, zero_point = node.output.scale, node.output.zero_point
    values = np.arange(INT8_MIN, INT8_MAX + 1)
    limited = np.clip(values, *activation_range(node.integer("activation"), scale, zero_point))
    wanted = table[limited + 128]
    codes = (c for c in ACTIVATIONS if np.array_equal(np.clip(values, *activation_range(c, scale, zero_point)), wanted))
    return next(codes, None)

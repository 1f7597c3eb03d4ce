"""Operators that nothing needs."""

from __future__ import annotations

from dataclasses import replace

from ..graph import Graph, Op


def forget_reshape_shape(graph: Graph) -> Graph:
    """RESHAPE without its second input: the output's shape says the same, and what computes it is dead code."""
    ops = tuple(replace(op, inputs=op.inputs[:1]) if op.type == "RESHAPE" else op for op in graph.ops)
    return replace(graph, ops=ops)


def drop_dead_code(graph: Graph) -> Graph:
    """Without the operators whose outputs nothing needs, in this run or, as the value of a variable, the next."""
    needed = set(graph.outputs) | graph.state
    kept: list[Op] = []
    for op in reversed(graph.ops):
        if needed.intersection(op.outputs):
            needed.update(op.inputs)
            kept.append(op)
    return replace(graph, ops=tuple(reversed(kept)))

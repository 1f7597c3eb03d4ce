"""Operators that nothing needs."""

from __future__ import annotations

from dataclasses import replace

from ..graph import ABSENT, Graph, Op
from .rewrite import states_shape


def forget_stated_shapes(graph: Graph) -> Graph:
    """RESHAPE and TRANSPOSE_CONV without the input that states the output's shape.

    The file says the same of the output itself, and what computes that input is dead code. A RESHAPE keeps it where the
    file says what can't be.
    """
    return replace(graph, ops=tuple(replace(op, inputs=_without_shape(graph, op)) for op in graph.ops))


def _without_shape(graph: Graph, op: Op) -> tuple[int, ...]:
    if op.type == "RESHAPE":
        return op.inputs if states_shape(graph.tensors, op) else op.inputs[:1]
    return (ABSENT, *op.inputs[1:]) if op.type == "TRANSPOSE_CONV" else op.inputs


def drop_dead_code(graph: Graph) -> Graph:
    """Without the operators whose outputs nothing needs, in this run or, as the value of a variable, the next."""
    needed = set(graph.outputs) | graph.state
    kept: list[Op] = []
    for op in reversed(graph.ops):
        if needed.intersection(op.outputs):
            needed.update(op.inputs)
            kept.append(op)
    return replace(graph, ops=tuple(reversed(kept)))

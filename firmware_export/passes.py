"""Graph -> Graph, in this order. None changes a bit of any output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import reference
from .graph import Graph, Op, Tensor
from .ops import OPS
from .verify import check_constraints, check_wiring


def forget_reshape_shape(graph: Graph) -> Graph:
    """RESHAPE without its second input: the output's shape says the same, and what computes it is dead code."""
    ops = tuple(replace(op, inputs=op.inputs[:1]) if op.type == "RESHAPE" else op for op in graph.ops)
    return replace(graph, ops=ops)


def fold_constants(graph: Graph) -> Graph:
    """Operators that only constants feed become constants."""
    tensors: list[Tensor] = list(graph.tensors)
    kept: list[Op] = []
    for op in graph.ops:
        node = replace(graph, tensors=tuple(tensors)).node(op)
        constant = op.type in OPS and all(t is None or t.data is not None for t in node.inputs)
        if not constant or any(rule(node) for rule in OPS[op.type].constraints):
            kept.append(op)
            continue
        for tensor, value in zip(node.outputs, reference.run_node(node, {}), strict=True):
            tensors[tensor.index] = replace(tensor, data=value[0])
    return replace(graph, tensors=tuple(tensors), ops=tuple(kept))


def drop_dead_code(graph: Graph) -> Graph:
    """Without the operators whose outputs nothing needs, in this run or the next."""
    needed = set(graph.outputs) | {variable.tensor for variable in graph.variables}
    kept: list[Op] = []
    for op in reversed(graph.ops):
        if needed.intersection(op.outputs):
            needed.update(op.inputs)
            kept.append(op)
    return replace(graph, ops=tuple(reversed(kept)))


PASSES: tuple[Callable[[Graph], Graph], ...] = (forget_reshape_shape, drop_dead_code, fold_constants, drop_dead_code)


def apply_passes(graph: Graph) -> Graph:
    """`graph` after every pass; checked after each. Applying it twice changes nothing.

    Raises:
        ExportError: an operator is not supported or breaks one of its constraints.
    """
    for one in PASSES:
        graph = one(graph)
        check_wiring(graph)
    check_constraints(graph)
    return graph

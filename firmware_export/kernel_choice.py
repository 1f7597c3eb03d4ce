"""Which kernel computes an operator on a target: internal operators take the place of the file's own.

An internal operator that `replaces` another has the same bits; only its kernel, its constants and its scratch memory
differ. So the planner, the program and the emitter need not know of targets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .graph import Graph, Node, Op
from .ops import OPS
from .targets import Target


def choose_kernels(graph: Graph, target: Target) -> Graph:
    """`graph`, as the passes leave it, with each operator as the one whose kernel is best on `target`."""
    return replace(graph, ops=tuple(_chosen(graph, op, target) for op in graph.ops))


def _chosen(graph: Graph, op: Op, target: Target) -> Op:
    return next(_candidates(graph, op, target), op)


def _candidates(graph: Graph, op: Op, target: Target) -> Iterator[Op]:
    """The internal operators that may take the place of `op`."""
    for kind, operator in OPS.items():
        if operator.replaces == op.type and (target.dsp or not operator.dsp):
            other = replace(op, type=kind)
            if fits(graph.node(other)):
                yield other


def fits(node: Node) -> bool:
    """Whether an internal operator can compute `node`."""
    return not any(rule(node) for rule in OPS[node.op.type].constraints)

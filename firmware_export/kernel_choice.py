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

WINOGRAD, LEAST_CHANNELS = "CONV_2D_WINOGRAD", 16
"""Its filters take 3.6 times the flash, and with fewer input channels it saves little."""


def choose_kernels(graph: Graph, target: Target) -> Graph:
    """`graph`, as the passes leave it, with each operator as the one whose kernel is best on `target`."""
    return replace(graph, ops=tuple(_chosen(graph, op, target) for op in graph.ops))


def _chosen(graph: Graph, op: Op, target: Target) -> Op:
    return next(_candidates(graph, op, target), op)


def _candidates(graph: Graph, op: Op, target: Target) -> Iterator[Op]:
    """The internal operators that may take the place of `op`, the best one first."""
    for kind in sorted(OPS, key=lambda kind: kind != WINOGRAD):
        if OPS[kind].replaces == op.type and (target.dsp or not OPS[kind].dsp):
            other = replace(op, type=kind)
            if fits(graph.node(other)) and _is_worth_its_flash(graph.node(other), target):
                yield other


def _is_worth_its_flash(node: Node, target: Target) -> bool:
    fast = target.optimize == "speed" and node.need(0).shape[-1] >= LEAST_CHANNELS
    return fast or node.op.type != WINOGRAD


def fits(node: Node) -> bool:
    """Whether an internal operator can compute `node`."""
    return not any(rule(node) for rule in OPS[node.op.type].constraints)

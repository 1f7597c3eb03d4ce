"""Operators that constants alone feed, or whose outputs the shapes of the inputs tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .. import reference
from ..graph import Graph, Node, Op, Tensor
from ..ops import OPS, reshape
from ..ops.spec import Shape
from .rewrite import meets_rules, node_of, sound, states_shape

FLASH_GROWTH_BYTES = 4096
"""A constant may take so much more flash than those it is made of; beyond that the operator stays."""
MOST_BYTES = 16 << 20
"""All constants that are made together may have so many bytes: what a file can ask for has to have an end."""
MOST_MACS = 1 << 28


@dataclass
class _Budget:
    """What may still be spent on folding one graph."""

    bytes_left: int = MOST_BYTES
    macs_left: int = MOST_MACS

    def pay(self, node: Node) -> bool:
        """Whether there is enough left for `node`; then it is spent. Another shape for the same bytes costs nothing."""
        if OPS[node.op.type].alias:
            return True
        size, macs = sum(t.size_bytes for t in node.outputs), OPS[node.op.type].macs(node)
        if size > self.bytes_left or macs > self.macs_left:
            return False
        self.bytes_left -= size
        self.macs_left -= macs
        return True


def fold_constants(graph: Graph) -> Graph:
    """Operators that only constants feed become constants.

    But those whose outputs are much larger than what they are made of (FILL, TILE) stay, unless an operator that reads
    them, perhaps by way of others, insists on a constant. On the way shapes are corrected that the file left free.
    """
    tensors, kept, budget = list(graph.tensors), list[Op](), _Budget()
    demanded, corrected = _demanded(graph), set[int]()
    for op in graph.ops:
        _correct_shapes(tensors, op, corrected)
        node = node_of(tensors, op)
        free = _is_shape_only(node)
        wanted = _has_constants_only(node) and (_is_small(node) or not demanded.isdisjoint(op.outputs))
        if (free or wanted) and sound(node) and (free or budget.pay(node)):
            for tensor, value in zip(node.outputs, reference.run_node(node, {}), strict=True):
                tensors[tensor.index] = replace(tensor, data=value[0])
        else:
            kept.append(op)
    return replace(graph, tensors=tuple(tensors), ops=tuple(kept))


def _correct_shapes(tensors: list[Tensor], op: Op, corrected: set[int]) -> None:
    """Corrects in `tensors` what the file can't mean, and adds it to `corrected`.

    That is the output of a RESHAPE whose constant second input says another shape, and what is computed from it.
    """
    shapes: Sequence[Shape] = ()
    if states_shape(tensors, op):
        shape = reshape.stated_shape(node_of(tensors, op))
        shapes = () if shape is None else [shape]
    elif not corrected.isdisjoint(op.inputs) and meets_rules(node_of(tensors, op)):
        shapes = OPS[op.type].output_shapes(node_of(tensors, op))
    for index, shape in zip(op.outputs, shapes, strict=False):
        if shape != tensors[index].shape:
            tensors[index] = replace(tensors[index], shape=tuple(shape))
            corrected.add(index)


def _has_constants_only(node: Node) -> bool:
    used = [t for t in node.inputs if t is not None]
    return bool(used) and all(t.data is not None for t in used)


def _is_shape_only(node: Node) -> bool:
    """Whether the inputs' shapes tell the outputs, which are no larger than a shape."""
    return node.op.type in OPS and OPS[node.op.type].shape_only


def _is_small(node: Node) -> bool:
    """Whether its outputs take little more flash than its inputs."""
    given = sum(t.size_bytes for t in node.inputs if t is not None)
    return sum(t.size_bytes for t in node.outputs) <= given + FLASH_GROWTH_BYTES


def _demanded(graph: Graph) -> set[int]:
    """What feeds operators that break a rule as the graph is: if that is because an input is computed, it must not be.

    Also what such tensors are computed from.
    """
    demanded: set[int] = set()
    for op in reversed(graph.ops):
        rules = OPS[op.type].constraints if op.type in OPS else ()
        if not demanded.isdisjoint(op.outputs) or any(rule(graph.node(op)) for rule in rules):
            demanded.update(op.inputs)
    return demanded

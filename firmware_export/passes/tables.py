"""Chains of operators that map every int8 value on its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .. import reference
from ..graph import Array, Graph, Node, Op, Tensor
from ..ops import OPS
from .rewrite import computed_inputs, node_of, only_reader

ELEMENTWISE = frozenset({"ADD", "MAXIMUM", "MINIMUM", "MUL", "SUB"})
"""Operators of two inputs that map each value on its own when the other input is a single constant."""


@dataclass(frozen=True)
class _Mapped:
    """A tensor as a function of another one: table[value + 128]; `kinds` are the operators in between."""

    source: int
    table: Array
    kinds: tuple[str, ...]


def merge_tables(graph: Graph) -> Graph:
    """Two or more operators in a row that map every int8 value on its own become one LOOKUP in a table."""
    tensors, ops, only = list(graph.tensors), list[Op](), only_reader(graph)
    mapped: dict[int, _Mapped] = {}
    for op in graph.ops:
        node = node_of(tensors, op)
        table = int8_table(node)
        if table is None:
            ops.append(op)
            continue
        source = computed_inputs(node)[0].index
        before = mapped.get(source) if source in only else None
        if before is None:
            mapped[op.outputs[0]] = _Mapped(source, table, (op.type,))
            ops.append(op)
            continue
        joined = _Mapped(before.source, table[before.table.astype(np.int64) + 128], (*before.kinds, op.type))
        mapped[op.outputs[0]] = joined
        ops.append(replace(op, type="LOOKUP", inputs=(joined.source, len(tensors)), options={}))
        tensors.append(Tensor(len(tensors), ", then ".join(joined.kinds), "int8", (256,), data=joined.table))
    return replace(graph, tensors=tuple(tensors), ops=tuple(ops))


def int8_table(node: Node) -> Array | None:
    """What an operator makes of the values -128 to 127, int8 (256,); None unless it maps each value on its own."""
    operator = OPS[node.op.type]
    if len(node.outputs) != 1 or len(computed_inputs(node)) != 1:
        return None
    if operator.table is not None:
        return operator.table(node)
    return _table_with_constant(node) if node.op.type in ELEMENTWISE else None


def _table_with_constant(node: Node) -> Array | None:
    """The table of an operator with two inputs, one of them a single constant; None for others."""
    (x,) = computed_inputs(node)
    constants = [t.data for t in node.inputs if t is not None and t.data is not None]
    if len(node.inputs) != 2 or len(constants) != 1 or constants[0].size != 1 or x.shape != node.output.shape:
        return None
    if {x.dtype, node.output.dtype} != {"int8"}:
        return None
    value = constants[0].reshape(1)
    inputs = tuple(
        replace(t, shape=(256,)) if t is x else replace(t, shape=(1,), data=value) for t in node.inputs if t is not None
    )
    probe = Node(node.op, inputs, (replace(node.output, shape=(256,)),))
    values = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    return reference.run_node(probe, {x.index: values})[0].reshape(256)

"""Chains of operators that map every int8 value on its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..graph import Array, Graph, Op, Tensor
from ..ops import int8_table
from .rewrite import computed_inputs, node_of, only_reader


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

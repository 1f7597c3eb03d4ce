"""SOFTMAX with a table of exponentials, where that takes hardly more flash than to compute them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..graph import Array, Node
from . import softmax
from .arithmetic import divide_by_power_of_two
from .spec import Constant, KernelCall, Param

MOST_ENTRIES = 128
"""512 bytes. The code that computes exponentials is about 330 bytes, and takes five times as many instructions."""


def table(node: Node) -> Array:
    """exp in Q0.31 of the differences 0, -1, -2, ... that still add something to a sum, int32."""
    differences = -np.arange(256, dtype=np.int64)
    used = differences >= softmax.least_difference(node)
    exps = softmax.exponentials(node, np.where(used, differences, 0))
    counts = used & (divide_by_power_of_two(exps, softmax.SUM_BITS) > 0)
    return np.asarray(exps[: int(np.flatnonzero(counts).max()) + 1], np.int32)


def table_is_small(node: Node) -> str | None:
    """at most 128 differences may count, of beta times the input's scale each"""
    count = len(table(node))
    return f"{count}" if count > MOST_ENTRIES else None


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of softmax_table_s8."""
    values = table(node)
    constant = Constant("table", values, f"exp(-{node.number('beta') * node.need(0).scale:g} n) in Q0.31")
    params: dict[str, Param] = {**softmax.rows(node), "count": len(values), "table": constant}
    return [KernelCall("softmax_table_s8", params, (node.need(0),), node.output)]


OPERATOR = replace(
    softmax.OPERATOR,
    lower=lower,
    constraints=(*softmax.OPERATOR.constraints, table_is_small),
    internal=True,
    replaces="SOFTMAX",
)

"""What a kernel costs, before anything is compiled: instructions from measured tables, bytes of code and of constants.

kernel_costs.json holds, for each core that was measured, the instructions that each unit of an operator's work takes,
and the bytes of each kernel's code; benchmarks/kernel_costs.py makes it. A choice between kernels rests on it, and what
an export says of costs without a compiler; exact figures come from `profile`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from .graph import Graph, Node
from .ops import OPS
from .program import call_constants
from .targets import Core

TABLE = "kernel_costs.json"
MEASURED = {"cortex-m0": "cortex-m0plus", "cortex-m7": "cortex-m4", "cortex-m33": "cortex-m4"}
"""Cores that take the figures of another one, which has the same instructions."""
CALL_BYTES = 120
"""Flash for a call and its parameters, about."""


@dataclass(frozen=True)
class Cost:
    """What one operator takes: estimated instructions, bytes of its constant tables, and the kernels it calls."""

    instructions: int
    constant_bytes: int
    kernels: frozenset[str]


def work(node: Node) -> dict[str, int]:
    """What an operator's run depends on, by name."""
    operator, source = OPS[node.op.type], node.input(0)
    common = {
        "call": 1,
        "outputs": sum(tensor.size for tensor in node.outputs),
        "inputs": source.size if source is not None else 0,
        "macs": operator.macs(node),
    }
    return {**common, **operator.work(node)}


def cost_of(node: Node, core: Core) -> Cost:
    """The cost of an operator on a core."""
    units = work(node)
    rates = _table()["instructions"].get(measured_core(core), {}).get(node.op.type, {})
    calls = OPS[node.op.type].lower(node)
    tables = {c.values.tobytes() for call in calls for c in call_constants("", call).values()}
    return Cost(
        round(sum(rate * units.get(name, 0) for name, rate in rates.items())),
        sum(map(len, tables)),
        frozenset(call.kernel for call in calls),
    )


def code_bytes(kernels: Iterable[str], calls: int, core: Core) -> int:
    """Flash for kernels, each once, and for so many calls of them, about."""
    sizes: dict[str, int] = _table()["code_bytes"].get(measured_core(core), {})
    return sum(sizes.get(kernel, 0) for kernel in set(kernels)) + CALL_BYTES * calls


def measured_core(core: Core) -> str:
    """The core whose figures stand for those of `core`."""
    return MEASURED.get(core.name, core.name)


def estimate(graph: Graph, core: Core) -> int:
    """Instructions of one inference, about."""
    return sum(cost_of(graph.node(op), core).instructions for op in graph.ops)


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads((files(__package__) / TABLE).read_text(encoding="utf-8"))
    return table

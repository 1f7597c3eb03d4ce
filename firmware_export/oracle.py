"""Which runtime says what is right: TFLite Micro, and TFLite 2.14 for the operators that it lacks or gets wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from firmware_export.graph import Graph, Node, Op
from firmware_export.ops.arithmetic import quantize_multiplier

TFLM, TFLITE, NUMPY = "tflm", "tflite-2.14", "numpy"
ORACLES = (TFLM, TFLITE)
LACKS, WRONG = "lacks", "wrong"


@dataclass(frozen=True)
class Defect:
    """An operator that TFLite Micro can't be the oracle of.

    Attributes:
        operator: index in the .tflite.
        type: the operator's type.
        tensor: name of its output.
        kind: "lacks" where TFLite Micro refuses it, "wrong" where it is known to compute something else.
        what: the rest of a sentence that begins with `who`.
        who: "TFLite Micro"; or "TFLite 2.14", in what TFLite Micro is followed.
    """

    operator: int
    type: str
    tensor: str
    kind: str
    what: str
    who: str = "TFLite Micro"

    def __str__(self) -> str:
        return f"{self.who} {self.what} (operator {self.operator}, output '{self.tensor}')"


def _relu6_rescales(node: Node) -> bool:
    """Whether input and output differ in scale or zero point, which TFLite Micro's RELU6 ignores."""
    x, y = node.input(0), node.output
    return x is not None and x.dtype in ("int8", "int16") and (x.scale, x.zero_point) != (y.scale, y.zero_point)


def _multiplier_misstated(node: Node) -> bool:
    """Whether the option differs from what the shapes say, which the schema and TFLite go by."""
    x, y = node.input(0), node.output
    return x is not None and node.integer("depth_multiplier") * x.shape[-1] != y.shape[-1]


def _pads(node: Node) -> bool:
    """Whether there are paddings: TFLite Micro never sets the value of these, which is what its arena held before."""
    amounts = node.input(2)
    return amounts is not None and (amounts.data is None or bool(amounts.data.any()))


def _one_factor_differs(node: Node) -> bool:
    """Whether the filter has one scale, whose product with the input's is another number in float32."""
    x, filters, y = node.input(0), node.input(1), node.output
    if x is None or filters is None or filters.quant is None or filters.quant.per_channel or y.scale <= 0:
        return False
    products = float(np.float32(x.scale) * np.float32(filters.scale)), x.scale * filters.scale
    return len({quantize_multiplier(product / y.scale) for product in products}) > 1


KNOWN: Mapping[str, tuple[Callable[[Node], bool], str]] = MappingProxyType(
    {
        "DEPTHWISE_CONV_2D": (_multiplier_misstated, "relies on depth_multiplier, which other runtimes ignore"),
        "RELU6": (_relu6_rescales, "does not requantize in RELU6, a known defect"),
        "SPACE_TO_BATCH_ND": (_pads, "pads with a value that it never sets, a known defect"),
    }
)
"""Operator -> where TFLite Micro is known to be wrong, and in what words. Measured against TFLite 2.14."""
TFLITE_OWN: Mapping[str, Callable[[Node], bool]] = MappingProxyType(
    {"FULLY_CONNECTED": _one_factor_differs, "HARD_SWISH": lambda node: True, "LEAKY_RELU": lambda node: True}
)
"""Operator -> where TFLite 2.14 may differ from TFLite Micro, which is followed: it computes factors in float32."""
OWN_WAY = "computes the factors of {} in float32; TFLite Micro, which is followed, in float64"
REFUSALS = (re.compile(r"op code (?P<type>\w+)"), re.compile(r"Node (?P<type>\w+) \(number (?P<index>\d+)\)"))
"""How TFLite Micro names the operator that it does not load."""


def wrong_operators(graph: Graph) -> tuple[Defect, ...]:
    """The operators that TFLite Micro runs and gets wrong."""
    return tuple(
        _defect(graph, op, WRONG, KNOWN[op.type][1])
        for op in graph.ops
        if op.type in KNOWN and KNOWN[op.type][0](graph.node(op))
    )


def tflite_operators(graph: Graph) -> tuple[Defect, ...]:
    """The operators in which TFLite 2.14 may differ, and TFLite Micro is followed."""
    own = [op for op in graph.ops if op.type in TFLITE_OWN and TFLITE_OWN[op.type](graph.node(op))]
    return tuple(replace(_defect(graph, op, WRONG, OWN_WAY.format(op.type)), who="TFLite 2.14") for op in own)


def refused_operators(graph: Graph, reason: str) -> tuple[Defect, ...]:
    """The operator that TFLite Micro refused, by what it said; none where that was about no operator."""
    for pattern in REFUSALS:
        said = pattern.search(reason)
        if said is None:
            continue
        parts = said.groupdict()
        for op in graph.ops:
            if op.type == parts["type"] and parts.get("index") in (None, str(op.index)):
                lacks = parts.get("index") is None
                return (_defect(graph, op, LACKS, f"{'lacks' if lacks else 'refuses this'} {op.type}"),)
    return ()


def oracle_name(running: Sequence[str], defects: Sequence[Defect]) -> str:
    """The runtime, of those that run, that the others are compared with.

    TFLite Micro, but where it is known to be wrong only after TFLite 2.14 and numpy.
    """
    order = (TFLITE, NUMPY, TFLM) if any(defect.kind == WRONG for defect in defects) else (TFLM, TFLITE, NUMPY)
    return next((name for name in order if name in running), running[0] if running else "nothing")


def tainted(graph: Graph, defects: Sequence[Defect]) -> tuple[frozenset[int], frozenset[int]]:
    """The operators, and the network's outputs by number, that depend on what these get wrong."""
    sources = {defect.operator for defect in defects if defect.kind == WRONG}
    operators: set[int] = set()
    tensors: set[int] = set()
    for op in graph.ops:
        if op.index in sources or tensors.intersection(op.inputs):
            operators.add(op.index)
            tensors.update(op.outputs)
    outputs = {number for number, index in enumerate(graph.outputs) if index in tensors}
    return frozenset(operators), frozenset(outputs)


def _defect(graph: Graph, op: Op, kind: str, what: str) -> Defect:
    name = graph.tensors[op.outputs[0]].name if op.outputs else ""
    return Defect(op.index, op.type, name, kind, what)

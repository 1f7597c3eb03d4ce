"""SUM over any axes: what MEAN does, without dividing by the number of values."""

from __future__ import annotations

from ..graph import Node
from . import reduce
from .arithmetic import quantize_multiplier


def scaling(node: Node) -> tuple[int, int]:
    """(multiplier, shift) of input scale / output scale. Source: TFLite QuantizedMeanOrSum."""
    return quantize_multiplier(node.need(0).scale / node.output.scale)


OPERATOR = reduce.adding_operator(scaling)

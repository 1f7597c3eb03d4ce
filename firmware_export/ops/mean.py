"""MEAN over any axes: a sum, then one requantization that also divides by the number of values."""

from __future__ import annotations

from ..graph import Node
from . import reduce
from .arithmetic import quantize_multiplier


def scaling(node: Node) -> tuple[int, int]:
    """(multiplier, shift) of input scale / output scale / count. Source: TFLite QuantizedMeanOrSum."""
    count = reduce.count(node)
    multiplier, shift = quantize_multiplier(node.need(0).scale / node.output.scale)
    down = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << down) // count, shift - down


OPERATOR = reduce.adding_operator(scaling)

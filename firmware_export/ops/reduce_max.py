"""REDUCE_MAX over any axes: the largest of the values; input and output are quantized alike."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Array, Node
from . import reduce, rules
from .spec import KernelCall, Operator


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, *output shape)."""
    return [inputs[0].max(axis=reduce.along(node)).reshape(len(inputs[0]), *node.output.shape)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of reduce_max_s8."""
    return [KernelCall("reduce_max_s8", reduce.layout(node), (node.need(0),), node.output)]


OPERATOR = Operator(
    options=reduce.OPTIONS,
    constraints=(
        rules.int8_first_input,
        rules.int8_output,
        rules.constant_second_input,
        rules.same_quantization,
        reduce.axes_exist,
    ),
    output_shapes=reduce.output_shapes,
    reference=reference,
    lower=lower,
    overlap=reduce.overlap,
)

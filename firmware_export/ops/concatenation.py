"""CONCATENATION: the inputs one behind the other along an axis."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Array, Node, Tensor
from . import moving, rules
from .arithmetic import NONE
from .spec import Field, KernelCall, Operator, Shape

QUANTIZED = ("int8", "uint8")
"""Types that TFLite Micro (uint8: TFLite) does not only copy: it insists on one scale, or would rescale."""


def axis(node: Node) -> int:
    """The axis along which the inputs are joined, counted from the front."""
    return node.integer("axis") % len(node.output.shape)


def _inputs(node: Node) -> list[Tensor]:
    return [node.need(number) for number in range(len(node.inputs))]


def _extents(node: Node) -> list[int]:
    return [tensor.shape[axis(node)] for tensor in _inputs(node)]


def one_type(node: Node) -> str | None:
    """inputs and output must be of one type (bool, int8, uint8, int16, int32, int64, float32), the output not empty"""
    return moving.not_one_type(node.input(0), (*node.inputs, *node.outputs)) or rules.some_output(node)


def no_activation(node: Node) -> str | None:
    """there must be no fused activation"""
    code = node.integer("activation")
    return None if code == NONE else f"number {code}"


def equal_quantization(node: Node) -> str | None:
    """inputs and output, if they are int8 or uint8, must have the same scale and zero point"""
    pairs = {(t.scale, t.zero_point) for t in (*_inputs(node), node.output)}
    if len(pairs) == 1 or node.output.dtype not in QUANTIZED:
        return None
    return ", ".join(f"{scale:g} and {zero}" for scale, zero in sorted(pairs))


def shapes_fit(node: Node) -> str | None:
    """the inputs' shapes must be equal but for the axis, which they must have; along it some may be empty"""
    shapes = [tensor.shape for tensor in _inputs(node)]
    where = moving.wrapped_axis(node.integer("axis"), len(node.output.shape))
    if where is None or any(len(shape) != len(node.output.shape) for shape in shapes):
        return f"axis {node.integer('axis')} of {shapes}"
    others = {shape[:where] + shape[where + 1 :] for shape in shapes if shape[where]}
    return None if len(others) == 1 else f"{shapes}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The shape of the first input that is not empty, with the sum along the axis."""
    where = axis(node)
    first = next(tensor.shape for tensor in _inputs(node) if tensor.shape[where])
    return [(*first[:where], sum(_extents(node)), *first[where + 1 :])]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the inputs' type."""
    return [moving.joined(inputs, _extents(node), node.output, axis(node))]


def lower(node: Node) -> Sequence[KernelCall]:
    """One copy for each input."""
    return moving.join(_inputs(node), _extents(node), node.output, axis(node))


OPERATOR = Operator(
    options={"axis": Field(0), "activation": Field(1, "int8")},
    constraints=(one_type, no_activation, equal_quantization, shapes_fit),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

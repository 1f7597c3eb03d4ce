"""Operators over two tensors that broadcast: their types and shapes, the kernel's loops, and plain integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..graph import Array, Node, Tensor
from . import lookup, rules
from .arithmetic import Int, integer_activation_range
from .spec import Constraint, Field, KernelCall, Operator, Param, Shape, in_place

MAX_AXES = 6
"""Axes that the kernels loop over; neighbours that broadcast alike are one."""
INTEGER_FUNCTIONS = (np.add, np.subtract, np.multiply, np.minimum, np.maximum)
"""What binary_s32 computes, by its number for it."""

Formula: TypeAlias = Callable[[Node, Int, Int], npt.NDArray[np.int8]]
"""What an operator makes of int64 values of its two int8 tensors, which broadcast."""


def two_operands(node: Node) -> str | None:
    """there must be two operands of one type: int8 with one scale each, int32 or int64"""
    first, second = node.input(0), node.input(1)
    if len(node.inputs) != 2 or first is None or second is None:
        return f"{sum(t is not None for t in node.inputs)} inputs"
    if first.dtype != second.dtype:
        return f"'{first.name}' is {first.dtype}, '{second.name}' is {second.dtype}"
    if first.dtype == "int8":
        return rules.int8_inputs(node)
    return None if first.dtype in ("int32", "int64") else f"'{first.name}' is {first.dtype}"


def constant_int64(node: Node) -> str | None:
    """operands of int64 must be constants"""
    computed = (t for t in (node.need(0), node.need(1)) if t.dtype == "int64" and t.data is None)
    return next((f"'{tensor.name}' is computed" for tensor in computed), None)


def output_of_their_type(node: Node) -> str | None:
    """the output must have the operands' type, and one scale if that is int8"""
    if quantized(node):
        return rules.int8_output(node)
    found, wanted = node.output.dtype, node.need(0).dtype
    return None if found == wanted else f"'{node.output.name}' is {found}"


def shapes_broadcast(node: Node) -> str | None:
    """the shapes must be equal or broadcast over at most six axes (neighbours that broadcast alike count as one)"""
    first, second = node.need(0).shape, node.need(1).shape
    try:
        np.broadcast_shapes(first, second)
    except ValueError:
        return f"{first} and {second}"
    if 0 in (*first, *second):
        return f"{first} and {second} are empty"
    axes = len(_merged_axes(first, second))
    return f"{first} and {second}, {axes} axes" if axes > MAX_AXES else None


INT8_RULES = (rules.two_int8_inputs, rules.int8_output)
INTEGER_RULES = (two_operands, output_of_their_type)
EXTREMES = (np.minimum, np.maximum)
"""What TFLite Micro computes of int64 too."""


def quantized(node: Node) -> bool:
    """Whether the operands are int8; else they are plain integers."""
    return node.need(0).dtype == "int8"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The shapes of the operands, broadcast."""
    return [np.broadcast_shapes(node.need(0).shape, node.need(1).shape)]


def loops(first: Tensor, second: Tensor) -> Param:
    """The kernel's `edgenet_broadcast`: extents of MAX_AXES axes, and how far a step along each moves in the inputs."""
    merged = _merged_axes(first.shape, second.shape)
    axes = [(1, 1)] * (MAX_AXES - len(merged)) + merged
    columns = (tuple(map(max, axes)), _strides([a for a, _ in axes]), _strides([b for _, b in axes]))
    return (*(column[:-1] for column in columns), *(column[-1] for column in columns))


def row_steps(first: Tensor, second: Tensor) -> tuple[int, int, int]:
    """Elements of a row, the kernel's innermost loop, and how far a step along it moves in each input: 1, or 0."""
    a, b = [(1, 1), *_merged_axes(first.shape, second.shape)][-1]
    return max(a, b), int(a > 1), int(b > 1)


def _merged_axes(first: Shape, second: Shape) -> list[tuple[int, int]]:
    """(extent of the first, of the second) along each axis; neighbours that broadcast alike are joined."""
    axes: list[tuple[int, int]] = []
    for a, b in zip(*_extended(first, second), strict=True):
        if a == b == 1:
            continue
        if axes and (axes[-1][0] == 1, axes[-1][1] == 1) == (a == 1, b == 1):
            axes[-1] = (axes[-1][0] * a, axes[-1][1] * b)
        else:
            axes.append((a, b))
    return axes


def _extended(first: Shape, second: Shape) -> tuple[Shape, Shape]:
    """Both with the same number of axes: 1 in front of the shorter."""
    rank = max(len(first), len(second))
    return (1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second


def _strides(extents: Sequence[int]) -> Shape:
    """How far one step along each axis moves in a tensor with these extents: 0 along an extent of 1."""
    steps, step = [], 1
    for extent in reversed(extents):
        steps.append(step if extent > 1 else 0)
        step *= extent
    return tuple(reversed(steps))


def _aligned(arrays: Sequence[Array], rank: int) -> list[Int]:
    """The operands (N, *shape) as int64, with axes of 1 after the first until `rank` axes follow it."""
    return [x.astype(np.int64).reshape(len(x), *(1,) * (rank - x.ndim + 1), *x.shape[1:]) for x in arrays]


def broadcast_operator(
    formula: Formula,
    call: Callable[[Node], KernelCall],
    *constraints: Constraint,
    options: Mapping[str, Field] = MappingProxyType({}),
    integers: np.ufunc | None = None,
) -> Operator:
    """The operator over two tensors that broadcast.

    Args:
        formula: what it makes of int8 operands.
        call: the kernel call for two int8 tensors.
        constraints: what has to hold beside types and shapes.
        options: of its table.
        integers: what it makes of int32 and int64 operands, one of INTEGER_FUNCTIONS; None if it takes int8 alone.
    """

    def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
        """(N, *shape) of the output's type; int32 and int64 wrap around."""
        first, second = _aligned(inputs, len(node.output.shape))
        if integers is None or quantized(node):
            return [formula(node, first, second)]
        return [np.clip(integers(first, second).astype(node.output.dtype), *_integer_range(node, integers))]

    def table(node: Node) -> Array | None:
        """The 256 outputs for the inputs -128 to 127, where the other operand is a single constant of int8."""
        single = _single_constant(node)
        if single is None or not quantized(node):
            return None
        fixed = node.constant(single).reshape(1).astype(np.int64)
        return formula(node, fixed, lookup.ALL_INT8) if single == 0 else formula(node, lookup.ALL_INT8, fixed)

    def lower(node: Node) -> Sequence[KernelCall]:
        """A look-up where one operand is a single constant, else one call of a kernel."""
        if integers is not None and not quantized(node):
            return [_integer_call(node, integers)]
        values = table(node)
        if values is None:
            return [call(node)]
        source = next(t for t in node.inputs if t is not None and t.data is None)
        return [lookup.lookup_call(node, source, values, node.op.type)]

    return Operator(
        options=options,
        constraints=(*_type_rules(integers), shapes_broadcast, *constraints),
        output_shapes=output_shapes,
        reference=reference,
        lower=lower,
        overlap=in_place,
        table=table,
    )


def _single_constant(node: Node) -> int | None:
    """Which operand is a constant of one element, where the other is computed and has the output's shape; else None."""
    for number, other in ((0, node.need(1)), (1, node.need(0))):
        tensor = node.need(number)
        if tensor.data is not None and tensor.size == 1 and other.data is None and other.shape == node.output.shape:
            return number
    return None


def _type_rules(integers: np.ufunc | None) -> tuple[Constraint, ...]:
    """The rules for the types, by what the operator makes of integers."""
    if integers is None:
        return INT8_RULES
    return INTEGER_RULES if integers in EXTREMES else (*INTEGER_RULES, constant_int64)


def _integer_range(node: Node, function: np.ufunc) -> tuple[int, int]:
    """What the fused activation leaves of integers: TFLite Micro overlooks that of ADD."""
    limits = np.iinfo(node.output.dtype)
    if "activation" not in node.op.options or function is np.add:
        return int(limits.min), int(limits.max)
    return integer_activation_range(node.integer("activation"), limits)


def _integer_call(node: Node, function: np.ufunc) -> KernelCall:
    """The call of binary_s32, or of extreme_s64."""
    first, second = node.need(0), node.need(1)
    params: dict[str, Param] = {"broadcast": loops(first, second)}
    if node.output.dtype == "int64":
        return KernelCall(
            "extreme_s64", {**params, "largest": int(function is np.maximum)}, (first, second), node.output
        )
    low, high = _integer_range(node, function)
    params |= {"function": INTEGER_FUNCTIONS.index(function), "activation_min": low, "activation_max": high}
    return KernelCall("binary_s32", params, (first, second), node.output)

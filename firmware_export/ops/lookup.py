"""Operators that map every int8 value on its own: a table of 256 entries, so any formula is exact.

LOOKUP itself is in no file: a pass makes it of several such operators; its second input is the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..graph import Array, Node, Tensor
from . import rules
from .arithmetic import Int
from .spec import Constant, Constraint, Field, KernelCall, Operator, Param, Shape, in_place

Formula: TypeAlias = Callable[[Node, Int], npt.NDArray[np.int8]]
"""What an operator makes of int64 values in [-128, 127]."""
ALL_INT8 = np.arange(-128, 128, dtype=np.int64)
"""Every value that an input can have, in the order of a table."""


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's."""
    return [node.need(0).shape]


def lookup_call(node: Node, source: Tensor, table: Array, name: str) -> KernelCall:
    """The call of lookup_s8 that makes the output from `source` by `table`, the outputs for ALL_INT8."""
    values = Constant("table", table, f"{name} of -128 to 127")
    params: dict[str, Param] = {"size": node.output.size, "table": values}
    return KernelCall("lookup_s8", params, (source,), node.output)


def lookup_operator(
    formula: Formula, *constraints: Constraint, options: Mapping[str, Field] = MappingProxyType({})
) -> Operator:
    """The operator that applies `formula` to every element, subject to `constraints`; `options` are of its table."""

    def table(node: Node) -> npt.NDArray[np.int8]:
        """The 256 outputs, for the inputs -128 to 127."""
        return formula(node, ALL_INT8)

    def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
        """int8 (N, *shape)."""
        return [table(node)[inputs[0].astype(np.int64) + 128]]

    def lower(node: Node) -> Sequence[KernelCall]:
        """One call of lookup_s8."""
        return [lookup_call(node, node.need(0), table(node), node.op.type)]

    return Operator(
        options=options,
        constraints=(rules.int8_first_input, rules.int8_output, *constraints),
        output_shapes=output_shapes,
        reference=reference,
        lower=lower,
        overlap=in_place,
        table=table,
    )


def table_of_256(node: Node) -> str | None:
    """the second input must be a constant of 256 int8 values"""
    tensor = node.input(1)
    if tensor is None or tensor.data is None:
        return "it is missing" if tensor is None else f"'{tensor.name}' is computed"
    return None if (tensor.dtype, tensor.shape) == ("int8", (256,)) else f"{tensor.dtype} {tensor.shape}"


def given_table(node: Node) -> Array:
    """The second input, int8 (256,)."""
    return node.constant(1)


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, *shape)."""
    return [given_table(node)[inputs[0].astype(np.int64) + 128]]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of lookup_s8."""
    return [lookup_call(node, node.need(0), given_table(node), node.need(1).name)]


OPERATOR = Operator(
    constraints=(rules.int8_first_input, rules.int8_output, table_of_256),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
    overlap=in_place,
    table=given_table,
    internal=True,
)

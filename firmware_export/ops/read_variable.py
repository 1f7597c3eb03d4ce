"""READ_VARIABLE: a copy of the variable as it is at this moment; a later ASSIGN_VARIABLE does not change the copy."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Array, Node
from . import variable
from .spec import KernelCall, Operator


def variable_fits(node: Node) -> str | None:
    """the variable must have the output's type, one that C has, and as many elements"""
    return variable.mismatch(node.input(0), node.output)


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the variable's type."""
    return variable.copied(node, inputs[0])


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of copy."""
    return variable.copy(node, node.need(0))


OPERATOR = Operator(
    constraints=(variable_fits,),
    output_shapes=variable.output_shapes,
    reference=reference,
    lower=lower,
)

"""ASSIGN_VARIABLE: the second input becomes what the variable (the first input, and here also the output) holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import variable
from .spec import KernelCall, Operator


def value_fits(node: Node) -> str | None:
    """the value must have the variable's type, one that C has, and as many elements"""
    return variable.mismatch(node.input(0), node.input(1))


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *shape of the variable) of the variable's type."""
    return variable.copied(node, np.broadcast_to(inputs[1], (len(inputs[0]), *inputs[1].shape[1:])))


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of copy."""
    return variable.copy(node, node.need(1))


OPERATOR = Operator(
    constraints=(value_fits,),
    output_shapes=variable.output_shapes,
    reference=reference,
    lower=lower,
)

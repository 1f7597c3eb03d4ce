"""VAR_HANDLE: names a variable. It vanishes right after reading, see `firmware_export/variables.py`."""

from __future__ import annotations

from ..graph import Node
from . import variable
from .spec import Field, Operator


def resolved(node: Node) -> str | None:
    """only READ_VARIABLE and ASSIGN_VARIABLE may use the variable that it names"""
    return "another operator does"


def named_once(node: Node) -> str | None:
    """no two containers may hold variables of the same name"""
    return None


OPERATOR = Operator(
    options={"container": Field(0, "text"), "shared_name": Field(1, "text")},
    constraints=(named_once, resolved),
    output_shapes=variable.no_shapes,
    reference=variable.no_values,
    lower=variable.nothing,
)

"""CALL_ONCE: gives variables their first values. Vanishes right after reading, see `firmware_export/variables.py`."""

from __future__ import annotations

from ..graph import Node
from . import variable
from .spec import Field, Operator


def resolved(node: Node) -> str | None:
    """the subgraph that it calls may only assign constants to variables, before any of them is read or assigned"""
    return "it does something else"


OPERATOR = Operator(
    options={"init_subgraph_index": Field(0)},
    constraints=(resolved,),
    output_shapes=variable.no_shapes,
    reference=variable.no_values,
    lower=variable.nothing,
)

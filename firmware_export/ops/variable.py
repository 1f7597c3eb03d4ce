"""What READ_VARIABLE and ASSIGN_VARIABLE share: both copy bytes, and VAR_HANDLE and CALL_ONCE vanish before.

`firmware_export/variables.py` makes the resource of the file an ordinary tensor: the first input of READ_VARIABLE, and
both the first input and the output of ASSIGN_VARIABLE.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Array, Node, Tensor
from . import moving
from .spec import KernelCall, Shape


def mismatch(variable: Tensor | None, value: Tensor | None) -> str | None:
    """What keeps bytes of one from being those of the other, or None."""
    if variable is None or value is None:
        return "a tensor is missing"
    if variable.dtype not in moving.TYPES or (variable.dtype, variable.size) != (value.dtype, value.size):
        return f"{variable.dtype} {variable.shape} and {value.dtype} {value.shape}"
    return None


def output_shapes(node: Node) -> Sequence[Shape]:
    """What the file says."""
    return [node.output.shape]


def copied(node: Node, values: Array) -> Sequence[Array]:
    """(N, *output shape): the same values."""
    return [values.reshape(len(values), *node.output.shape)]


def copy(node: Node, source: Tensor) -> Sequence[KernelCall]:
    """One call of copy."""
    return [moving.copy_all(source, node.output)]


def nothing(node: Node) -> Sequence[KernelCall]:
    """No calls: the operator is resolved right after reading."""
    return []


def no_values(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """No values, as in `nothing`."""
    return []


def no_shapes(node: Node) -> Sequence[Shape]:
    """No shapes, as in `nothing`."""
    return []

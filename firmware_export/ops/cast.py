"""CAST: the same numbers in another type.

Integers keep their last bits. Floats go towards 0 and saturate, and what is not a number becomes 0. A bool says whether
the value is not 0. TFLite Micro has no uint8 and no int64 here; they are done alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from ..graph import Array, Node
from . import moving
from .spec import KernelCall, Operator, Param, Shape

CODES: Mapping[str, int] = MappingProxyType({"int8": 0, "uint8": 1, "int16": 2, "int32": 3, "int64": 4, "bool": 5})
"""How the kernels call the types: EDGENET_S8, ..."""


def known_types(node: Node) -> str | None:
    """input and output must be bool, int8, uint8, int16, int32, int64 or float32, and not empty"""
    tensor = node.input(0)
    if tensor is None or not tensor.size:
        return "it is missing" if tensor is None else f"'{tensor.name}' has {tensor.shape}"
    known = tensor.dtype in moving.TYPES and node.output.dtype in moving.TYPES
    return None if known else f"{tensor.dtype} to {node.output.dtype}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's."""
    return [node.need(0).shape]


def _limits(dtype: str) -> tuple[int, int]:
    """The range of a type of integers; of bool, 0 and 1."""
    if dtype == "bool":
        return 0, 1
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *shape) of the output's type."""
    x, dtype = inputs[0], node.output.dtype
    if x.dtype != np.float32 or dtype in ("float32", "bool"):
        return [x.astype(dtype)]
    low, high = _limits(dtype)
    above, below = x >= np.float32(high), x <= np.float32(low)
    inside = np.where(above | below | np.isnan(x), np.float32(0), x).astype(dtype)
    return [np.where(above, np.array(high, dtype), np.where(below, np.array(low, dtype), inside))]


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of cast, cast_from_f32 or cast_to_f32, or a copy where nothing changes."""
    tensor, target = node.need(0), node.output
    params: dict[str, Param] = {"size": target.size}
    if tensor.dtype == target.dtype:
        return [moving.copy_all(tensor, target)]
    if target.dtype == "float32":
        return [KernelCall("cast_to_f32", {**params, "from": CODES[tensor.dtype]}, (tensor,), target)]
    if tensor.dtype != "float32":
        params |= {"from": CODES[tensor.dtype], "to": CODES[target.dtype]}
        return [KernelCall("cast", params, (tensor,), target)]
    low, high = _limits(target.dtype)
    params |= {"to": CODES[target.dtype], "low": low, "high": high}
    return [KernelCall("cast_from_f32", params, (tensor,), target)]


OPERATOR = Operator(
    constraints=(known_types,),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

"""PAD: the input with one value around it: 0, which is the zero point in int8 and uint8, or that of a third input.

TFLite Micro runs PAD and PADV2 by the same code.

A negative padding cuts nothing off: the output is that much smaller, and takes the input's values in their order, from
the first one on, as in TFLite Micro. TFLite has no such padding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..graph import ITEM_BYTES, Array, Node, Tensor
from . import moving
from .spec import KernelCall, Operator, Param, Shape

QUANTIZED = {"int8": (-128, 127), "uint8": (0, 255)}
"""Types whose 0 is the zero point, and the range of that."""


def paddings(node: Node) -> tuple[tuple[int, int], ...]:
    """(before, after) of each axis."""
    return tuple((int(before), int(after)) for before, after in node.constant(1).reshape(-1, 2))


def paddings_fit(node: Node) -> str | None:
    """the paddings must be a constant of int32 or int64, two for each axis"""
    tensor, rank = node.input(1), len(node.need(0).shape)
    if tensor is None or moving.integers(tensor) is None:
        return moving.not_integers(tensor)
    return None if tensor.size == 2 * rank else f"{tensor.shape} for {rank} axes"


def inside(node: Node) -> tuple[Shape, Shape]:
    """(extents, begin) of what the output takes of the input: its first values, in their order."""
    pairs = list(zip(node.need(0).shape, paddings(node), strict=True))
    return tuple(max(n + min(a, 0) + min(b, 0), 0) for n, (a, b) in pairs), tuple(max(a, 0) for _, (a, _) in pairs)


def one_value(node: Node) -> str | None:
    """the value, if given, must be one of the output's type, in int8 and uint8 of its scale and zero point"""
    value, out = node.input(2), node.output
    if value is None:
        return None
    if value.dtype != out.dtype or value.size != 1:
        return f"{value.dtype} {value.shape}"
    alike = out.dtype not in QUANTIZED or (value.scale, value.zero_point) == (out.scale, out.zero_point)
    return None if alike else f"{value.scale:g}, {value.zero_point} and {out.scale:g}, {out.zero_point}"


def zero_in_range(node: Node) -> str | None:
    """the output's zero point, where no value is given, must lie in the range of its type"""
    zero, limits = node.output.zero_point, QUANTIZED.get(node.output.dtype)
    return None if limits is None or node.input(2) is not None or limits[0] <= zero <= limits[1] else f"{zero}"


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's shape plus the paddings."""
    return [tuple(n + a + b for n, (a, b) in zip(node.need(0).shape, paddings(node), strict=True))]


def constant_value(node: Node) -> Array | None:
    """The value, an array of one element, or None where it is computed."""
    value = node.input(2)
    if value is not None:
        return value.data
    return zero(node.output)


def zero(tensor: Tensor) -> Array:
    """The 0 of a tensor, an array of one element."""
    return np.array(tensor.zero_point if tensor.dtype in QUANTIZED else 0, tensor.dtype)


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the input's type."""
    fixed, out = constant_value(node), node.output.shape
    value = inputs[2] if fixed is None else fixed[None]
    full = np.empty((max(len(inputs[0]), len(value)), *out), node.output.dtype)
    full[:] = value.reshape(len(value), *(1,) * len(out))
    shape, begin = inside(node)
    taken = inputs[0].reshape(len(inputs[0]), -1)[:, : math.prod(shape)].reshape(len(inputs[0]), *shape)
    if taken.size:
        full[(slice(None), *(slice(a, a + n) for n, a in zip(shape, begin, strict=True)))] = taken
    return [full]


def inner(node: Node) -> KernelCall:
    """The copy of the input into its place."""
    shape, begin = inside(node)
    return moving.copy(node.need(0), node.output, shape, moving.whole(shape), moving.part(node.output.shape, begin))


def _outer(node: Node) -> KernelCall:
    """The value everywhere."""
    value, size = constant_value(node), node.output.size
    if value is None:
        return moving.copy(node.need(2), node.output, (size,), moving.Side(0, (0,)), moving.whole((size,)))
    return fill(node.output, value)


def fill(tensor: Tensor, value: Array) -> KernelCall:
    """The call that puts `value`, an array of one element, everywhere."""
    params: dict[str, Param] = {
        "count": tensor.size,
        "bytes": ITEM_BYTES[tensor.dtype],
        "value": tuple(value.astype(value.dtype.newbyteorder("<")).tobytes()),
    }
    return KernelCall("fill", params, (), tensor)


def lower(node: Node) -> Sequence[KernelCall]:
    """The value everywhere, then the input into its place."""
    return [_outer(node), *([inner(node)] if 0 not in inside(node)[0] else [])]


OPERATOR = Operator(
    constraints=(moving.first_input, paddings_fit, one_value, zero_in_range),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

"""SLICE: a box of the input. Where it begins may be computed; how large it is says the output's shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import ITEM_BYTES, Array, Node
from . import moving
from .spec import KernelCall, Operator, Param, Shape

KERNEL_AXES = 5
"""EDGENET_SLICE_AXES of the kernels; TFLite Micro has no more either."""


def integer_limits(node: Node) -> str | None:
    """the second and third input must be int32 or int64, with a number for each axis of the first"""
    rank = len(node.need(0).shape)
    for number in (1, 2):
        tensor = node.input(number)
        if tensor is None or tensor.dtype not in ("int32", "int64"):
            return moving.not_integers(tensor)
        if tensor.shape != (rank,):
            return f"'{tensor.name}' has {tensor.shape} for {rank} axes"
    return None


def box_inside(node: Node) -> str | None:
    """the output must have the first input's axes and lie inside it, from where a constant second input says"""
    shape, out, begin = node.need(0).shape, node.output.shape, moving.integers(node.input(1)) or (0,) * 8
    fits = len(shape) == len(out) and all(
        0 <= first <= extent - size for first, extent, size in zip(begin, shape, out, strict=False)
    )
    return None if fits else f"{out} of {shape}" + (f" from {begin}" if node.need(1).data is not None else "")


def sizes_fit(node: Node) -> str | None:
    """a constant third input must hold the output's shape, or -1 where the output reaches the end of an axis"""
    shape, out = node.need(0).shape, node.output.shape
    sizes, begin = moving.integers(node.input(2)), moving.integers(node.input(1))
    if sizes is None:
        return None
    rest = out if begin is None else tuple(extent - first for extent, first in zip(shape, begin, strict=True))
    said = tuple(end if size == -1 else size for size, end in zip(sizes, rest, strict=True))
    return None if said == out else f"{sizes} for {out}"


def few_axes(node: Node) -> str | None:
    """where the second input is computed, the first must have one to five axes"""
    rank = len(node.need(0).shape)
    return f"{rank}" if node.need(1).data is None and not 1 <= rank <= KERNEL_AXES else None


def output_shapes(node: Node) -> Sequence[Shape]:
    """What the file says."""
    return [node.output.shape]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the first input's type."""
    values, begins, out = inputs[0], inputs[1], node.output.shape
    most = np.array(node.need(0).shape) - np.array(out)
    samples = max(len(values), len(begins))
    full = np.broadcast_to(values, (samples, *values.shape[1:]))
    starts = np.broadcast_to(np.clip(begins, 0, most), (samples, len(out)))
    boxes = [tuple(slice(a, a + n) for a, n in zip(start, out, strict=True)) for start in starts]
    return [np.stack([x[box] for x, box in zip(full, boxes, strict=True)])]


def _from_computed(node: Node) -> KernelCall:
    """One call of slice: runs along the last axis, for each position of the axes before."""
    tensor, out, item = node.need(0), node.output.shape, ITEM_BYTES[node.output.dtype]
    steps = tuple(step * item for step in moving.row_major(tensor.shape))
    params: dict[str, Param] = {
        "begins": len(out),
        "begin_bytes": ITEM_BYTES[node.need(1).dtype],
        "most": tuple(extent - size for extent, size in zip(tensor.shape, out, strict=True)),
        "axes": max(len(out) - 1, 1),
        "bytes": out[-1] * item,
        "shape": out[:-1] or (1,),
        "input_step": steps,
        "output_step": tuple(step * item for step in moving.row_major(out)),
    }
    return KernelCall("slice", params, (tensor, node.need(1)), node.output)


def lower(node: Node) -> Sequence[KernelCall]:
    """One copy, or one call of slice where the beginning is computed."""
    begin, out = moving.integers(node.input(1)), node.output.shape
    if begin is None:
        return [_from_computed(node)]
    read = moving.part(node.need(0).shape, begin)
    return [moving.copy(node.need(0), node.output, out, read, moving.whole(out))]


OPERATOR = Operator(
    constraints=(moving.first_input, integer_limits, box_inside, sizes_fit, few_axes),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

"""STRIDED_SLICE: every so many-th element along each axis, forwards or backwards; single positions lose their axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..graph import Array, Node
from . import moving
from .spec import Field, KernelCall, Operator, Shape


@dataclass(frozen=True)
class Range:
    """What is taken along one axis: first position, step to the next, how many; if it shrinks, the axis vanishes."""

    first: int
    step: int
    count: int
    shrinks: bool = False


def ranges(node: Node) -> list[Range]:
    """One for each axis of the input; axes that the file says nothing of are taken whole.

    Source: TFLite StridedSliceStartForAxis and StridedSliceEndForAxis.
    """
    shape, named = node.need(0).shape, node.constant(1).size
    taken = [_range(node, axis, extent) for axis, extent in enumerate(shape[:named])]
    return taken + [Range(0, 1, extent) for extent in shape[named:]]


def _range(node: Node, axis: int, extent: int) -> Range:
    begin, end, step = (int(node.constant(number).reshape(-1)[axis]) for number in (1, 2, 3))
    begin_masked, end_masked, shrinks = (
        node.integer(f"{name}_mask") >> axis & 1 for name in ("begin", "end", "shrink_axis")
    )
    low, high = (0, extent) if step > 0 else (-1, extent - 1)
    first = (0 if step > 0 else high) if begin_masked else _limited(begin, extent, low, high)
    if shrinks:
        return Range(first, step, 1, True)
    last = (high if step > 0 else low) if end_masked else _limited(end, extent, low, high)
    return Range(first, step, max(0, -((first - last) // step)))


def _limited(position: int, extent: int, low: int, high: int) -> int:
    """`position`, counted from the end where it is negative, within [low, high]."""
    return min(max(position + extent if position < 0 else position, low), high)


def known_masks(node: Node) -> str | None:
    """the options ellipsis_mask, new_axis_mask and offset must be 0, as TFLite Micro ignores them"""
    names = ("ellipsis_mask", "new_axis_mask", "offset")
    return ", ".join(f"{name} {node.integer(name)}" for name in names if node.integer(name)) or None


def constant_limits(node: Node) -> str | None:
    """begin, end and strides must be constants of int32, of the same number, at most one for each axis of the input"""
    shapes = []
    for number in (1, 2, 3):
        tensor = node.input(number)
        if tensor is None or moving.integers(tensor) is None or tensor.dtype != "int32":
            return moving.not_integers(tensor)
        shapes.append(tensor.shape)
    fits = len(set(shapes)) == 1 and len(shapes[0]) == 1 and shapes[0][0] <= len(node.need(0).shape)
    return None if fits else f"{shapes} for {len(node.need(0).shape)} axes"


def steps_not_zero(node: Node) -> str | None:
    """no stride may be 0, and none negative along an axis that shrinks, where the position must lie inside the input"""
    strides = node.constant(3).reshape(-1).tolist()
    if 0 in strides:
        return f"{strides}"
    for axis, (taken, extent) in enumerate(zip(ranges(node), node.need(0).shape, strict=True)):
        if taken.shrinks and (taken.step < 0 or not 0 <= taken.first < extent):
            return f"position {taken.first} of {extent}, stride {taken.step} along axis {axis}"
    return None


def output_shapes(node: Node) -> Sequence[Shape]:
    """How many are taken along each axis that does not shrink."""
    return [tuple(taken.count for taken in ranges(node) if not taken.shrinks)]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the input's type."""
    box = [slice(None)]
    for taken in ranges(node):
        end = taken.first + taken.count * taken.step
        box.append(slice(taken.first, end if end >= 0 else None, taken.step))
    return [inputs[0][tuple(box)].reshape(len(inputs[0]), *node.output.shape)]


def lower(node: Node) -> Sequence[KernelCall]:
    """One copy."""
    taken, shape = ranges(node), node.need(0).shape
    read = moving.part(shape, tuple(one.first for one in taken), tuple(one.step for one in taken))
    box = tuple(one.count for one in taken)
    return [moving.copy(node.need(0), node.output, box, read, moving.whole(box))]


OPERATOR = Operator(
    options={
        "begin_mask": Field(0),
        "end_mask": Field(1),
        "ellipsis_mask": Field(2),
        "new_axis_mask": Field(3),
        "shrink_axis_mask": Field(4),
        "offset": Field(5, "bool", False),
    },
    constraints=(moving.first_input, known_masks, constant_limits, steps_not_zero),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
)

"""What the operators that only move values share: kernel calls that copy boxes of bytes, and rules.

A box is seen from two sides, the tensor that is read and the one that is written: where its first element lies, and how
far a step along each of its axes goes there, in elements. Values of any type are moved, as bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..graph import ITEM_BYTES, Array, Node, Tensor
from .spec import KernelCall, Param, Shape

TYPES = ("bool", "int8", "uint8", "int16", "int32", "int64", "float32")
"""The types that C has."""
INDICES = ("int32", "int64")
"""The types that say where things go."""
SMALL_INDICES = ("int8", "uint8", "int16", *INDICES)
"""What TFLite Micro takes for these in SPLIT and FILL."""
MAX_AXES = 8
"""EDGENET_COPY_AXES of the kernels."""


@dataclass(frozen=True)
class Side:
    """A box in one tensor: its first element, and the step along each axis."""

    start: int
    steps: Shape


def row_major(shape: Shape) -> Shape:
    """How far a step along each axis of a whole tensor goes."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def whole(shape: Shape) -> Side:
    """All of a tensor."""
    return Side(0, row_major(shape))


def part(shape: Shape, begin: Shape, steps: Shape | None = None) -> Side:
    """What begins at `begin` in a tensor of `shape`, and takes every steps[axis]-th element."""
    strides = row_major(shape)
    start = sum(first * stride for first, stride in zip(begin, strides, strict=True))
    return Side(start, strides if steps is None else tuple(a * b for a, b in zip(strides, steps, strict=True)))


def along(axis: int, position: int, rank: int) -> Shape:
    """The beginning of what lies at `position` along one axis, and at 0 along the others."""
    return tuple(position if i == axis else 0 for i in range(rank))


def copy_all(source: Tensor, target: Tensor) -> KernelCall:
    """The call that copies all bytes of `source`."""
    return KernelCall("copy", {"bytes": target.size_bytes}, (source,), target)


def copy(source: Tensor, target: Tensor, shape: Shape, read: Side, write: Side) -> KernelCall:
    """The call that copies a box of `shape` of `source` to `target`: copy_rows if one axis is left, else copy_axes."""
    item = ITEM_BYTES[target.dtype]
    run, axes = _merged([(n, a * item, b * item) for n, a, b in zip(shape, read.steps, write.steps, strict=True)], item)
    starts, params = (read.start * item, write.start * item), dict[str, Param]()
    if len(axes) < 2:
        rows, input_step, output_step = axes[0] if axes else (1, 0, 0)
        params = {"rows": rows, "bytes": run, **_places(starts, input_step, output_step)}
        return KernelCall("copy_rows", params, (source,), target)
    extents, input_steps, output_steps = zip(*axes, strict=True)
    params = {"axes": len(axes), "bytes": run, "shape": extents, **_places(starts, input_steps, output_steps)}
    return KernelCall("copy_axes", params, (source,), target)


def _places(starts: tuple[int, int], input_step: Param, output_step: Param) -> dict[str, Param]:
    """The last fields of both structures."""
    return {
        "input_start": starts[0],
        "input_step": input_step,
        "output_start": starts[1],
        "output_step": output_step,
    }


def _merged(axes: Sequence[tuple[int, int, int]], item: int) -> tuple[int, list[tuple[int, int, int]]]:
    """(bytes that lie together on both sides, the axes that are left), from (extent, step read, step written) in bytes.

    Axes of one element vanish, and those that follow on each other on both sides become one.
    """
    run, left = item, list[tuple[int, int, int]]()
    for extent, read, write in reversed([axis for axis in axes if axis[0] != 1]):
        if not left and read == write == run:
            run *= extent
        elif left and (read, write) == (left[0][0] * left[0][1], left[0][0] * left[0][2]):
            left[0] = (extent * left[0][0], *left[0][1:])
        else:
            left.insert(0, (extent, read, write))
    return run, left


def _resized(shape: Shape, axis: int, extent: int) -> Shape:
    """`shape` with another extent along `axis`."""
    return (*shape[:axis], extent, *shape[axis + 1 :])


def join(sources: Sequence[Tensor], extents: Sequence[int], target: Tensor, axis: int) -> list[KernelCall]:
    """The calls that put `sources`, each of so many elements along `axis`, one behind the other into `target`.

    There is none for a source without elements.
    """
    rank, position, calls = len(target.shape), 0, list[KernelCall]()
    for source, extent in zip(sources, extents, strict=True):
        box = _resized(target.shape, axis, extent)
        if extent:
            calls.append(copy(source, target, box, whole(box), part(target.shape, along(axis, position, rank))))
        position += extent
    return calls


def joined(arrays: Sequence[Array], extents: Sequence[int], target: Tensor, axis: int) -> Array:
    """(N, *target shape): what the calls of `join` make of arrays (N, *shape) or, for constants, (1, *shape)."""
    samples = max(map(len, arrays))
    boxes = [(samples, *_resized(target.shape, axis, extent)) for extent in extents]
    parts = [array.reshape(len(array), *box[1:]) for array, box in zip(arrays, boxes, strict=True)]
    return np.concatenate([np.broadcast_to(x, box) for x, box in zip(parts, boxes, strict=True)], axis + 1)


def cut(source: Tensor, targets: Sequence[Tensor], extents: Sequence[int], axis: int) -> list[KernelCall]:
    """The calls that cut `source` along `axis` into parts of so many elements, one for each target."""
    rank, position, calls = len(source.shape), 0, list[KernelCall]()
    for target, extent in zip(targets, extents, strict=True):
        box = _resized(source.shape, axis, extent)
        calls.append(copy(source, target, box, part(source.shape, along(axis, position, rank)), whole(box)))
        position += extent
    return calls


def pieces(array: Array, targets: Sequence[Tensor], extents: Sequence[int], axis: int) -> list[Array]:
    """(N, *target shape) each: what the calls of `cut` make of an array (N, *shape)."""
    parts = np.split(array, np.cumsum(extents)[:-1], axis + 1)
    return [x.reshape(len(x), *target.shape) for x, target in zip(parts, targets, strict=True)]


def wrapped_axis(axis: int, rank: int) -> int | None:
    """`axis` counted from the front, or None where a tensor of so many axes has none of that number."""
    return axis % rank if -rank <= axis < rank else None


def integers(tensor: Tensor | None, types: Sequence[str] = INDICES) -> Shape | None:
    """The values of a constant of one of `types`, flattened; None for anything else."""
    if tensor is None or tensor.data is None or tensor.dtype not in types:
        return None
    return tuple(int(value) for value in tensor.data.reshape(-1))


def not_integers(tensor: Tensor | None) -> str:
    """What a tensor is that should have been a constant of integers."""
    if tensor is None:
        return "it is missing"
    return f"'{tensor.name}' is {'computed' if tensor.data is None else tensor.dtype}"


def not_an_axis(tensor: Tensor | None, rank: int, types: Sequence[str] = INDICES) -> str | None:
    """What keeps a tensor from being a constant of one of `types` that names one of so many axes; or None."""
    values = integers(tensor, types)
    if values is None:
        return not_integers(tensor)
    if len(values) != 1 or wrapped_axis(values[0], rank) is None:
        return f"{values} of {rank} axes"
    return None


def not_one_type(first: Tensor | None, others: Sequence[Tensor | None]) -> str | None:
    """What keeps tensors from having one type that C has; or None."""
    if first is None or any(tensor is None for tensor in others):
        return "an input is missing"
    tensors = [first, *(tensor for tensor in others if tensor is not None)]
    if first.dtype not in TYPES or any(tensor.dtype != first.dtype for tensor in tensors):
        return ", ".join(sorted({tensor.dtype for tensor in tensors}))
    return None


def _not_alike(first: Tensor | None, others: Sequence[Tensor | None]) -> str | None:
    """What keeps tensors from having one type that C has, and elements; or None."""
    empty = [tensor for tensor in (first, *others) if tensor is not None and not tensor.size]
    return not_one_type(first, others) or next((f"'{tensor.name}' has {tensor.shape}" for tensor in empty), None)


def first_input(node: Node) -> str | None:
    """first input and outputs must be of one type (bool, int8, uint8, int16, int32, int64, float32) and not empty"""
    return _not_alike(node.input(0), node.outputs)


def second_input(node: Node) -> str | None:
    """second input and outputs must be of one type (bool, int8, uint8, int16, int32, int64, float32) and not empty"""
    return _not_alike(node.input(1), node.outputs)


def all_inputs(node: Node) -> str | None:
    """inputs and outputs must be of one type (bool, int8, uint8, int16, int32, int64, float32) and not empty"""
    return _not_alike(node.input(0), (*node.inputs, *node.outputs))

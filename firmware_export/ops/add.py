"""ADD: two int8 tensors, each brought to a common scale with 20 more bits, summed and requantized; broadcasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..graph import Array, Node, Tensor
from . import linear, rules
from .arithmetic import Int, clamp_int8, quantize_multiplier, requantize
from .spec import Field, KernelCall, Operator, Param, Shape, in_place

LEFT_SHIFT = 20
MAX_AXES = 4


@dataclass(frozen=True)
class Scaling:
    """(multiplier, shift) of the first input, the second input and the output. Source: TFLite AddPrepare."""

    first: tuple[int, int]
    second: tuple[int, int]
    output: tuple[int, int]


def scaling(node: Node) -> Scaling:
    """The three multipliers, computed in float64 from the larger input scale."""
    a, b = node.need(0).scale, node.need(1).scale
    twice_max = 2 * max(a, b)
    return Scaling(
        quantize_multiplier(a / twice_max),
        quantize_multiplier(b / twice_max),
        quantize_multiplier(twice_max / ((1 << LEFT_SHIFT) * node.output.scale)),
    )


def scales_in_range(node: Node) -> str | None:
    """the scales must be positive, and twice the larger input scale below 2**20 output scales"""
    scales = [node.need(0).scale, node.need(1).scale, node.output.scale]
    if min(scales) <= 0 or 2 * max(scales[:2]) >= scales[2] * (1 << LEFT_SHIFT):
        return ", ".join(f"{s:g}" for s in scales)
    return None


def shapes_broadcast(node: Node) -> str | None:
    """the shapes must be equal or broadcast, with at most four axes"""
    a, b = node.need(0).shape, node.need(1).shape
    try:
        rank = len(np.broadcast_shapes(a, b))
    except ValueError:
        return f"{a} and {b}"
    return f"{rank} axes" if rank > MAX_AXES and a != b else None


def output_shapes(node: Node) -> Sequence[Shape]:
    """The shapes of the inputs, broadcast."""
    return [np.broadcast_shapes(node.need(0).shape, node.need(1).shape)]


def _scaled(x: Array, zero_point: int, pair: tuple[int, int]) -> Int:
    return requantize((x.astype(np.int64) - zero_point) << LEFT_SHIFT, *pair)


def _aligned(x: Array, rank: int) -> Array:
    """(N, *shape) with axes of 1 after the first, until `rank` axes follow it."""
    return x.reshape(len(x), *(1,) * (rank - x.ndim + 1), *x.shape[1:])


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """int8 (N, *shape)."""
    scale, rank = scaling(node), len(node.output.shape)
    a = _scaled(_aligned(inputs[0], rank), node.need(0).zero_point, scale.first)
    b = _scaled(_aligned(inputs[1], rank), node.need(1).zero_point, scale.second)
    total = requantize(a + b, *scale.output) + node.output.zero_point
    return [clamp_int8(total, *linear.output_range(node))]


def _strides(tensor: Tensor, shape: Shape) -> Shape:
    """How far one step along each axis of `shape` moves in `tensor`: 0 where it broadcasts."""
    extents = (1,) * (len(shape) - len(tensor.shape)) + tensor.shape
    steps, step = [], 1
    for extent in reversed(extents):
        steps.append(step if extent > 1 else 0)
        step *= extent
    return tuple(reversed(steps))


def _layout(node: Node) -> dict[str, Param]:
    """The shape and both inputs' strides over four axes; one long axis when nothing broadcasts."""
    a, b, shape = node.need(0), node.need(1), node.output.shape
    if a.shape == b.shape:
        return {"shape": (1, 1, 1, a.size), "first_stride": (0, 0, 0, 1), "second_stride": (0, 0, 0, 1)}
    full = (1,) * (MAX_AXES - len(shape)) + shape
    return {"shape": full, "first_stride": _strides(a, full), "second_stride": _strides(b, full)}


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of add_s8."""
    a, b, scale = node.need(0), node.need(1), scaling(node)
    low, high = linear.output_range(node)
    params: dict[str, Param] = {
        **_layout(node),
        "first_offset": -a.zero_point,
        "second_offset": -b.zero_point,
        "output_offset": node.output.zero_point,
        "first_multiplier": scale.first[0],
        "first_shift": scale.first[1],
        "second_multiplier": scale.second[0],
        "second_shift": scale.second[1],
        "output_multiplier": scale.output[0],
        "output_shift": scale.output[1],
        "activation_min": low,
        "activation_max": high,
    }
    return [KernelCall("add_s8", params, (a, b), node.output)]


OPERATOR = Operator(
    options={"activation": Field(0, "int8")},
    constraints=(
        rules.two_int8_inputs,
        rules.int8_output,
        rules.known_activation,
        scales_in_range,
        shapes_broadcast,
    ),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
    overlap=in_place,
)

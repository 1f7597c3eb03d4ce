"""MIRROR_PAD: the input with its own mirror image around it, with (SYMMETRIC) or without (REFLECT) the edge itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Array, Node
from . import moving, pad
from .spec import Field, KernelCall, Operator

REFLECT, SYMMETRIC = 0, 1
"""Modes, as the schema numbers them."""


def known_mode(node: Node) -> str | None:
    """the mode must be REFLECT or SYMMETRIC"""
    mode = node.integer("mode")
    return None if mode in (REFLECT, SYMMETRIC) else f"number {mode}"


def not_negative(node: Node) -> str | None:
    """no padding may be negative"""
    return None if min(map(min, pad.paddings(node)), default=0) >= 0 else f"{pad.paddings(node)}"


def image_exists(node: Node) -> str | None:
    """no padding may be more than the input's extent, in mode REFLECT less one"""
    edge = 1 if node.integer("mode") == REFLECT else 0
    fits = all(max(pair) <= n - edge for n, pair in zip(node.need(0).shape, pad.paddings(node), strict=True))
    return None if fits else f"{pad.paddings(node)} of {node.need(0).shape}"


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *output shape) of the input's type."""
    amounts = ((0, 0), *pad.paddings(node))
    if node.integer("mode") == REFLECT:
        return [np.pad(inputs[0], amounts, mode="reflect")]
    return [np.pad(inputs[0], amounts, mode="symmetric")]


def _image(node: Node, axis: int, count: int, edge: int, step: int) -> KernelCall:
    """The copy of `count` positions along `axis` of the output from beside `edge`, the last inside, to its other side.

    `step` goes from the edge to the outside. Of the axes before `axis` only what lies inside is there yet.
    """
    shape, out, amounts = node.need(0).shape, node.output.shape, pad.paddings(node)
    box = (*shape[:axis], count, *out[axis + 1 :])
    begin = [before for before, _ in amounts[:axis]] + [0] * (len(out) - axis)
    steps = [1] * len(out)
    begin[axis], steps[axis] = edge + step, step
    write = moving.part(out, tuple(begin), tuple(steps))
    begin[axis], steps[axis] = edge - (step if node.integer("mode") == REFLECT else 0), -step
    return moving.copy(node.output, node.output, box, moving.part(out, tuple(begin), tuple(steps)), write)


def lower(node: Node) -> Sequence[KernelCall]:
    """The input into its place; then, from the last axis to the first, both images from what is there already."""
    calls = [pad.inner(node)]
    for axis, (before, after) in reversed(list(enumerate(pad.paddings(node)))):
        if before:
            calls.append(_image(node, axis, before, before, -1))
        if after:
            calls.append(_image(node, axis, after, before + node.need(0).shape[axis] - 1, 1))
    return calls


OPERATOR = Operator(
    options={"mode": Field(0, "int8")},
    constraints=(moving.first_input, pad.paddings_fit, not_negative, known_mode, image_exists),
    output_shapes=pad.output_shapes,
    reference=reference,
    lower=lower,
)

"""DEPTHWISE_CONV_2D of one input channel by c/kernels/conv2d_dsp_s8.c: it is an ordinary convolution then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, TypeVar

from ..graph import Node, Tensor
from . import conv2d_dsp, depthwise_conv2d
from .spec import KernelCall, Operator

if TYPE_CHECKING:
    from ..requant import Channels, Form

Result = TypeVar("Result")


def one_channel(node: Node) -> str | None:
    """the input must have one channel"""
    channels = node.need(0).shape[3]
    return None if channels == 1 else f"{channels} channels"


def as_convolution(node: Node) -> Node:
    """`node` with its filter (1, KH, KW, OC) as that of a CONV_2D, (OC, KH, KW, 1)."""
    return replace(node, inputs=(node.inputs[0], _turned(node.need(1)), *node.inputs[2:]))


@lru_cache(maxsize=64)
def _turned(filters: Tensor) -> Tensor:
    """The filter with its output channels first: the same tensor each time, since proofs are remembered by it."""
    if filters.data is None:
        return filters
    data = filters.data.transpose(3, 1, 2, 0)
    quant = None if filters.quant is None else replace(filters.quant, axis=0)
    return replace(filters, shape=data.shape, data=data, quant=quant)


def _seen(function: Callable[[Node], Result]) -> Callable[[Node], Result]:
    """`function` of the node as a convolution."""

    @wraps(function)
    def seen(node: Node) -> Result:
        return function(as_convolution(node))

    return seen


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of conv2d_dsp_s8."""
    return conv2d_dsp.lower(as_convolution(node))


def scratch_bytes(node: Node) -> int:
    """As CONV_2D."""
    return conv2d_dsp.scratch_bytes(as_convolution(node))


def overlap(node: Node, number: int) -> int | None:
    """As CONV_2D."""
    return conv2d_dsp.overlap(as_convolution(node), number)


def work(node: Node) -> Mapping[str, int]:
    """As CONV_2D."""
    return conv2d_dsp.work(as_convolution(node))


def proofs(node: Node) -> Sequence[tuple[Channels, Form]]:
    """As CONV_2D."""
    return conv2d_dsp.proofs(as_convolution(node))


OPERATOR = Operator(
    options=depthwise_conv2d.OPERATOR.options,
    constraints=(
        *depthwise_conv2d.OPERATOR.constraints,
        one_channel,
        _seen(conv2d_dsp.weights_pack),
        _seen(conv2d_dsp.requantizes),
    ),
    output_shapes=depthwise_conv2d.output_shapes,
    reference=depthwise_conv2d.reference,
    lower=lower,
    macs=depthwise_conv2d.macs,
    scratch_bytes=scratch_bytes,
    overlap=overlap,
    work=work,
    proofs=proofs,
    internal=True,
    replaces="DEPTHWISE_CONV_2D",
    dsp=True,
)

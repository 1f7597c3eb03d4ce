"""MAX_POOL_2D for cores with SIMD instructions, which take the larger of two int8 four times at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..graph import Node
from . import max_pool2d
from .pool import pool_params, pool_window
from .pool_dsp import a_word_of_channels, distance
from .spec import KernelCall
from .window import first_bytes


def whole_windows(node: Node) -> int:
    """How many windows of a row, from its first on, lie within the input's width; 0 where the first does not."""
    win = pool_window(node)
    inside = (win.input[1] - win.size[1]) // win.stride[1] + 1
    return 0 if win.pad[1] else max(0, min(win.output[1], inside))


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of max_pool2d_dsp_s8."""
    params = {**pool_params(node), "whole": whole_windows(node)}
    return [KernelCall("max_pool2d_dsp_s8", params, (node.need(0),), node.output)]


def overlap(node: Node, number: int) -> int:
    """How far before its input the output has to begin."""
    return distance(first_bytes(node.need(0).shape, pool_window(node)).reshape(-1), node.output.shape[3])


OPERATOR = replace(
    max_pool2d.OPERATOR,
    lower=lower,
    constraints=(*max_pool2d.OPERATOR.constraints, a_word_of_channels),
    overlap=overlap,
    internal=True,
    replaces="MAX_POOL_2D",
    dsp=True,
)

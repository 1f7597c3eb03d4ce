"""CONV_2D by c/kernels/conv2d_dsp_s8.c, for cores with SIMD instructions: four pixels and two channels at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Array, Node
from . import conv2d, linear
from .overlap import safe_distance
from .packed import LINEAR, packable, packed_words, records, requantization, run_order
from .spec import Constant, KernelCall, Operator, Param
from .window import Window

if TYPE_CHECKING:
    from ..requant import Channels, Form

PIXELS, WORD_BYTES = 4, 4
"""The kernel takes so many pixels at a time, and widens inputs to words."""


@dataclass(frozen=True)
class Layout:
    """How the kernel walks over the input.

    Attributes:
        input: the input's (height, width), where a 1x1 filter takes an image as one row of pixels.
        output: likewise.
        runs: runs of input bytes in a row of the filter.
        run: bytes of a run.
        lines: rows that are copied together with the padding around them; 0 where the input is read where it lies.
        pitch: bytes of such a row, or of the input's.
    """

    input: tuple[int, int]
    output: tuple[int, int]
    runs: int
    run: int
    lines: int
    pitch: int


def layout(node: Node) -> Layout:
    """The layout for a convolution."""
    win, channels = conv2d.window_of(node), node.need(0).shape[3]
    if is_single(node):
        row = (1, win.input[0] * win.input[1])
        return Layout(row, row, 1, channels, 0, row[1] * channels)
    runs = win.size[1] if win.dilation[1] > 1 else 1
    run = channels if runs > 1 else win.size[1] * channels
    if not _padded(win):
        return Layout(win.input, win.output, runs, run, 0, win.input[1] * channels)
    width = (win.output[1] - 1) * win.stride[1] + (win.size[1] - 1) * win.dilation[1] + 1
    return Layout(win.input, win.output, runs, run, _lines(win), width * channels)


def is_single(node: Node) -> bool:
    """Whether a filter sees one pixel, and each is seen once: then an image is one row of them."""
    win = conv2d.window_of(node)
    return win.size == (1, 1) and win.stride == (1, 1) and not _padded(win)


def _padded(win: Window) -> bool:
    return any(win.pad) or any(win.pad_after(axis) for axis in range(2))


def _lines(win: Window) -> int:
    """The input rows that four successive pixels' windows reach."""
    rows = 1 if win.output[1] == 1 and win.output[0] == 1 else (PIXELS - 2) // win.output[1] + 2
    rows = min(rows, win.output[0])
    return (rows - 1) * win.stride[0] + (win.size[0] - 1) * win.dilation[0] + 1


def words(node: Node) -> int:
    """Words of weights for each pair of channels."""
    place = layout(node)
    return len(run_order(conv2d.window_of(node).size[0] * place.runs, place.run))


def no_groups(node: Node) -> str | None:
    """the filter must see all of the input's channels"""
    return None if node.need(1).shape[3] == node.need(0).shape[3] else "groups"


def weights_pack(node: Node) -> str | None:
    """pairs of weights must fit into halfwords"""
    return None if packable(_filters(node)) else "a weight of -128"


def requantizes(node: Node) -> str | None:
    """a short form of requantization must be proved for every sum"""
    return None if requantization(node, _filters(node)) is not None else "no short form"


def _filters(node: Node) -> Array:
    filters = node.constant(1)
    return filters.reshape(len(filters), -1)


def lower(node: Node) -> Sequence[KernelCall]:
    """One call of conv2d_dsp_s8."""
    win, place, weights = conv2d.window_of(node), layout(node), _filters(node)
    requant = requantization(node, weights)
    assert requant is not None  # a constraint
    low, high = linear.output_range(node)
    channels = node.need(0).shape[3]
    order = run_order(win.size[0] * place.runs, place.run)
    params: dict[str, Param] = {
        "input": (node.need(0).shape[0], *place.input, channels),
        "output": (node.output.shape[0], *place.output, len(weights)),
        "filter": win.size,
        "stride": win.stride,
        "dilation": win.dilation,
        "pad": win.pad,
        "lines": place.lines,
        "pitch": place.pitch,
        "runs": place.runs,
        "run": place.run,
        "run_step": win.dilation[1] * channels,
        "words": len(order),
        "single": int(is_single(node)),
        "pad_value": node.need(0).zero_point,
        "activation_min": low,
        "activation_max": high,
        "form": requant.form,
        "pairs": Constant(
            "pairs",
            records(requant, packed_words(weights, order)),
            f"'{node.need(1).name}' {node.need(1).shape}, biases and requantization, two channels in a record",
        ),
    }
    return [KernelCall("conv2d_dsp_s8", params, (node.need(0),), node.output, scratch=True)]


def scratch_bytes(node: Node) -> int:
    """Four pixels' widened windows, outputs of fewer than four pixels, and the rows that are copied."""
    place, channels = layout(node), node.output.shape[3]
    return PIXELS * WORD_BYTES * words(node) + PIXELS * (channels + channels % 2) + place.lines * place.pitch


def overlap(node: Node, number: int) -> int | None:
    """How far before the input the output has to begin."""
    if number != 0:
        return None
    place, win = layout(node), conv2d.window_of(node)
    batch, pixels = node.output.shape[0], place.output[0] * place.output[1]
    pixel_bytes, image_bytes = node.need(0).shape[3], node.need(0).size // max(1, node.need(0).shape[0])
    first = np.arange(0, pixels, PIXELS)
    last = np.minimum(first + PIXELS, pixels)
    # Copied rows are read when the last of the four pixels needs them; the next ones lie behind.
    if place.lines:
        reach = (win.size[0] - 1) * win.dilation[0] + 1
        copied = ((last - 1) // place.output[1]) * win.stride[0] + reach - win.pad[0]
        row = np.clip(np.concatenate([[0], copied[:-1]]), 0, win.input[0])
        reads = row * win.input[1] * pixel_bytes
    else:
        y, x = first // place.output[1], first % place.output[1]
        reads = (y * win.stride[0] * place.input[1] + x * win.stride[1]) * pixel_bytes
    written = last * node.output.shape[3]
    images = np.arange(batch)[:, None]
    all_reads = (images * image_bytes + reads).reshape(-1)
    all_written = (images * pixels * node.output.shape[3] + written).reshape(-1)
    return safe_distance(all_reads, all_written)


def work(node: Node) -> Mapping[str, int]:
    """Groups of four pixels, their runs and the words of these; pairs of channels and their words, in all groups."""
    place, win = layout(node), conv2d.window_of(node)
    groups = node.output.shape[0] * -(-place.output[0] * place.output[1] // PIXELS)
    pairs = groups * -(-node.output.shape[3] // 2)
    requant = requantization(node, _filters(node))
    linear_form = requant is not None and requant.form == LINEAR
    runs = groups * win.size[0] * place.runs
    return {
        "groups": 0 if is_single(node) else groups,
        "runs": runs,
        "run_words": runs * -(-place.run // 4),
        "pairs": pairs,
        "linear_pairs": pairs * linear_form,
        "words": pairs * words(node),
        "copied": node.need(0).size if place.lines else 0,
    }


def proofs(node: Node) -> Sequence[tuple[Channels, Form]]:
    """What its requantization rests on."""
    requant = requantization(node, _filters(node))
    return requant.proofs if requant else ()


OPERATOR = Operator(
    options=conv2d.OPERATOR.options,
    constraints=(*conv2d.OPERATOR.constraints, no_groups, weights_pack, requantizes),
    output_shapes=conv2d.output_shapes,
    reference=conv2d.reference,
    lower=lower,
    macs=conv2d.macs,
    scratch_bytes=scratch_bytes,
    overlap=overlap,
    work=work,
    proofs=proofs,
    internal=True,
    replaces="CONV_2D",
    dsp=True,
)

"""PAD and PADV2 before an operator that pads by itself."""

from __future__ import annotations

from dataclasses import replace

from ..graph import Graph, Node, Op
from ..ops.arithmetic import INT8_MIN
from ..ops.pad import constant_value, paddings
from ..ops.window import PADS, Window, window
from .rewrite import node_of, readers, same_numbers, sound

PADDING = ("PAD", "PADV2")
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
"""What these see beyond their input counts as the input's zero point."""


def fold_padding(graph: Graph) -> Graph:
    """Padding of height and width becomes part of all operators that read it, if each of them can take it.

    Those are convolutions, where the padding holds the zero point, and MAX_POOL_2D, where it holds the smallest value.
    """
    uses, folded = readers(graph), dict[int, Op]()
    for op in graph.ops:
        node = graph.node(op)
        value = _pad_value(node)
        if value is None or op.outputs[0] in graph.outputs:
            continue
        taken = [_folded(graph, reader, node, value) for reader in uses[op.outputs[0]]]
        folded.update((new.index, new) for new in taken if new is not None and None not in taken)
    return replace(graph, ops=tuple(folded.get(op.index, op) for op in graph.ops))


def _pad_value(node: Node) -> int | None:
    """What the operator puts around its input's height and width; None unless that is all it does."""
    if node.op.type not in PADDING or not same_numbers(node.need(0), node.output):
        return None
    if node.output.dtype != "int8" or len(node.output.shape) != 4:
        return None
    if any(map(any, (paddings(node)[0], paddings(node)[3]))) or min(map(min, paddings(node))) < 0:
        return None
    value = constant_value(node)
    return None if value is None else int(value.reshape(-1)[0])


def _folded(graph: Graph, op: Op, pad: Node, value: int) -> Op | None:
    """`op` with the input of `pad` instead of its output; None where that is not the same."""
    node = graph.node(op)
    neutral = {**dict.fromkeys(CONVOLUTIONS, pad.output.zero_point), "MAX_POOL_2D": INT8_MIN}
    if neutral.get(op.type) != value or op.inputs.count(pad.output.index) != 1:
        return None
    win, extra = _window(node), paddings(pad)[1:3]
    pads = [(before + win.pad[axis], after + win.pad_after(axis)) for axis, (before, after) in enumerate(extra)]
    options = {**op.options, **dict(zip(PADS, (*pads[0], *pads[1]), strict=True))}
    inputs = tuple(pad.op.inputs[0] if i == pad.output.index else i for i in op.inputs)
    new = replace(op, inputs=inputs, options=options)
    meets = all(max(pads[axis]) < (win.size[axis] - 1) * win.dilation[axis] + 1 for axis in (0, 1))
    return new if meets and sound(node_of(graph.tensors, new)) else None


def _window(node: Node) -> Window:
    """The window of a convolution or a pool."""
    if node.op.type in CONVOLUTIONS:
        filters = node.need(1).shape
        return window(node, (filters[1], filters[2]), (node.integer("dilation_h"), node.integer("dilation_w")))
    return window(node, (node.integer("filter_h"), node.integer("filter_w")))

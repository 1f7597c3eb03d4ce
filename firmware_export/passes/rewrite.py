"""What the passes share: who reads a tensor, who writes it, and whether an operator may be relied on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ..graph import ABSENT, Graph, Node, Op, Tensor
from ..ops import OPS


def readers(graph: Graph) -> Mapping[int, list[Op]]:
    """Tensor -> the operators that read it, each once."""
    found: dict[int, list[Op]] = defaultdict(list)
    for op in graph.ops:
        for index in dict.fromkeys(op.inputs):
            found[index].append(op)
    return found


def only_reader(graph: Graph) -> Mapping[int, Op]:
    """Tensor -> the operator that reads it, where that is the only use: no second reader, no output of the network."""
    return {i: ops[0] for i, ops in readers(graph).items() if len(ops) == 1 and i not in graph.outputs}


def node_of(tensors: Sequence[Tensor], op: Op) -> Node:
    """`op` with its tensors."""
    inputs = tuple(None if i == ABSENT else tensors[i] for i in op.inputs)
    return Node(op, inputs, tuple(tensors[i] for i in op.outputs))


def computed_inputs(node: Node) -> tuple[Tensor, ...]:
    """The inputs that are no constants."""
    return tuple(t for t in node.inputs if t is not None and t.data is None)


def sound(node: Node) -> bool:
    """Whether an operator is supported, meets its constraints, and has the output shapes that its maths gives."""
    shapes = [t.shape for t in node.outputs]
    return meets_rules(node) and [tuple(shape) for shape in OPS[node.op.type].output_shapes(node)] == shapes


def meets_rules(node: Node) -> bool:
    """Whether an operator is supported, has outputs, and meets its constraints."""
    operator = OPS.get(node.op.type)
    return operator is not None and bool(node.outputs) and not any(rule(node) for rule in operator.constraints)


def states_shape(tensors: Sequence[Tensor], op: Op) -> bool:
    """Whether `op` is a RESHAPE whose second input has to say the shape: what the file gives the output can't be it."""
    if op.type != "RESHAPE" or len(op.inputs) != 2 or ABSENT in op.inputs or len(op.outputs) != 1:
        return False
    return tensors[op.inputs[0]].size != tensors[op.outputs[0]].size


def same_numbers(a: Tensor, b: Tensor) -> bool:
    """Whether equal values of two tensors mean the same: type, scales and zero points."""
    return (a.dtype, a.quant is None) == (b.dtype, b.quant is None) and (
        a.quant is None or b.quant is None or (a.quant.scale, a.quant.zero_point) == (b.quant.scale, b.quant.zero_point)
    )


def default_options(kind: str) -> dict[str, int | float | bool | tuple[int, ...]]:
    """The options of an operator that is made here, as a file without an options table has them."""
    from ..tables import SCALARS

    return {key: field.default if field.kind in SCALARS else () for key, field in OPS[kind].options.items()}

"""Runs a Graph in numpy, bit-exact with the generated C and with TFLite Micro's reference kernels.

It runs the file's own operators, not what the passes make of them: so it can tell when a pass is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .errors import ExportError
from .graph import Array, Graph, Node, Tensor
from .ops import OPS


def run(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    """The network's outputs, each (N, *shape), for `inputs`, each (N, *shape) of the tensor's dtype.

    An input may leave out a batch axis of 1: (N, 28, 28, 1) for a tensor of shape (1, 28, 28, 1).

    Raises:
        ExportError: the number, dtype or shape of the inputs is wrong.
    """
    reduced, values = _run(graph, inputs)
    samples = len(next(iter(values.values())))
    return [_broadcast(_value(reduced.tensors[i], values), samples) for i in reduced.outputs]


def run_all(graph: Graph, inputs: Sequence[Array]) -> dict[int, Array]:
    """What every operator computes: its index in the file -> its output (N, *shape).

    Several outputs of one operator are flattened and joined, in order: (N, total). Operators whose outputs are
    constants or unused are left out.
    """
    reduced, values = _run(graph, inputs)
    samples = len(next(iter(values.values())))
    return {op.index: _joined([_broadcast(values[i], samples) for i in op.outputs]) for op in reduced.ops}


def run_node(node: Node, values: Mapping[int, Array]) -> list[Array]:
    """One operator's outputs, (N, *shape) each; `values` maps tensor indices to (N, *shape)."""
    inputs = [_value(t, values) for t in node.inputs if t is not None]
    return list(OPS[node.op.type].reference(node, inputs))


def _run(graph: Graph, inputs: Sequence[Array]) -> tuple[Graph, dict[int, Array]]:
    """The graph without what is constant or unused, and every tensor that it computes by index, (N, *shape)."""
    from .passes import simplify

    if len(inputs) != len(graph.inputs):
        raise ExportError(f"{graph.name}: the network has {len(graph.inputs)} inputs, got {len(inputs)} arrays.")
    values = {i: fit_input(graph, i, np.asarray(x)) for i, x in zip(graph.inputs, inputs, strict=True)}
    if len({len(x) for x in values.values()}) > 1:
        raise ExportError(f"{graph.name}: the inputs hold different numbers of samples.")
    reduced = simplify(graph)
    for op in reduced.ops:
        node = reduced.node(op)
        outputs = run_node(node, values)
        values.update((t.index, x) for t, x in zip(node.outputs, outputs, strict=True))
    return reduced, values


def fit_input(graph: Graph, index: int, array: Array) -> Array:
    """`array` as (N, *shape) of input tensor `index`.

    Raises:
        ExportError: another dtype or shape.
    """
    tensor = graph.tensors[index]
    shapes = (tensor.shape, tensor.shape[1:]) if tensor.shape[:1] == (1,) else (tensor.shape,)
    if str(array.dtype) != tensor.dtype or array.ndim == 0 or array.shape[1:] not in shapes:
        raise ExportError(
            f"{graph.name}: input '{tensor.name}' is {tensor.dtype} (N, {', '.join(map(str, tensor.shape))}), "
            f"got {array.dtype} {array.shape}."
        )
    return array.reshape(len(array), *tensor.shape)


def _value(tensor: Tensor, values: Mapping[int, Array]) -> Array:
    """(N, *shape) of a computed tensor, (1, *shape) of a constant."""
    if tensor.index in values:
        return values[tensor.index]
    if tensor.data is None:
        raise KeyError(tensor.index)
    return tensor.data[None]


def _joined(outputs: list[Array]) -> Array:
    return outputs[0] if len(outputs) == 1 else np.concatenate([x.reshape(len(x), -1) for x in outputs], axis=1)


def _broadcast(array: Array, samples: int) -> Array:
    return np.broadcast_to(array, (samples, *array.shape[1:])) if len(array) != samples else array

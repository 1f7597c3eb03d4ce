"""Runs a Graph in numpy, bit-exact with the generated C and with TFLite Micro's reference kernels.

It runs the file's own operators, not what the passes make of them: so it can tell when a pass is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .errors import ExportError
from .graph import Array, Graph, Node, Tensor
from .ops import OPS


@dataclass(frozen=True)
class _Part:
    """Some samples: every tensor after the run, and what each operator gave, by the operator's index."""

    samples: int
    values: dict[int, Array]
    operators: dict[int, list[Array]]


def run(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    """The network's outputs, each (N, *shape), for `inputs`, each (N, *shape) of the tensor's dtype.

    An input may leave out a batch axis of 1: (N, 28, 28, 1) for a tensor of shape (1, 28, 28, 1). The variables of a
    streaming network begin anew with every sample; see `run_sequence`.

    Raises:
        ExportError: the number, dtype or shape of the inputs is wrong.
    """
    return _outputs(*_run(graph, inputs, sequence=False))


def run_sequence(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    """Like `run`, but the N samples are one sequence: each begins with the variables that the one before it left."""
    return _outputs(*_run(graph, inputs, sequence=True))


def step(graph: Graph, inputs: Sequence[Array]) -> tuple[list[Array], Graph]:
    """The outputs for one sample (1, *shape) per input, and the network whose variables begin as this run left them."""
    reduced, parts = _run(graph, inputs, sequence=True)
    left = {v.tensor: parts[-1].values[v.tensor][0] for v in reduced.variables}
    variables = tuple(replace(v, initial=left.get(v.tensor, v.initial)) for v in graph.variables)
    return _outputs(reduced, parts), replace(graph, variables=variables)


def run_all(graph: Graph, inputs: Sequence[Array], *, sequence: bool = False) -> dict[int, Array]:
    """What every operator computes: its index in the file -> its output (N, *shape).

    Several outputs of one operator are flattened and joined, in order: (N, total). Operators whose outputs are
    constants or unused are left out. With `sequence` the samples are as in `run_sequence`.
    """
    reduced, parts = _run(graph, inputs, sequence=sequence)
    return {
        op.index: _joined(
            [_column(parts, [part.operators[op.index][i] for part in parts]) for i in range(len(op.outputs))]
        )
        for op in reduced.ops
    }


def run_node(node: Node, values: Mapping[int, Array]) -> list[Array]:
    """One operator's outputs, (N, *shape) each; `values` maps tensor indices to (N, *shape)."""
    operator = OPS[node.op.type]
    inputs = [] if operator.shape_only else [_value(t, values) for t in node.inputs if t is not None]
    return list(operator.reference(node, inputs))


def _outputs(graph: Graph, parts: Sequence[_Part]) -> list[Array]:
    """The network's outputs (N, *shape) of all parts together."""
    return [_column(parts, [_value(graph.tensors[i], part.values) for part in parts]) for i in graph.outputs]


def _run(graph: Graph, inputs: Sequence[Array], *, sequence: bool) -> tuple[Graph, list[_Part]]:
    """The graph without what is constant or unused, and all samples in order: one by one where each depends on the one
    before.
    """
    from .passes import simplify

    if len(inputs) != len(graph.inputs):
        raise ExportError(f"{graph.name}: the network has {len(graph.inputs)} inputs, got {len(inputs)} arrays.")
    given = {i: fit_input(graph, i, np.asarray(x)) for i, x in zip(graph.inputs, inputs, strict=True)}
    if len({len(x) for x in given.values()}) > 1:
        raise ExportError(f"{graph.name}: the inputs hold different numbers of samples.")
    reduced = simplify(graph)
    samples = len(next(iter(given.values())))
    step = 1 if sequence and reduced.variables else max(samples, 1)
    state = {variable.tensor: variable.initial[None] for variable in reduced.variables}
    parts: list[_Part] = []
    for start in range(0, max(samples, 1), step):
        values = {i: x[start : start + step] for i, x in given.items()}
        values.update((i, _broadcast(x, min(step, samples))) for i, x in state.items())
        parts.append(_Part(min(step, samples), values, _compute(reduced, values)))
        state = {i: values[i] for i in state}
    return reduced, parts


def _compute(graph: Graph, values: dict[int, Array]) -> dict[int, list[Array]]:
    """What each operator gives, by its index; `values` (inputs and variables) gets every tensor, as (N, *shape)."""
    operators: dict[int, list[Array]] = {}
    for op in graph.ops:
        operators[op.index] = run_node(graph.node(op), values)
        values.update(zip(op.outputs, operators[op.index], strict=True))
    return operators


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


def _column(parts: Sequence[_Part], arrays: Sequence[Array]) -> Array:
    """(N, *shape): one array for each part, (samples, *shape) or (1, *shape), one after another."""
    full = [_broadcast(array, part.samples) for part, array in zip(parts, arrays, strict=True)]
    return full[0] if len(full) == 1 else np.concatenate(full)


def _joined(outputs: list[Array]) -> Array:
    return outputs[0] if len(outputs) == 1 else np.concatenate([x.reshape(len(x), -1) for x in outputs], axis=1)


def _broadcast(array: Array, samples: int) -> Array:
    return np.broadcast_to(array, (samples, *array.shape[1:])) if len(array) != samples else array

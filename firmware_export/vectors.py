"""Golden vectors for the self-test: given samples, and generated inputs that are the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from . import reference
from .emit import Vector
from .errors import ExportError
from .graph import Array, Graph, Tensor
from .ops.arithmetic import clamp_int8

SEED = 20261123
GENERATED = 3
"""At least this many vectors are generated: zero point, noise, soft noise."""


def golden_vectors(graph: Graph, samples: Sequence[Array], count: int) -> tuple[Vector, ...]:
    """`count` vectors: the first of `samples` (one array (N, *shape) per input), then generated ones.

    Raises:
        ExportError: the samples don't fit the network.
    """
    given: list[Array] = []
    if samples:
        if len(samples) != len(graph.inputs):
            raise ExportError(f"{graph.name}: {len(samples)} arrays of samples for {len(graph.inputs)} inputs.")
        fitted = [reference.fit_input(graph, i, np.asarray(x)) for i, x in zip(graph.inputs, samples, strict=True)]
        given = [x[: count - GENERATED] for x in fitted]
    made = generated_inputs(graph, count - (len(given[0]) if given else 0))
    inputs = [np.concatenate(pair) for pair in zip(given, made, strict=True)] if given else made
    outputs = reference.run(graph, inputs)
    return tuple(Vector(tuple(x[i] for x in inputs), tuple(y[i] for y in outputs)) for i in range(count))


def generated_inputs(graph: Graph, count: int) -> list[Array]:
    """One int8 array (count, *shape) per input: the zero point, then noise and soft noise in turn; seeded."""
    source = np.random.RandomState(SEED)
    kinds: list[Callable[[np.random.RandomState, Tensor], npt.NDArray[np.int8]]] = [_zero_point]
    kinds += [_noise, _soft_noise] * count
    tensors = [graph.tensors[i] for i in graph.inputs]
    rows = [[kind(source, tensor) for tensor in tensors] for kind in kinds[:count]]
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _zero_point(source: np.random.RandomState, tensor: Tensor) -> npt.NDArray[np.int8]:
    return np.full(tensor.shape, tensor.zero_point, np.int8)


def _noise(source: np.random.RandomState, tensor: Tensor) -> npt.NDArray[np.int8]:
    """Every value equally likely."""
    return source.randint(-128, 128, tensor.shape).astype(np.int8)


def _soft_noise(source: np.random.RandomState, tensor: Tensor) -> npt.NDArray[np.int8]:
    """Near the zero point: the sum of four even numbers in [-16, 15], so that layers do not saturate."""
    near = tensor.zero_point + source.randint(-16, 16, (4, *tensor.shape)).sum(axis=0)
    return clamp_int8(near)

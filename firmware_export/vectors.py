"""Golden vectors for the self-test: given samples, and generated inputs that are the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from . import reference
from .emit import Vector
from .errors import ExportError
from .graph import ITEM_BYTES, Array, Graph, Tensor

SEED = 20261123
GENERATED = 3
"""At least this many vectors are generated: zero point, noise, soft noise."""
MOST_VALUES = 1 << 22
MOST_BYTES = 1 << 28
"""So many samples run at once that all their tensors together take no more, or one."""
FLOATS = ("float32", "float64")
LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-(2**15), 2**15 - 1)}
"""The range of what is quantized."""


def golden_vectors(graph: Graph, samples: Sequence[Array], count: int) -> tuple[Vector, ...]:
    """`count` vectors: the first of `samples` (one array (N, *shape) per input), then generated ones.

    Fewer where they would be more than MOST_VALUES numbers.

    Raises:
        ExportError: the samples don't fit the network.
    """
    count = min(
        count, max(1, MOST_VALUES // max(1, sum(graph.tensors[i].size for i in (*graph.inputs, *graph.outputs))))
    )
    given: list[Array] = []
    if samples:
        if len(samples) != len(graph.inputs):
            raise ExportError(f"{graph.name}: {len(samples)} arrays of samples for {len(graph.inputs)} inputs.")
        fitted = [reference.fit_input(graph, i, np.asarray(x)) for i, x in zip(graph.inputs, samples, strict=True)]
        given = [x[: max(0, count - GENERATED)] for x in fitted]
    made = generated_inputs(graph, count - (len(given[0]) if given else 0))
    inputs = [np.concatenate(pair) for pair in zip(given, made, strict=True)] if given else made
    step = max(1, MOST_BYTES // max(1, sum(t.size_bytes for t in graph.tensors if t.dtype in ITEM_BYTES)))
    runs = [reference.run(graph, [x[i : i + step] for x in inputs]) for i in range(0, count, step)]
    outputs = [np.concatenate(parts) for parts in zip(*runs, strict=True)]
    return tuple(Vector(tuple(x[i] for x in inputs), tuple(y[i] for y in outputs)) for i in range(count))


def generated_inputs(graph: Graph, count: int) -> list[Array]:
    """One array (count, *shape) per input: the zero point, then noise and soft noise in turn; seeded."""
    source = np.random.RandomState(SEED)
    kinds: list[Callable[[np.random.RandomState, Tensor], Array]] = [_zero_point]
    kinds += [_noise, _soft_noise] * count
    tensors = [graph.tensors[i] for i in graph.inputs]
    rows = [[kind(source, tensor) for tensor in tensors] for kind in kinds[:count]]
    return [np.stack(column) for column in zip(*rows, strict=True)]


def zeros(tensor: Tensor) -> Array:
    """The tensor (*shape) that holds its zero point, or what of its type is nearest to that, everywhere."""
    dtype = np.dtype(tensor.dtype)
    limits = np.iinfo(dtype) if dtype.kind in "iu" else None
    value = tensor.zero_point if limits is None else min(max(tensor.zero_point, int(limits.min)), int(limits.max))
    return np.full(tensor.shape, value, dtype)


def _zero_point(source: np.random.RandomState, tensor: Tensor) -> Array:
    return zeros(tensor)


def _noise(source: np.random.RandomState, tensor: Tensor) -> Array:
    """Every value equally likely; floats in [-8, 8); of wider integers, which are indices and sizes, 0 and 1."""
    if tensor.dtype in FLOATS:
        return np.asarray(source.randint(-(2**15), 2**15, tensor.shape) / 2**12, tensor.dtype)
    low, high = LIMITS.get(tensor.dtype, (0, 1))
    return np.asarray(source.randint(low, high + 1, tensor.shape), tensor.dtype)


def _soft_noise(source: np.random.RandomState, tensor: Tensor) -> Array:
    """Near the zero point: the sum of four even numbers in [-16, 15], so that layers do not saturate."""
    near = tensor.zero_point + source.randint(-16, 16, (4, *tensor.shape)).sum(axis=0)
    if tensor.dtype in FLOATS:
        return np.asarray(near / 64, tensor.dtype)
    low, high = LIMITS.get(tensor.dtype, (0, 1))
    return np.asarray(np.clip(near, low, high), tensor.dtype)

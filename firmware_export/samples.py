"""The inputs that a proof runs: the extremes, what the user gives, uniform noise and soft noise."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.graph import Array, Graph, Op, Tensor
from firmware_export.reference import fit_input
from firmware_export.vectors import zeros

EXTREMES = 3
MOST_SAMPLES, MOST_BYTES = 1_000_000, 1 << 29
"""So many samples, and bytes in all of them, are generated at most."""
SOFT_DEVIATIONS = (1.0, 3.0, 6.0, 12.0, 24.0, 48.0)
FLOAT_RANGE = 8.0
BEYOND = 1 / 16


def make_samples(graph: Graph, given: Sequence[Array], count: int, seed: int) -> tuple[Array, ...]:
    """One array (N, *shape) per input: zero point, dtype minimum and maximum, then the given, then noise.

    Uniform noise saturates many networks, and saturated outputs prove little: every second noise sample is soft, a
    normal distribution around the zero point (or a random level) whose width differs from sample to sample.

    Args:
        graph: says which inputs there are.
        given: the user's, one array (N, *shape) per input; empty for none.
        count: how many samples are generated, the three extremes included.
        seed: of the noise.

    Raises:
        ExportError: what is given does not fit the inputs.
    """
    if given and len(given) != len(graph.inputs):
        raise ExportError(f"{graph.name}: the network has {len(graph.inputs)} inputs, got {len(given)} arrays.")
    rng = np.random.default_rng(seed)
    result = []
    for number, index in enumerate(graph.inputs):
        tensor, limits = graph.tensors[index], input_range(graph, index)
        parts = [_extremes(tensor, limits)[:count]]
        if given:
            parts.append(fit_input(graph, index, given[number]))
            if not len(parts[-1]):
                raise ExportError(f"{graph.name}: the inputs that were given hold no samples; give some, or none.")
        if count > EXTREMES:
            parts.append(np.stack([_noise(tensor, limits, rng, sample) for sample in range(count - EXTREMES)]))
        result.append(np.concatenate(parts))
    if len({len(values) for values in result}) != 1 or len(result[0]) == 0:
        raise ExportError(f"{graph.name}: every input needs the same number of samples, and at least one.")
    return tuple(result)


def check_amount(graph: Graph, count: int) -> None:
    """Raises ExportError for more samples than a proof takes, or than memory holds."""
    each = sum(graph.tensors[index].size_bytes for index in graph.inputs)
    most = max(min(MOST_SAMPLES, MOST_BYTES // max(each, 1)), 1)
    if count > most:
        raise ExportError(f"{graph.name}: {count:,} samples of {each:,} bytes are too many; ask for {most:,} at most.")


def typical_sample(graph: Graph) -> tuple[Array, ...]:
    """The one sample (1, *shape) per input that costs are counted on: soft noise, the same in every proof of a model.

    A clamp or a shift may take a few instructions more for one input than for another, so a figure that is to be
    repeated needs an input that does not depend on what else is proved.
    """
    return tuple(values[-1:] for values in make_samples(graph, (), EXTREMES + 2, seed=0))


def load_inputs(path: Path, inputs: int) -> tuple[Array, ...]:
    """The arrays of a .npy file, or of a .npz file (its only array, or input_0, input_1, ...).

    Raises:
        ExportError: it can't be read or has other arrays.
    """
    try:
        with path.open("rb") as file:
            return _load(path, file, inputs)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ExportError(f"{path}: can't be read as .npy or .npz ({error}).") from error


def _load(path: Path, file: IO[bytes], inputs: int) -> tuple[Array, ...]:
    """The arrays of a file that numpy can read."""
    loaded = np.load(file, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return (loaded,)
    with loaded:
        names = [f"input_{number}" for number in range(inputs)]
        if inputs == 1 and len(loaded.files) == 1:
            names = list(loaded.files)
        missing = [name for name in names if name not in loaded.files]
        if missing:
            raise ExportError(f"{path}: expected the arrays {', '.join(names)}, it has {', '.join(loaded.files)}.")
        return tuple(loaded[name] for name in names)


def spread(total: int, limit: int | None, given: int = 0) -> Array:
    """Which samples a slow runtime takes, sorted: few extremes, and most of what tells much, evenly spread.

    Args:
        total: how many `make_samples` made.
        limit: how many are taken; None for all.
        given: how many of them the user gave; these and soft noise tell more than extremes and uniform noise.
    """
    if limit is None or limit >= total:
        return np.arange(total)
    numbers = np.arange(EXTREMES, total)
    telling = (numbers < EXTREMES + given) | ((numbers - EXTREMES - given) % 2 == 1)
    extremes = np.arange(min(EXTREMES, limit // 4))
    wanted = limit - len(extremes)
    uniform = _evenly(numbers[~telling], -(-(wanted - 1) // 4))
    soft = _evenly(numbers[telling], wanted - len(uniform))
    taken = np.union1d(np.concatenate([extremes, uniform]), soft)
    rest = np.setdiff1d(np.arange(total)[::-1], taken)[::-1]
    return np.union1d(taken, rest[: limit - len(taken)])


def _evenly(numbers: Array, count: int) -> Array:
    """At most `count` of the numbers, evenly spread."""
    places = np.linspace(0, len(numbers) - 1, min(count, len(numbers))).astype(np.int64)
    return np.unique(numbers[places])


def input_range(graph: Graph, index: int) -> tuple[float, float]:
    """The smallest and the largest value that is tried for an input.

    Quantized values take all that their dtype holds. Floats take what the QUANTIZE behind them can tell apart. Wide
    integers are mostly indices: those of a GATHER that exist, else 0 and 1.
    """
    tensor = graph.tensors[index]
    dtype = np.dtype(tensor.dtype)
    consumers = [op for op in graph.ops if index in op.inputs]
    if dtype.kind == "f":
        spans = [_real_range(graph.tensors[op.outputs[0]]) for op in consumers if op.type == "QUANTIZE"]
        return spans[0] if spans else (-FLOAT_RANGE, FLOAT_RANGE)
    if dtype.kind == "b" or dtype.itemsize > 2:
        rows = [_gathered(graph, op) for op in consumers if op.type == "GATHER" and op.inputs[1] == index]
        return 0, min([*(count - 1 for count in rows), *([] if rows else [1])])
    limits = np.iinfo(dtype)
    return limits.min, limits.max


def _real_range(tensor: Tensor) -> tuple[float, float]:
    """The real values that a quantized tensor can hold, smallest and largest, and a little more on both sides."""
    limits = np.iinfo(np.dtype(tensor.dtype))
    low, high = ((limit - tensor.zero_point) * tensor.scale for limit in (limits.min, limits.max))
    return (low + BEYOND * (low - high), high + BEYOND * (high - low)) if low < high else (-FLOAT_RANGE, FLOAT_RANGE)


def _gathered(graph: Graph, op: Op) -> int:
    """How many indices of a GATHER exist."""
    shape, axis = graph.tensors[op.inputs[0]].shape, op.options.get("axis", 0)
    return shape[axis] if isinstance(axis, int) and -len(shape) <= axis < len(shape) else 1


def _extremes(tensor: Tensor, limits: tuple[float, float]) -> Array:
    """(3, *shape): zero point, minimum, maximum."""
    dtype = np.dtype(tensor.dtype)
    return np.stack([zeros(tensor), *(np.full(tensor.shape, value, dtype) for value in limits)])


def _noise(tensor: Tensor, limits: tuple[float, float], rng: np.random.Generator, sample: int) -> Array:
    """(*shape): uniform where `sample` is even, soft where it is odd."""
    dtype = np.dtype(tensor.dtype)
    low, high = limits
    if sample % 2 == 0:
        if dtype.kind == "f":
            return rng.uniform(low, high, tensor.shape).astype(dtype)
        return rng.integers(int(low), int(high), tensor.shape, dtype=dtype, endpoint=True)
    kind = sample // 2
    deviation = SOFT_DEVIATIONS[kind % len(SOFT_DEVIATIONS)] * (high - low) / 255
    level = tensor.zero_point if kind % 2 == 0 else rng.uniform(low, high)
    values = rng.normal(level, deviation, tensor.shape)
    return np.clip(values if dtype.kind == "f" else np.rint(values), low, high).astype(dtype)

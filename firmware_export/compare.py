"""Compares what runtimes answer, bit for bit, and says where they first differ and how much a comparison tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import numpy.typing as npt

from firmware_export.batch import Batch
from firmware_export.causes import Cause, name_cause
from firmware_export.graph import Array, Graph, Op

Counts = npt.NDArray[np.int64]
KEPT_SAMPLES, SHOWN = 16, 5
"""How many differing samples a cause is guessed from, and how many differing values a report lists."""


@dataclass(frozen=True)
class Element:
    """One value that differs: in which sample, where in the tensor, what the oracle has there, what the runtime has."""

    sample: int
    position: tuple[int, ...]
    expected: float
    got: float

    def __str__(self) -> str:
        return f"sample {self.sample} at {list(self.position)}: expected {self.expected:g}, got {self.got:g}"


@dataclass(frozen=True)
class Difference:
    """Where a runtime first leaves the oracle.

    Attributes:
        operator: index in the .tflite; None when operators' outputs agree but the network's outputs differ.
        type: the operator's type, or "output" for one of the network's outputs.
        tensor: name of its (first) output.
        differing: how many values differ, out of `values` compared.
        max_difference: the largest difference, in quanta.
        elements: the first of the values that differ, at least one.
        cause: what kind of error their pattern looks like.
    """

    operator: int | None
    type: str
    tensor: str
    differing: int
    values: int
    max_difference: float
    elements: tuple[Element, ...]
    cause: Cause

    def __str__(self) -> str:
        where = self.type if self.operator is None else f"operator {self.operator} {self.type}"
        return (
            f"{where} (output '{self.tensor}'): {self.differing} of {self.values} values differ, by at most "
            f"{self.max_difference:g}; first in {self.elements[0]}; looks like {self.cause}"
        )


@dataclass
class _Count:
    """Running sums for one tensor."""

    values: int = 0
    differing: int = 0
    max_difference: float = 0.0
    samples: list[int] = field(default_factory=list)
    expected: list[Array] = field(default_factory=list)
    got: list[Array] = field(default_factory=list)

    def add(self, expected: Array, got: Array, samples: Counts) -> None:
        """Compares (N, values) with (N, values); `samples` (N,) are the samples' numbers."""
        self.values += expected.size
        where = np.argwhere(_bits(expected) != _bits(got))
        if len(where) == 0:
            return
        self.differing += len(where)
        rows, columns = where[:, 0], where[:, 1]
        wanted, had = expected[rows, columns].astype(np.float64), got[rows, columns].astype(np.float64)
        self.max_difference = max(self.max_difference, float(np.abs(wanted - had).max()))
        for row in np.unique(rows)[: KEPT_SAMPLES - len(self.samples)]:
            self.samples.append(int(samples[row]))
            self.expected.append(expected[row].copy())
            self.got.append(got[row].copy())

    def elements(self, shape: tuple[int, ...]) -> Iterator[Element]:
        """The first values that differ, in a tensor of this shape."""
        for sample, wanted, had in zip(self.samples, self.expected, self.got, strict=True):
            for flat in np.flatnonzero(_bits(wanted) != _bits(had)):
                position = tuple(int(i) for i in np.unravel_index(flat, shape))
                yield Element(sample, position, float(wanted[flat]), float(had[flat]))


class Tally:
    """What comparing one runtime with the oracle gave so far."""

    def __init__(self, graph: Graph) -> None:
        """Begins with nothing compared."""
        self._graph = graph
        self._operators: dict[int, _Count] = {}
        self._outputs = [_Count() for _ in graph.outputs]

    @property
    def values(self) -> int:
        """How many values were compared."""
        return sum(count.values for count in (*self._outputs, *self._operators.values()))

    @property
    def operators(self) -> int:
        """How many operators' outputs were compared."""
        return len(self._operators)

    def uncompared(self, wanted: Iterable[int]) -> tuple[int, ...]:
        """Which of these operators were not compared."""
        return tuple(sorted(set(wanted) - self._operators.keys()))

    def add(self, expected: Batch, got: Batch, samples: Counts) -> Counts:
        """Compares two batches of the samples with these numbers; which rows differ in the network's outputs."""
        differs = np.zeros(len(samples), bool)
        for count, wanted, had in zip(self._outputs, expected.outputs, got.outputs, strict=True):
            flat_wanted, flat_had = wanted.reshape(len(wanted), -1), had.reshape(len(had), -1)
            count.add(flat_wanted, flat_had, samples)
            differs |= (_bits(flat_wanted) != _bits(flat_had)).any(axis=1)
        for index in sorted(expected.operators.keys() & got.operators.keys()):
            wanted, had, left_out = expected.operators[index], got.operators[index], got.left_out.get(index)
            count = self._operators.setdefault(index, _Count())
            if left_out is not None:  # in their places stands what is wanted, and counts for nothing
                had = np.where(left_out, wanted, had)
                count.values -= len(wanted) * int(left_out.sum())
            count.add(wanted, had, samples)
        return np.flatnonzero(differs)

    def differing(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Which operators' outputs differ, and which of the network's outputs, by number."""
        operators = tuple(sorted(index for index, count in self._operators.items() if count.differing))
        return operators, tuple(number for number, count in enumerate(self._outputs) if count.differing)

    def difference(self) -> Difference | None:
        """The first operator that differs, else the first output that does, else None."""
        ops = {op.index: op for op in self._graph.ops}
        for index in sorted(self._operators):
            if self._operators[index].differing:
                op = ops[index]
                return self._describe(self._operators[index], op, op.outputs[0])
        for count, tensor in zip(self._outputs, self._graph.outputs, strict=True):
            if count.differing:
                return self._describe(count, None, tensor)
        return None

    def _describe(self, count: _Count, op: Op | None, index: int) -> Difference:
        tensor = self._graph.tensors[index]
        several = op is not None and len(op.outputs) > 1
        shape = (len(count.expected[0]),) if several else tensor.shape or (1,)
        expected, got = (np.stack(rows).reshape(-1, *shape) for rows in (count.expected, count.got))
        return Difference(
            operator=None if op is None else op.index,
            type="output" if op is None else op.type,
            tensor=tensor.name,
            differing=count.differing,
            values=count.values,
            max_difference=count.max_difference,
            elements=tuple(islice(count.elements(shape), SHOWN)),
            cause=name_cause(expected, got),
        )


@dataclass
class _Seen:
    """How often each position of one tensor held a telling value, and which positions ever changed."""

    first: Array
    telling: Counts
    changed: npt.NDArray[np.bool_]
    samples: int = 0


@dataclass
class Information:
    """How much equal outputs tell.

    A value tells something if it is neither the minimum nor the maximum of its dtype (saturation hides differences)
    and its position holds different values for different samples (a constant needs no network).
    """

    _seen: dict[tuple[str, int], _Seen] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        """Takes in the oracle's results for more samples."""
        for index, values in batch.operators.items():
            self._add(("operator", index), values)
        for number, values in enumerate(batch.outputs):
            self._add(("output", number), values.reshape(len(values), -1))

    def share(self, kind: str) -> float:
        """The telling share, 0 to 1, of the values of all "operator" or all "output" tensors.

        Wide integers, which are mostly shapes and indices, do not count.
        """
        seen = [values for (what, _), values in self._seen.items() if what == kind and not _wide(values.first)]
        total = sum(values.samples * values.telling.size for values in seen)
        return sum(int(values.telling[values.changed].sum()) for values in seen) / total if total else 0.0

    def outputs_change(self) -> bool:
        """Whether any output of the network changes from sample to sample."""
        return any(values.changed.any() for (what, _), values in self._seen.items() if what == "output")

    def _add(self, key: tuple[str, int], values: Array) -> None:
        if key not in self._seen:
            width = values.shape[1]
            self._seen[key] = _Seen(values[0].copy(), np.zeros(width, np.int64), np.zeros(width, bool))
        seen = self._seen[key]
        seen.samples += len(values)
        seen.telling += (~_saturated(values)).sum(axis=0)
        seen.changed |= (values != seen.first).any(axis=0)


def _wide(values: Array) -> bool:
    return values.dtype.kind in "iu" and values.dtype.itemsize > 2


def _saturated(values: Array) -> npt.NDArray[np.bool_]:
    """Where values are the smallest or the largest of their dtype."""
    if values.dtype.kind == "b":
        return np.zeros(values.shape, bool)
    if values.dtype.kind not in "iu":
        return ~np.isfinite(values.astype(np.float64))
    limits = np.iinfo(values.dtype)
    result: npt.NDArray[np.bool_] = (values == limits.min) | (values == limits.max)
    return result


def _bits(values: Array) -> Array:
    """Floats as integers, so that equal means the same bits."""
    if values.dtype.kind == "f":
        return np.ascontiguousarray(values).view(f"i{values.dtype.itemsize}")
    return values


def select(batch: Batch, rows: Counts) -> Batch:
    """Some of the samples of a batch."""
    operators: Mapping[int, Array] = {index: values[rows] for index, values in batch.operators.items()}
    return Batch(tuple(values[rows] for values in batch.outputs), operators, batch.left_out)

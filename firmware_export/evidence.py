"""What others need to check a proof: the sha256 of the inputs, and of each operator's outputs in each runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from firmware_export.batch import Batch
from firmware_export.compare import Counts
from firmware_export.graph import Array, Graph

Key: TypeAlias = tuple[str, int]
HASHED = 64
"""At most this many samples are hashed."""


@dataclass(frozen=True)
class Sampling:
    """Which inputs were run, so that they can be made again.

    Attributes:
        seed: of the generated ones.
        generated: how many were generated: zero point, minimum, maximum, then uniform and soft noise in turn.
        given: how many the user gave; they come behind the first three.
        hashed: numbers of the samples that the digests of inputs and outputs are over: those that every runtime taps.
        sha256: of each input of the network over these samples.
    """

    seed: int
    generated: int
    given: int
    hashed: tuple[int, ...]
    sha256: tuple[str, ...]


@dataclass(frozen=True)
class OutputDigests:
    """What one operator gave, or the network where `operator` is None: name of a runtime -> sha256.

    The digest is over the values, little-endian, of the hashed samples one after another.
    """

    operator: int | None
    type: str
    tensor: str
    sha256: Mapping[str, str]


class Digests:
    """Running digests of one runtime."""

    def __init__(self, hashed: Counts) -> None:
        """Begins with nothing; `hashed` are the numbers of the samples that count."""
        self._hashed = hashed
        self._running: dict[Key, Any] = {}
        self._done: dict[Key, int] = {}

    def add(self, batch: Batch, numbers: Counts) -> None:
        """Takes in a tapped batch of the samples with these numbers, in ascending order.

        Operators that do not compute all values get no digest: it could not be that of others.
        """
        rows = np.flatnonzero(np.isin(numbers, self._hashed))
        for number, values in enumerate(batch.outputs):
            self._add(("output", number), values[rows])
        for index, values in batch.operators.items():
            if index not in batch.left_out:
                self._add(("operator", index), values[rows])

    def result(self) -> dict[Key, str]:
        """The digests of what was given for all samples that count."""
        return {key: self._running[key].hexdigest() for key, done in self._done.items() if done == len(self._hashed)}

    def _add(self, key: Key, values: Array) -> None:
        self._running.setdefault(key, hashlib.sha256()).update(_bytes(values))
        self._done[key] = self._done.get(key, 0) + len(values)


def hashed_samples(taken: Iterable[Counts], limit: int = HASHED) -> Counts:
    """The samples that all runtimes tap, out of the numbers that each taps; at most `limit`."""
    common: Counts | None = None
    for numbers in taken:
        common = numbers if common is None else np.intersect1d(common, numbers)
    return np.empty(0, np.int64) if common is None else common[:limit]


def sample_digests(samples: Sequence[Array], numbers: Counts) -> tuple[str, ...]:
    """The sha256 of each input over these samples."""
    return tuple(hashlib.sha256(_bytes(values[numbers])).hexdigest() for values in samples)


def output_digests(graph: Graph, results: Mapping[str, Mapping[Key, str]]) -> tuple[OutputDigests, ...]:
    """All digests, by operator in the file's order and then by output; `results` by name of the runtime."""
    places: list[tuple[Key, int | None, str, int]] = [
        (("operator", op.index), op.index, op.type, op.outputs[0]) for op in graph.ops if op.outputs
    ]
    places += [(("output", number), None, "output", index) for number, index in enumerate(graph.outputs)]
    found = []
    for key, operator, kind, tensor in places:
        digests = {name: result[key] for name, result in results.items() if key in result}
        if digests:
            found.append(OutputDigests(operator, kind, graph.tensors[tensor].name, digests))
    return tuple(found)


def _bytes(values: Array) -> bytes:
    return np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()

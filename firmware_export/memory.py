"""What the C may touch: its inputs, outputs and arena, laid out with guard bytes between them, and checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from firmware_export.batch import RuntimeFaultError
from firmware_export.graph import Array, Graph

Bytes = npt.NDArray[np.uint8]
GUARD = 64
ALIGNMENT = 16


class Block:
    """Buffers one after another in one block of memory, each aligned, with guard bytes before, between and after.

    Attributes:
        offsets: where each buffer begins in the block.
        size: bytes of the block.
    """

    def __init__(self, what: str, sizes: list[int]) -> None:
        """Lays the buffers out.

        Args:
            what: for messages, e.g. "output".
            sizes: the buffers' bytes.
        """
        offsets, end = [], GUARD
        for size in sizes:
            offsets.append(-(-end // ALIGNMENT) * ALIGNMENT)
            end = offsets[-1] + size + GUARD
        self.offsets, self._what, self._sizes = tuple(offsets), what, sizes
        self.size = -(-end // ALIGNMENT) * ALIGNMENT

    def take(self, rows: Bytes) -> Bytes:
        """(N, bytes): the buffers alone, one after another, out of (N, size)."""
        return np.concatenate([rows[:, part] for part in self._parts()], axis=1)

    def check(self, where: str, before: Bytes, after: Bytes, *, constant: bool = False) -> None:
        """Nothing, if only buffers changed in (N, size) bytes; with `constant` they may not change either.

        Raises:
            RuntimeFaultError: otherwise.
        """
        changed = before != after
        if not constant:
            for part in self._parts():
                changed[:, part] = False
        if changed.any():
            sample, place = np.argwhere(changed)[0]
            raise RuntimeFaultError(f"{where}: the C wrote {self._describe(int(place))} (run {sample + 1} of a batch).")

    def put(self, rows: Bytes, number: int, values: Array) -> None:
        """Copies one buffer's values (N, ...) into (N, size)."""
        data = np.ascontiguousarray(values).reshape(len(values), -1).view(np.uint8)
        rows[:, self.offsets[number] : self.offsets[number] + data.shape[1]] = data

    def _parts(self) -> list[slice]:
        return [slice(start, start + size) for start, size in zip(self.offsets, self._sizes, strict=True)]

    def _describe(self, place: int) -> str:
        """Where a byte lies, in words, seen from the nearest buffer."""
        distances = [(max(part.start - place, place - part.stop + 1, 0), part) for part in self._parts()]
        distance, part = min(distances, key=lambda pair: pair[0])
        if distance == 0:
            return f"into its {self._what}"
        side = "before" if place < part.start else "after"
        return f"outside its {self._what}: {distance} {'byte' if distance == 1 else 'bytes'} {side} it"


class Memory:
    """The three blocks of a model: inputs, outputs, arena."""

    def __init__(self, graph: Graph, arena_bytes: int | None) -> None:
        """Lays them out; arena_bytes is None where the project keeps its arena to itself."""
        self.inputs = Block("input", [graph.tensors[index].size_bytes for index in graph.inputs])
        self.outputs = Block("output", [graph.tensors[index].size_bytes for index in graph.outputs])
        self.arena = Block("arena", [] if arena_bytes is None else [arena_bytes])
        self._rng = np.random.default_rng(0)

    @property
    def size(self) -> int:
        """Bytes of all blocks."""
        return self.inputs.size + self.outputs.size + self.arena.size

    def fill(self, inputs: Sequence[Array]) -> Bytes:
        """(N, size): inputs (N, *shape) each in their places, and another noise everywhere else in every row.

        What the C reads without having written it, or outside its buffers, then differs from run to run.
        """
        rows = self._rng.integers(0, 256, (len(inputs[0]), self.size), np.uint8)
        for number, values in enumerate(inputs):
            self.inputs.put(rows, number, values)
        return rows

    def split(self, rows: Bytes) -> tuple[Bytes, Bytes, Bytes]:
        """The bytes (N, ...) of inputs, outputs and arena."""
        first, second = self.inputs.size, self.inputs.size + self.outputs.size
        return rows[:, :first], rows[:, first:second], rows[:, second:]

    def check(self, where: str, before: Bytes, after: Bytes) -> Bytes:
        """The outputs (N, bytes), if the C wrote to nothing but outputs and arena.

        Raises:
            RuntimeFaultError: otherwise.
        """
        was, now = self.split(before), self.split(after)
        self.inputs.check(where, was[0], now[0], constant=True)
        self.outputs.check(where, was[1], now[1])
        self.arena.check(where, was[2], now[2])
        return self.outputs.take(now[1])

"""How often LiteRT, which devices run because it is fast, gives the bits of the oracle: a rate beside the proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firmware_export.batch import NotAvailableError, Runtime
from firmware_export.graph import Array, Graph
from firmware_export.tflite import litert


@dataclass(frozen=True)
class Agreement:
    """How far a runtime that is not bit-exact agrees with the one that is.

    Attributes:
        name: of the runtime, with its version.
        samples: how many inputs were compared.
        values: how many values of the network's outputs.
        same_values: how many of these are the very same bits.
        same_top: on how many inputs the largest value of the first output is at the same place.
        largest_difference: in quanta; of floats in their own unit.
    """

    name: str
    samples: int
    values: int
    same_values: int
    same_top: int
    largest_difference: float

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.same_values / max(self.values, 1):.2%} of {self.values:,} output values the same, "
            f"same top-1 on {self.same_top:,} of {self.samples:,} inputs, "
            f"largest difference {self.largest_difference:g}"
        )


def compare_outputs(name: str, expected: Sequence[Array], got: Sequence[Array]) -> Agreement:
    """The agreement of outputs (N, *shape), one array per output of the network, in the same dtypes."""
    pairs = [(_flat(wanted), _flat(had)) for wanted, had in zip(expected, got, strict=True)]
    apart = [np.abs(wanted.astype(np.float64) - had.astype(np.float64)) for wanted, had in pairs]
    first = pairs[0]
    return Agreement(
        name=name,
        samples=len(first[0]),
        values=sum(wanted.size for wanted, _ in pairs),
        same_values=sum(int((wanted == had).sum()) for wanted, had in pairs),
        same_top=int((first[0].argmax(axis=1) == first[1].argmax(axis=1)).sum()),
        largest_difference=max((float(values.max()) for values in apart if values.size), default=0.0),
    )


class LiteRtSide:
    """LiteRT beside a proof; where it is not installed or refuses the model there is nothing to report."""

    def __init__(self, data: bytes, graph: Graph) -> None:
        """Starts it.

        Args:
            data: the .tflite file.
            graph: the same file, before any pass.
        """
        self._runtime: Runtime | None = None
        self._parts: list[Agreement] = []
        try:
            started = litert(data, graph)
            self._runtime, self._name = started, f"LiteRT {started.version} with XNNPACK"
        except NotAvailableError:
            return

    def add(self, inputs: Sequence[Array], expected: Sequence[Array]) -> None:
        """Runs more inputs (N, *shape) and compares their outputs with the oracle's."""
        if self._runtime is None:
            return
        try:
            got = self._runtime.run(inputs, tap=False).outputs
            self._parts.append(compare_outputs(self._name, expected, got))
        except NotAvailableError:
            self._runtime = None

    def result(self) -> Agreement | None:
        """The agreement on all inputs; None where LiteRT did not run them."""
        if self._runtime is None or not self._parts:
            return None
        return Agreement(
            name=self._name,
            samples=sum(part.samples for part in self._parts),
            values=sum(part.values for part in self._parts),
            same_values=sum(part.same_values for part in self._parts),
            same_top=sum(part.same_top for part in self._parts),
            largest_difference=max(part.largest_difference for part in self._parts),
        )


def _flat(values: Array) -> Array:
    return values.reshape(len(values), -1)

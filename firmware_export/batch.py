"""What a runtime answers for a batch of samples: the network's outputs and, if asked, every operator's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from firmware_export.errors import ExportError
from firmware_export.graph import Array, Graph, Op


class RuntimeFaultError(ExportError):
    """A runtime started and then broke: a memory fault, a crash, a wrong amount of output."""


class NotAvailableError(ExportError):
    """A runtime can't run on this machine; the message says what to install."""


@dataclass(frozen=True)
class Batch:
    """Results for N samples.

    Attributes:
        outputs: one array (N, *shape) per output of the network, in the file's order and dtypes.
        operators: index of an operator in the file -> its outputs, flattened one after another: (N, values).
        left_out: of an operator that does not compute all of them, bool (values,): True where there is none.
    """

    outputs: tuple[Array, ...]
    operators: Mapping[int, Array] = field(default_factory=dict)
    left_out: Mapping[int, Array] = field(default_factory=dict)


class Runtime(Protocol):
    """Something that runs the network."""

    def run(self, inputs: Sequence[Array], *, tap: bool) -> Batch:
        """The results for inputs of shape (N, *shape) each; with `tap` also those of the operators.

        A network with variables is reset first, and keeps them from sample to sample: the batch is one sequence.
        """
        ...


def operator_dtype(graph: Graph, op: Op) -> np.dtype[np.generic]:
    """The dtype in which an operator's outputs are compared: that of the first."""
    return np.dtype(graph.tensors[op.outputs[0]].dtype)


def flatten_outputs(values: Sequence[Array]) -> Array:
    """(N, values): arrays (N, ...) of one dtype flattened per sample and put side by side."""
    return np.concatenate([np.reshape(value, (len(value), -1)) for value in values], axis=1)


def split_outputs(graph: Graph, rows: Array) -> tuple[Array, ...]:
    """The network's outputs (N, *shape) out of uint8 rows (N, bytes) that hold them one after another.

    Raises:
        RuntimeFaultError: the rows have another length.
    """
    tensors = [graph.tensors[index] for index in graph.outputs]
    expected = sum(tensor.size_bytes for tensor in tensors)
    if rows.shape[1] != expected:
        raise RuntimeFaultError(f"{graph.name}: got {rows.shape[1]} bytes of outputs, expected {expected}.")
    result, start = [], 0
    for tensor in tensors:
        part = np.ascontiguousarray(rows[:, start : start + tensor.size_bytes])
        result.append(part.view(tensor.dtype).reshape(len(rows), *tensor.shape))
        start += tensor.size_bytes
    return tuple(result)

"""TensorFlow Lite Micro's own interpreter (PyPI `tflite-micro`): outputs, operators' outputs, measured arena."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from firmware_export.batch import Batch, NotAvailableError
from firmware_export.errors import ExportError
from firmware_export.graph import Array, Graph
from firmware_export.tflm_worker import LARGE_ARENA_BYTES, TflmWorker, new_interpreter
from firmware_export.toolchain import VERIFY_EXTRA

PACKAGE = "tflite-micro"
ARENA_CRASHES_ALLOWED = 100
ARENA_STEP_BYTES = 16
REFUSED = 3
"""Exit code of a process in which TFLM refuses a model."""


@dataclass
class Captured:
    """What was written to a file descriptor while it was captured."""

    text: str = ""


def tflm_version() -> str:
    """The installed version of tflite-micro.

    Raises:
        NotAvailableError: it is not installed, or not for this platform.
    """
    if importlib.util.find_spec("tflite_micro") is None:
        raise NotAvailableError(
            f"the Python package {PACKAGE} is not installed (wheels exist for x86-64 Linux only): {VERIFY_EXTRA}"
        )
    return importlib.metadata.version(PACKAGE)


class TflmRuntime:
    """The model in TFLM's interpreter, in a process of its own: TFLM aborts its process on some inputs.

    It keeps every tensor, so that operators' outputs can be read.
    """

    def __init__(self, data: bytes, graph: Graph) -> None:
        """Loads the model.

        Args:
            data: the .tflite file.
            graph: the same file, as `read_tflite` returned it (before any pass).

        Raises:
            NotAvailableError: no tflite-micro here, or it refuses the model.
        """
        self.version = tflm_version()
        self._graph = graph
        states = {variable.tensor for variable in graph.variables}
        shown = {op.index: op.inputs[1:2] if states & set(op.outputs) else op.outputs for op in graph.ops}
        self._worker = TflmWorker(data, graph.name, len(graph.outputs), shown, fresh=bool(states))

    def run(self, inputs: Sequence[Array], *, tap: bool) -> Batch:
        """The outputs for inputs (N, *shape) each, and with `tap` those of every operator.

        Raises:
            NotAvailableError: TFLM fails or crashes in the middle of the model.
        """
        results = list(self._worker.run(inputs, tap=tap))
        shapes = [self._graph.tensors[index].shape for index in self._graph.outputs]
        return Batch(
            tuple(
                np.stack([outputs[number] for outputs, _ in results]).reshape(-1, *shape)
                for number, shape in enumerate(shapes)
            ),
            {op.index: np.stack([operators[op.index] for _, operators in results]) for op in self._graph.ops if tap},
        )


def measure_arena(data: bytes, name: str) -> int:
    """The arena bytes that TFLM needs for a model on this 64-bit machine: an upper bound for 32-bit chips.

    What the allocator reports leaves out what it needs for a moment while it plans, so that size is tried and raised
    in steps of 16 bytes until the model loads.

    Raises:
        NotAvailableError: no tflite-micro here, or it refuses the model.
    """
    tflm_version()
    done = _in_child("report_arena()", data)
    said = " ".join(done.stdout.decode(errors="replace").split())
    if done.returncode:
        why = f"crashed while it loaded {name}" if done.returncode != REFUSED else f"refuses {name}: {said[-300:]}"
        raise NotAvailableError(f"TFLite Micro {why}")
    match = re.search(r"Arena allocation total (\d+) bytes", said)
    if match is None:
        raise ExportError(f"{name}: tflite-micro did not report its arena. It said: {said[:200]!r}")
    return _smallest_arena(data, name, -(-int(match.group(1)) // ARENA_STEP_BYTES) * ARENA_STEP_BYTES)


def report_arena() -> None:
    """Prints what TFLM allocates for the model on standard input, or why it refuses it.

    The arena is large enough; its pages take no memory before they are used.
    """
    interpreter, message = _try_load(sys.stdin.buffer.read(), LARGE_ARENA_BYTES, preserve=False)
    if interpreter is None:
        print(message)
        sys.exit(REFUSED)
    with captured_stderr() as said:
        interpreter.print_allocations()
    print(said.text)


def search_arena(arena_bytes: int) -> None:
    """Prints every size that it tries, upwards, for the model on standard input, until one is enough."""
    data = sys.stdin.buffer.read()
    print(arena_bytes, flush=True)
    while _try_load(data, arena_bytes, preserve=False)[0] is None:
        arena_bytes += ARENA_STEP_BYTES
        print(arena_bytes, flush=True)


def _smallest_arena(data: bytes, name: str, arena_bytes: int) -> int:
    """The first size from arena_bytes on that is enough.

    TFLM may crash in an arena that is too small, so other processes try, each beginning where the last one fell.
    """
    for _ in range(ARENA_CRASHES_ALLOWED):
        done = _in_child(f"search_arena({arena_bytes})", data)
        tried = done.stdout.split()
        if not tried:
            break
        if done.returncode == 0:
            return int(tried[-1])
        arena_bytes = int(tried[-1]) + ARENA_STEP_BYTES
    raise ExportError(f"{name}: the arena could not be measured: {done.stderr.decode(errors='replace')[-300:]}")


@contextmanager
def captured_stderr() -> Iterator[Captured]:
    """Keeps what C++ code writes to the process' standard error, and hands it over when the block ends."""
    captured = Captured()
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            try:
                yield captured
            finally:
                os.dup2(saved, 2)
                file.seek(0)
                captured.text = file.read().decode(errors="replace").strip()
    finally:
        os.close(saved)


def _in_child(call: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    """Calls a function of this file in another process, with `data` as its standard input: TFLM may crash."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    code = f"from firmware_export import tflm; tflm.{call}"
    return subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, env=environment)


def _try_load(data: bytes, arena_bytes: int, *, preserve: bool) -> tuple[Any, str]:
    """An interpreter, or None and what TFLM said."""
    with captured_stderr() as said:
        try:
            return new_interpreter(data, arena_bytes, preserve=preserve), ""
        except (RuntimeError, ValueError) as error:
            failure = str(error)
    return None, " ".join((said.text or failure).split())[-300:]

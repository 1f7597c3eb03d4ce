"""Compares what numpy computes with TensorFlow Lite Micro, in a process of its own: TFLM crashes on damaged files."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Sequence

import numpy as np

from firmware_export import reference
from firmware_export.graph import Array, Graph
from firmware_export.oracle import wrong_operators
from firmware_export.passes.rewrite import sound
from firmware_export.program import Program
from firmware_export.tables import BadTableError, root
from firmware_export.vectors import generated_inputs

SAMPLES = 5
MOST_MACS, MOST_VALUES = 3_000_000, 1_000_000
"""Larger networks are not run."""
ARENA_BYTES = 16 << 20
TIMEOUT_S = 20
EQUAL, REFUSED, DIFFERS = "equal to TFLite Micro", "TFLite Micro refuses or crashes", "TFLite Micro differs"


def run_tflm(data: bytes, graph: Graph, program: Program, number: int) -> tuple[str, str]:
    """(outcome, note): whether TFLite Micro gives what numpy gives for `graph`, where it runs the file at all."""
    values = sum(t.size for t in graph.tensors if t.data is None)
    if program.macs > MOST_MACS or values > MOST_VALUES or wrong_operators(graph) or _behind(data):
        return "exported", "too large, or TFLite Micro is known to be wrong"
    if not all(sound(graph.node(op)) for op in graph.ops):
        return "exported", "an operator that folds away or that nothing needs breaks a rule, and TFLite Micro runs it"
    inputs = generated_inputs(graph, SAMPLES)
    theirs = _in_child(data, inputs, len(graph.outputs))
    if theirs is None:
        return REFUSED, ""
    ours = reference.run_sequence(graph, inputs)
    for index, a, b in zip(graph.outputs, ours, theirs, strict=True):
        if a.dtype != b.dtype or a.tobytes() != np.ascontiguousarray(b).tobytes():
            kinds = ", ".join(dict.fromkeys(op.type for op in graph.ops))
            return DIFFERS, f"output '{graph.tensors[index].name}' of {kinds}"
    return EQUAL, ""


def _behind(data: bytes) -> bool:
    """Whether constants lie behind the flatbuffer, where TFLite Micro does not look for them."""
    try:
        return any(buffer.integer(1, "uint64") > 1 for buffer in root(data).tables(4))
    except BadTableError:  # a buffer that nothing uses
        return True


def _in_child(data: bytes, inputs: Sequence[Array], outputs: int) -> list[Array] | None:
    """TFLite Micro's outputs (N, ...); None where it refuses the file, crashes or does not end."""
    from tflite_micro.python.tflite_micro import runtime  # before the fork, since it takes longest

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _silence()
        signal.alarm(TIMEOUT_S)
        try:
            result = _invoke(runtime.Interpreter.from_bytes(data, arena_size=ARENA_BYTES), inputs, outputs)
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(result, pipe)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        raw = pipe.read()
    os.waitpid(child, 0)
    result: list[Array] | None = pickle.loads(raw) if raw else None
    return result


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def _invoke(interpreter: object, inputs: Sequence[Array], outputs: int) -> list[Array]:
    """The outputs for all samples, as one sequence."""
    from firmware_export.tflm_worker import _invoke as invoke

    shapes = [interpreter.get_input_details(number)["shape"] for number in range(len(inputs))]  # type: ignore[attr-defined]
    rows: list[list[Array]] = [[] for _ in range(outputs)]
    for sample in range(len(inputs[0])):
        invoke(interpreter, [values[sample] for values in inputs], shapes)
        for number, row in enumerate(rows):
            row.append(np.array(interpreter.get_output(number)))  # type: ignore[attr-defined]
    return [np.stack(row) for row in rows]

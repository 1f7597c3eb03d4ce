"""Compiles a C project for this machine and runs it: one process for all batches, binary files in and out."""

from __future__ import annotations

import subprocess
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from firmware_export.batch import Batch, RuntimeFaultError, operator_dtype, split_outputs
from firmware_export.cproject import CProject, check_own_arena, harness_header
from firmware_export.graph import Array, Graph, Removed
from firmware_export.memory import Bytes, Memory
from firmware_export.toolchain import C_FLAGS, HARNESS_FOLDER, Compiler, compile_objects, run_tool

RUN_TIMEOUT_S = 3600
STOP_TIMEOUT_S = 5
MEMORY_RECORD = -1
RECORD_HEAD_BYTES = 8


class HostRuntime:
    """The C project as a program on this machine."""

    def __init__(self, project: CProject, graph: Graph, compiler: Compiler, build_folder: Path) -> None:
        """Compiles the project.

        Args:
            project: the C.
            graph: the model that it should equal.
            compiler: a compiler for this machine.
            build_folder: where objects, programs and batches are written.

        Raises:
            ExportError: it does not compile.
        """
        self._project, self._graph, self._compiler, self._build = project, graph, compiler, build_folder
        self._memory = Memory(graph, project.arena_bytes)
        self._programs = {False: self._compile(tap=False)}

    def run(self, inputs: Sequence[Array], *, tap: bool) -> Batch:
        """The outputs for inputs (N, *shape) each; with `tap` from a second build that also gives the operators'.

        Raises:
            RuntimeFaultError: the program crashed, left its memory or wrote something else than it should.
        """
        check_own_arena(self._project)
        tap = tap and self._project.tap_macro is not None
        if tap not in self._programs:
            self._programs[tap] = self._compile(tap=tap)
        rows = self._memory.fill(inputs)
        records = self._programs[tap].run(rows)
        return read_records(records, rows, self._graph, self._memory, "the host", self._project.removed)

    def _compile(self, *, tap: bool) -> _Program:
        """The program."""
        folder = self._build / ("tapped" if tap else "plain")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "harness_model.h").write_text(harness_header(self._project, self._memory), encoding="utf-8")
        flags = [*C_FLAGS, "-iquote", str(folder), "-iquote", str(self._project.folder)]
        flags += [f"-D{self._project.arena_macro}"] if self._project.arena_macro else []
        flags += [f"-D{self._project.tap_macro}"] if tap else []
        sources = [*self._project.sources, HARNESS_FOLDER / "harness_host.c"]
        objects = compile_objects(self._compiler, sources, folder, flags)
        program = folder / "harness"
        run_tool([*self._compiler.command, *map(str, objects), "-o", str(program), "-lm"], "linking for the host")
        return _Program(self._project.name, program)


class _Program:
    """A compiled harness, one process from its first batch on: what the C keeps between runs is seen."""

    def __init__(self, name: str, program: Path) -> None:
        self._name = name
        self._samples, self._results = program.parent / "samples.bin", program.parent / "results.bin"
        self._command = [str(program), str(self._samples), str(self._results)]
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, rows: Bytes) -> Bytes:
        """What it writes for samples (N, bytes)."""
        self._samples.write_bytes(rows.tobytes())
        process = self._process or self._start()
        timer = threading.Timer(RUN_TIMEOUT_S, process.kill)
        timer.start()
        try:
            done = _ask(process)
        finally:
            timed_out = timer.finished.is_set()
            timer.cancel()
        if done:
            return np.fromfile(self._results, np.uint8)
        self._process = None
        stop(process)
        if timed_out:
            raise RuntimeFaultError(f"{self._name} on the host did not end in {RUN_TIMEOUT_S} s.")
        raise RuntimeFaultError(f"{self._name} on the host crashed (exit code {process.returncode}).")

    def _start(self) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        weakref.finalize(self, stop, self._process)
        return self._process


def _ask(process: subprocess.Popen[bytes]) -> bool:
    """Has the program run a batch; whether it did."""
    if process.stdin is None or process.stdout is None:
        return False
    try:
        process.stdin.write(b"\n")
        process.stdin.flush()
    except OSError:
        return False
    return process.stdout.readline().strip() == b"done"


def stop(process: subprocess.Popen[bytes]) -> None:
    """Closes the pipes of a process, on which it ends, and waits for it."""
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except OSError:
            continue
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def read_records(
    data: Bytes, before: Bytes, graph: Graph, memory: Memory, where: str, removed: Sequence[Removed] = ()
) -> Batch:
    """The results in what harness_host.c wrote for the memory (N, bytes) `before` the runs.

    `removed` are the channels that the C does not compute.

    Raises:
        RuntimeFaultError: samples differ in what they wrote, or the C left its memory; `where` says on what machine.
    """
    who = f"{graph.name} on {where}"
    if len(data) % len(before) != 0:
        raise RuntimeFaultError(f"{who}: samples differ in what they wrote.")
    rows = data.reshape(len(before), -1)
    parts = _parts(rows[0], who)
    values = {op: np.concatenate([rows[:, part] for part in slices], axis=1) for op, slices in parts.items()}
    after = values.pop(MEMORY_RECORD, None)
    if after is None or after.shape != before.shape:
        raise RuntimeFaultError(f"{who} wrote no outputs.")
    outputs = memory.check(who, before, after)
    return make_batch(graph, split_outputs(graph, outputs), values, where, removed)


def make_batch(
    graph: Graph, outputs: tuple[Array, ...], rows: Mapping[int, Bytes], where: str, removed: Sequence[Removed] = ()
) -> Batch:
    """The network's outputs, and the tapped bytes (N, bytes) of each operator in the operator's dtype.

    Channels that the C leaves out as constant are filled in, so that comparing shows whether they are; those that
    nothing reads are marked as left out.

    Raises:
        RuntimeFaultError: a tap names an operator that the model lacks, or has a wrong size.
    """
    ops = {op.index: op for op in graph.ops}
    shapes = {tensor.index: tensor.shape[-1:] for tensor in graph.tensors}
    gone = {part.tensor: part for part in removed if shapes.get(part.tensor) == (part.channels,)}
    result: dict[int, Array] = {}
    left_out: dict[int, Array] = {}
    for index, data in rows.items():
        part = gone.get(ops[index].outputs[0]) if index in ops else None
        expected = sum(graph.tensors[tensor].size_bytes for tensor in ops[index].outputs) if index in ops else 0
        expected = expected if part is None else expected // part.channels * len(part.kept)
        if data.shape[1] != expected:
            gave = f"the tap of operator {index} gave {data.shape[1]} bytes, expected {expected}"
            raise RuntimeFaultError(f"{graph.name} on {where}: {gave}.")
        result[index] = np.ascontiguousarray(data).view(operator_dtype(graph, ops[index]))
        if part is not None:
            result[index], missing = _with_removed(result[index], part)
            left_out.update({index: missing} if missing.any() else {})
    return Batch(outputs, result, left_out)


def _with_removed(values: Array, part: Removed) -> tuple[Array, Array]:
    """Values (N, kept) with the constants of the channels between them, and bool (values,): where there is nothing."""
    dropped = np.setdiff1d(np.arange(part.channels), part.kept)
    row = np.zeros(part.channels, values.dtype)
    row[dropped] = [constant or 0 for constant in part.constants]
    pixels = values.shape[1] // len(part.kept)
    whole = np.tile(row, (len(values), pixels, 1))
    whole[..., list(part.kept)] = values.reshape(len(values), pixels, len(part.kept))
    missing = np.zeros(part.channels, bool)
    missing[dropped] = [constant is None for constant in part.constants]
    return whole.reshape(len(values), -1), np.tile(missing, pixels)


def _parts(row: Bytes, who: str) -> dict[int, list[slice]]:
    """Operator index -> where its data lies in one sample's records."""
    parts: dict[int, list[slice]] = {}
    start = 0
    while start + RECORD_HEAD_BYTES <= len(row):
        op, length = (int(value) for value in row[start : start + RECORD_HEAD_BYTES].view(np.int32))
        start += RECORD_HEAD_BYTES
        if not 0 <= length <= len(row) - start:
            raise RuntimeFaultError(f"{who} wrote a broken record.")
        parts.setdefault(op, []).append(slice(start, start + length))
        start += length
    return parts

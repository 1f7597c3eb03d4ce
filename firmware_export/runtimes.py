"""The runtimes that a proof knows by name, and how each is started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firmware_export import reference
from firmware_export.batch import Batch, NotAvailableError, Runtime
from firmware_export.cproject import CProject
from firmware_export.emulate import CortexRuntime, emulator_versions
from firmware_export.errors import ExportError
from firmware_export.graph import Array, Graph
from firmware_export.host import HostRuntime
from firmware_export.oracle import NUMPY, TFLITE, TFLM
from firmware_export.qemu import BOARDS, QemuRuntime
from firmware_export.targets import CORES, find_core
from firmware_export.tflite import tflite_reference
from firmware_export.tflm import TflmRuntime
from firmware_export.toolchain import C_FLAGS, find_host_compiler

HOST = "host"
DEFAULT_RUNTIMES = (TFLM, NUMPY, HOST, "cortex-m4")
KNOWN = (TFLM, TFLITE, NUMPY, HOST, *CORES, *BOARDS)
ALL = "all"
"""Stands for every runtime that this machine has."""


@dataclass(frozen=True)
class Subject:
    """What is run: the model's bytes, its graph, the C, a folder to build in, and the Python that has TFLite 2.14."""

    data: bytes
    graph: Graph
    project: CProject | None
    build_folder: Path
    tflite_python: str | None = None


@dataclass(frozen=True)
class Started:
    """A runtime that can run, its version and the compiler's flags; or nothing, and the reason why not."""

    runtime: Runtime | None
    version: str = ""
    reason: str = ""
    flags: tuple[str, ...] = ()


class NumpyRuntime:
    """The reference in numpy."""

    def __init__(self, graph: Graph) -> None:
        """Takes the graph as it was read."""
        self._graph = graph

    def run(self, inputs: Sequence[Array], *, tap: bool) -> Batch:
        """The outputs for inputs (N, *shape) each, and with `tap` those of every operator."""
        outputs = tuple(np.asarray(values) for values in reference.run_sequence(self._graph, inputs))
        if not tap:
            return Batch(outputs)
        rows = {index: values.reshape(len(values), -1) for index, values in self._all(inputs).items()}
        return Batch(outputs, rows)

    def _all(self, inputs: Sequence[Array]) -> dict[int, Array]:
        return reference.run_all(self._graph, inputs, sequence=True)


def start(name: str, subject: Subject) -> Started:
    """The runtime of that name, or why it can't run here.

    Raises:
        ExportError: the name is unknown, or the C does not compile.
    """
    try:
        return _start(name, subject)
    except NotAvailableError as error:
        return Started(None, reason=str(error))


def needs_c(name: str) -> bool:
    """Whether a runtime runs the generated C."""
    return name not in (TFLM, TFLITE, NUMPY)


def is_slow(name: str) -> bool:
    """Whether a runtime emulates another machine, and so runs few of the samples."""
    return name in CORES or name in BOARDS


def chosen(names: Sequence[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The runtimes that `names` stand for, and those of them that were asked for by their own names.

    Raises:
        ExportError: a name is unknown or there twice, or there is none.
    """
    own = [name for name in names if name != ALL]
    check_names(own if own or not names else list(KNOWN))
    return (KNOWN if ALL in names else tuple(own)), frozenset(own)


def check_names(names: Sequence[str]) -> None:
    """Nothing, if all names are known and there is at least one.

    Raises:
        ExportError: otherwise.
    """
    unknown = [name for name in names if name not in KNOWN]
    if unknown or not names or len(set(names)) != len(names):
        what = f"{', '.join(unknown)}: no such runtime" if unknown else "name at least one runtime, each once"
        raise ExportError(f"{what}. Known: {', '.join(KNOWN)}, and {ALL}.")


def _start(name: str, subject: Subject) -> Started:
    if name == TFLM:
        tflm = TflmRuntime(subject.data, subject.graph)
        return Started(tflm, f"tflite-micro {tflm.version}")
    if name == TFLITE:
        tflite = tflite_reference(subject.data, subject.graph, subject.tflite_python)
        return Started(tflite, f"tflite-runtime {tflite.version}, BUILTIN_REF")
    if name == NUMPY:
        return Started(NumpyRuntime(subject.graph), f"numpy {np.__version__}")
    if subject.project is None:
        raise ExportError(f"{subject.graph.name}: the runtime {name} needs generated C.")
    return _start_c(name, subject, subject.project)


def _start_c(name: str, subject: Subject, project: CProject) -> Started:
    """A runtime of the generated C."""
    folder = subject.build_folder / name
    if name == HOST:
        compiler = find_host_compiler()
        return Started(HostRuntime(project, subject.graph, compiler, folder), compiler.version, flags=C_FLAGS)
    if name in BOARDS:
        board = QemuRuntime(project, subject.graph, BOARDS[name], folder)
        return Started(board, f"{board.compiler.version}, {board.emulator.version}", flags=board.flags)
    core = CortexRuntime(project, subject.graph, find_core(name), folder)
    version = f"zig cc {core.compiler.version}, unicorn {emulator_versions()['unicorn']}"
    return Started(core, version, flags=(*core.target, *C_FLAGS))

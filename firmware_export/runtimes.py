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
from firmware_export.targets import CORES, find_core
from firmware_export.tflm import TflmRuntime
from firmware_export.toolchain import find_host_compiler

TFLM, NUMPY, HOST = "tflm", "numpy", "host"
DEFAULT_RUNTIMES = (TFLM, NUMPY, HOST, "cortex-m4")
KNOWN = (TFLM, NUMPY, HOST, *CORES)


@dataclass(frozen=True)
class Subject:
    """What is run: the model's bytes, its graph, the C, and a folder to build in."""

    data: bytes
    graph: Graph
    project: CProject | None
    build_folder: Path


@dataclass(frozen=True)
class Started:
    """A runtime that can run, and its version; or neither, and the reason why not."""

    runtime: Runtime | None
    version: str = ""
    reason: str = ""


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
    return name not in (TFLM, NUMPY)


def check_names(names: Sequence[str]) -> None:
    """Nothing, if all names are known and there is at least one.

    Raises:
        ExportError: otherwise.
    """
    unknown = [name for name in names if name not in KNOWN]
    if unknown or not names or len(set(names)) != len(names):
        what = f"{', '.join(unknown)}: no such runtime" if unknown else "name at least one runtime, each once"
        raise ExportError(f"{what}. Known: {', '.join(KNOWN)}.")


def _start(name: str, subject: Subject) -> Started:
    if name == TFLM:
        tflm = TflmRuntime(subject.data, subject.graph)
        return Started(tflm, f"tflite-micro {tflm.version}")
    if name == NUMPY:
        return Started(NumpyRuntime(subject.graph), f"numpy {np.__version__}")
    if subject.project is None:
        raise ExportError(f"{subject.graph.name}: the runtime {name} needs generated C.")
    folder = subject.build_folder / name
    if name == HOST:
        compiler = find_host_compiler()
        return Started(HostRuntime(subject.project, subject.graph, compiler, folder), compiler.version)
    core = CortexRuntime(subject.project, subject.graph, find_core(name), folder)
    return Started(core, f"zig cc {core.compiler.version}, unicorn {emulator_versions()['unicorn']}")

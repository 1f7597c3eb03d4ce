"""TFLite's interpreters: 2.14 with its reference kernels, the second oracle, and the LiteRT that devices run."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np

from firmware_export.batch import Batch, NotAvailableError, flatten_outputs
from firmware_export.graph import ITEM_BYTES, Array, Graph
from firmware_export.tables import root
from firmware_export.tflite_worker import DEFAULT, REFERENCE
from firmware_export.worker import Worker

VARIABLE = "EDGENET_TFLITE_PYTHON"
"""Names a Python whose environment holds tflite-runtime 2.14, where this one's does not."""
REFERENCE_VERSION = "2.14."
SUBGRAPHS, OUTPUTS = 2, 2
"""Numbers of the fields Model.subgraphs and SubGraph.outputs in the schema."""
INSTALL = "python3.11 -m venv ENV && ENV/bin/pip install tflite-runtime==2.14.0 'numpy<2'"


class TfliteRuntime:
    """A model in a TFLite interpreter, in a process of its own."""

    def __init__(self, data: bytes, graph: Graph, python: str, package: str, kernels: str) -> None:
        """Loads the model.

        Args:
            data: the .tflite file.
            graph: the same file, as `read_tflite` returned it (before any pass).
            python: the interpreter of Python that has the package.
            package: "tflite_runtime" or "ai_edge_litert".
            kernels: `REFERENCE` or `DEFAULT`.

        Raises:
            NotAvailableError: it does not start, or refuses the model.
        """
        self._graph, self._python, self._package = graph, python, package
        self._model = kernels, with_outputs(data, graph) if kernels == REFERENCE else data
        self._worker, self.version = self._start()

    def _start(self) -> tuple[Worker, str]:
        """A process with the model in it, and the package's version."""
        package, name = self._package, self._graph.name
        code = (files(__package__) / "tflite_worker.py").read_text(encoding="utf-8")
        worker = Worker(package, [self._python, "-c", code], _environment(self._python))
        where = f"while it loaded {name}"
        worker.send((package, *self._model), where)
        version, failure = worker.receive(where)
        if failure:
            raise NotAvailableError(f"{package} refuses {name}: {_line(failure)}")
        return worker, version

    def run(self, inputs: Sequence[Array], *, tap: bool) -> Batch:
        """The outputs for inputs (N, *shape) each, and with `tap` those of every operator.

        A network with variables is loaded anew, and keeps them from sample to sample.

        Raises:
            NotAvailableError: the interpreter fails or crashes in the middle of the model.
        """
        if self._graph.variables:
            self._worker, _ = self._start()
        graph, shown = self._graph, _shown(self._graph) if tap else {}
        wanted = list(dict.fromkeys([*graph.outputs, *(tensor for tensors in shown.values() for tensor in tensors)]))
        samples = [self._run_sample([values[number] for values in inputs], wanted) for number in range(len(inputs[0]))]
        columns = {tensor: np.stack([sample[at] for sample in samples]) for at, tensor in enumerate(wanted)}
        operators = {op: flatten_outputs([columns[tensor] for tensor in tensors]) for op, tensors in shown.items()}
        return Batch(tuple(columns[tensor] for tensor in graph.outputs), operators)

    def _run_sample(self, inputs: Sequence[Array], wanted: Sequence[int]) -> list[Array]:
        """These tensors after a run."""
        self._worker.send(([values.tobytes() for values in inputs], list(wanted)), f"before it ran {self._graph.name}")
        answer = self._worker.receive(f"in {self._graph.name}")
        if isinstance(answer, tuple):
            raise NotAvailableError(f"TFLite can't run {self._graph.name}: {_line(answer[1])}")
        tensors = [self._graph.tensors[index] for index in wanted]
        return [
            np.frombuffer(data, tensor.dtype).reshape(tensor.shape)
            for tensor, data in zip(tensors, answer, strict=True)
        ]


def tflite_reference(data: bytes, graph: Graph, python: str | None = None) -> TfliteRuntime:
    """The model in TFLite 2.14 with its reference kernels.

    Args:
        data: the .tflite file.
        graph: the same file, before any pass.
        python: the Python that has it; default: $EDGENET_TFLITE_PYTHON, else this one.

    Raises:
        NotAvailableError: it is not installed there, is another version, or refuses the model.
    """
    chosen = python or os.environ.get(VARIABLE)
    if not chosen and importlib.util.find_spec("tflite_runtime") is None:
        raise NotAvailableError(
            f"TFLite 2.14 is not installed: {INSTALL}, then --tflite-python ENV/bin/python or {VARIABLE}"
        )
    runtime = TfliteRuntime(data, graph, chosen or sys.executable, "tflite_runtime", REFERENCE)
    if not runtime.version.startswith(REFERENCE_VERSION):
        raise NotAvailableError(f"tflite_runtime is {runtime.version}; the reference is 2.14: {INSTALL}")
    return runtime


def litert(data: bytes, graph: Graph) -> TfliteRuntime:
    """The model in the installed LiteRT, with the kernels that a device runs.

    Raises:
        NotAvailableError: it is not installed, or refuses the model.
    """
    if importlib.util.find_spec("ai_edge_litert") is None:
        raise NotAvailableError("LiteRT is not installed: pip install ai-edge-litert")
    return TfliteRuntime(data, graph, sys.executable, "ai_edge_litert", DEFAULT)


def with_outputs(data: bytes, graph: Graph) -> bytes:
    """The .tflite with every operator's outputs as outputs of the network, behind its own.

    TFLite computes ADD and others in place, even when it is told to keep every tensor; it leaves outputs alone.
    """
    outputs = list(dict.fromkeys([*graph.outputs, *(tensor for shown in _shown(graph).values() for tensor in shown)]))
    vector = np.array([len(outputs), *outputs], "<i4").tobytes()
    start = -(-len(data) // 4) * 4
    field = root(data).tables(SUBGRAPHS)[0].position(OUTPUTS)
    if not field:
        return data
    patched = bytearray(data.ljust(start, b"\0") + vector)
    patched[field : field + 4] = (start - field).to_bytes(4, "little")
    return bytes(patched)


def _shown(graph: Graph) -> dict[int, tuple[int, ...]]:
    """Index of an operator -> the tensors that hold its outputs; of one that writes a variable, what it writes."""
    states = {variable.tensor for variable in graph.variables}
    shown = {op.index: op.inputs[1:2] if states.intersection(op.outputs) else op.outputs for op in graph.ops}
    values = {tensor.index for tensor in graph.tensors if tensor.dtype in ITEM_BYTES and tensor.data is None} - states
    return {index: tensors for index, tensors in shown.items() if tensors and values.issuperset(tensors)}


def _environment(python: str) -> Mapping[str, str]:
    """This process's environment; for another Python without the paths of this one."""
    own = python == sys.executable
    environment = {key: value for key, value in os.environ.items() if own or key not in ("PYTHONPATH", "PYTHONHOME")}
    return {**environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))} if own else environment


def _line(text: str) -> str:
    return " ".join(text.split())

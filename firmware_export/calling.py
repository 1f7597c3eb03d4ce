"""Networks as Python objects: `load_c` calls the generated C, `load_reference` its twin in numpy, bit for bit equal."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from . import reference
from .errors import ExportError, InputError
from .files import write_file
from .graph import Array, Graph
from .passes import apply_passes
from .planner import plan_memory
from .project import MANIFEST, TensorInfo, c_identifier, compile_graph, project_files, read_model, tensor_info
from .reader import read_tflite
from .vectors import golden_vectors


class CModel(Protocol):
    """A network that runs one sample at a time.

    Attributes:
        name: the network's C identifier.
        inputs: what `run` takes: name, shape, dtype, scale and zero point of each input.
        outputs: what `run` gives, likewise.
        arena_bytes: working memory of the C.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def inputs(self) -> Sequence[Any]: ...  # noqa: D102
    @property
    def outputs(self) -> Sequence[Any]: ...  # noqa: D102
    @property
    def arena_bytes(self) -> int: ...  # noqa: D102

    def run(self, *inputs: Array) -> list[Array]:
        """The outputs for one array per input, all of the model's own shapes and dtypes; ValueError for others."""
        ...

    def reset(self) -> None:
        """Puts what the network remembers between runs back to its beginning."""
        ...


def load_c(model: Path | str | bytes) -> CModel:
    """The network as C, compiled for this machine.

    The C is loaded by the project's own NAME.py: each object has its own copy, and so its own arena and state.

    Args:
        model: a .tflite file, its bytes, or the folder of an exported project, whose C is taken as it is now.

    Raises:
        ExportError: the model can't be read or exported, no C compiler is here, or the C does not compile.
    """
    if not isinstance(model, bytes) and Path(model).is_dir():
        return load_project(Path(model))
    with tempfile.TemporaryDirectory(prefix="edgenet-c-") as scratch:
        folder = Path(scratch)
        if isinstance(model, bytes):
            write_file(folder / "model.tflite", model)
        path = folder / "model.tflite" if isinstance(model, bytes) else Path(model)
        graph, name = read_model(path), c_identifier(path)
        for file, data in project_files(compile_graph(graph), name, (), golden_vectors(graph, (), 1)).items():
            write_file(folder / "c" / file, data)
        return load_project(folder / "c")


def load_project(folder: Path) -> CModel:
    """The network of an exported project, through its own loader.

    Raises:
        ExportError: the folder is no such project, no C compiler is here, or the C does not compile.
    """
    try:
        name = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["options"]["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExportError(f"{folder}: is not a C project: its {MANIFEST} can't be read ({error}).") from error
    module = _import_file(folder / f"{name}.py")
    try:
        loaded: CModel = module.CModel()
    except module.BuildError as error:
        raise ExportError(str(error)) from error
    return loaded


def load_reference(model: Path | str | bytes) -> ReferenceModel:
    """The network in numpy, with the face of `load_c`'s and the same bits.

    Args:
        model: a .tflite file or its bytes.

    Raises:
        ExportError: the model can't be read or is not supported.
    """
    if isinstance(model, bytes):
        return ReferenceModel(read_tflite(model, "model.tflite"), "model")
    return ReferenceModel(read_model(Path(model)), c_identifier(Path(model)))


class ReferenceModel:
    """A network in numpy, one sample at a time. Attributes are those of `CModel`."""

    def __init__(self, graph: Graph, name: str) -> None:
        """Takes a graph as it was read.

        Raises:
            ExportError: an operator is not supported.
        """
        self._graph = self._beginning = apply_passes(graph)
        self.name = name
        self.inputs = self._specs(graph.inputs)
        self.outputs = self._specs(graph.outputs)
        self.arena_bytes = plan_memory(self._graph).arena_bytes

    def run(self, *inputs: Array) -> list[Array]:
        """The outputs for one array per input, all of the model's own shapes and dtypes.

        Raises:
            InputError: another number of arrays, shape or dtype.
        """
        if len(inputs) != len(self.inputs):
            raise InputError(f"{self.name}: takes {len(self.inputs)} inputs, got {len(inputs)}.")
        samples = [_fit(self.name, spec, values) for spec, values in zip(self.inputs, inputs, strict=True)]
        outputs, self._graph = reference.step(self._graph, [values[None] for values in samples])
        return [np.array(output[0]) for output in outputs]

    def reset(self) -> None:
        """Puts what the network remembers between runs, its variables, back to their beginning."""
        self._graph = self._beginning

    def _specs(self, indices: Sequence[int]) -> tuple[TensorInfo, ...]:
        return tuple(tensor_info(self._graph.tensors[index]) for index in indices)


def _fit(name: str, spec: TensorInfo, values: Array) -> Array:
    """`values`, which has to be what the input takes."""
    array = np.asarray(values)
    if array.dtype != np.dtype(spec.dtype) or array.shape != spec.shape:
        raise InputError(f"{name}: input '{spec.name}' is {spec.dtype} {spec.shape}, got {array.dtype} {array.shape}.")
    return array


def _import_file(path: Path) -> ModuleType:
    """A Python file as a module."""
    found = importlib.util.spec_from_file_location(f"edgenet_project_{path.stem}", path)
    if found is None or found.loader is None or not path.is_file():
        raise ExportError(f"{path}: there is no such file; export the project again.")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module

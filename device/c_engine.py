"""The network as C: an exported project, through the loader that it carries, with the face of a TFLite interpreter."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.errors import DeviceError

MANIFEST = "MANIFEST.json"


class CEngine:
    """What `Interpreter` needs of an engine, by a project's CModel."""

    def __init__(self, model: Any) -> None:
        """Takes the CModel of a project."""
        self._model = model
        self._inputs: list[NDArray[Any]] = [np.zeros(spec.shape, spec.dtype) for spec in model.inputs]
        self._outputs: list[NDArray[Any]] = []

    def get_input_details(self) -> list[dict[str, Any]]:
        """Index, shape, dtype and quantization of every input."""
        return _details(self._model.inputs)

    def get_output_details(self) -> list[dict[str, Any]]:
        """Index, shape, dtype and quantization of every output."""
        return _details(self._model.outputs)

    def set_tensor(self, index: int, values: NDArray[Any]) -> None:
        """Gives an input."""
        self._inputs[index] = values

    def invoke(self) -> None:
        """Runs the C once."""
        self._outputs = self._model.run(*self._inputs)

    def get_tensor(self, index: int) -> NDArray[Any]:
        """An output of the last run."""
        return self._outputs[index]


def load_c_engine(model_path: Path, sha256: str, project: Path | None) -> CEngine:
    """The C of a model, built where it has to be, and loaded.

    Args:
        model_path: the .tflite.
        sha256: of its bytes: the project must have been exported from it.
        project: the exported project's folder; None for one beside the model.

    Raises:
        DeviceError: there is no such project, it is another model's, or it can't be built here.
    """
    folder = _find_project(model_path, sha256) if project is None else project
    name, origin = _manifest(folder)
    if origin != sha256:
        raise DeviceError(
            f"{folder}: was exported from another model (sha256 {origin[:12]}..., {model_path.name} has "
            f"{sha256[:12]}...). Run: edgenet export {model_path} --out {folder}"
        )
    module = _import_file(folder / f"{name}.py")
    try:
        return CEngine(module.CModel())
    except module.BuildError as error:
        raise DeviceError(str(error)) from error


def _find_project(model_path: Path, sha256: str) -> Path:
    """The folder beside a model that was exported from it."""
    for manifest in sorted(model_path.parent.glob(f"*/{MANIFEST}")):
        if _manifest(manifest.parent)[1] == sha256:
            return manifest.parent
    folder = model_path.parent / "c"
    raise DeviceError(
        f"{model_path}: no C project of it in the folders beside it. Run: edgenet export {model_path} --out {folder}, "
        "or name its folder with --c-project."
    )


def _manifest(folder: Path) -> tuple[str, str]:
    """The network's name, and the sha256 of the .tflite that it was exported from."""
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content["options"]["name"]), str(content["model"]["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeviceError(f"{path}: can't be read ({error}). A C project is what edgenet export writes.") from error


def _import_file(path: Path) -> ModuleType:
    """A Python file as a module."""
    found = importlib.util.spec_from_file_location(f"edgenet_project_{path.stem}", path)
    if found is None or found.loader is None or not path.is_file():
        raise DeviceError(f"{path}: no such file. Export the project again with this version: edgenet export")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _details(specs: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"index": number, "shape": spec.shape, "dtype": spec.dtype, "quantization": (spec.scale, spec.zero_point)}
        for number, spec in enumerate(specs)
    ]

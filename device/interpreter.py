"""load(model) -> Interpreter: an int8 .tflite ready to run, built once and never per frame."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.c_engine import load_c_engine
from device.card import TensorSpec
from device.errors import DeviceError
from device.libraries import quiet_stderr

BACKENDS = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
C = "c"
"""The backend that is no interpreter: the C that was exported from the model."""


class Interpreter:
    """A loaded model with one int8 input and one int8 output.

    Attributes:
        backend: "litert", "tflite-runtime" or "c".
        input: the input's shape (1, H, W, C), dtype, scale and zero point.
        output: the output's shape (1, K), dtype, scale and zero point.
    """

    def __init__(self, engine: Any, backend: str, where: str) -> None:
        self._engine = engine
        self.backend = backend
        inputs, outputs = engine.get_input_details(), engine.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise DeviceError(f"{where}: expected one input and one output, got {len(inputs)} and {len(outputs)}.")
        self.input, self.output = _spec(inputs[0]), _spec(outputs[0])
        for name, spec in (("input", self.input), ("output", self.output)):
            if spec.dtype != "int8" or spec.shape[0] != 1:
                raise DeviceError(f"{where}: {name} is {spec.dtype} {spec.shape}, expected int8 of batch 1.")
        self._in, self._out = inputs[0]["index"], outputs[0]["index"]

    def run(self, x: NDArray[np.int8]) -> NDArray[np.int8]:
        """Outputs int8 (N, K) for inputs int8 (N, H, W, C), one after the other.

        Raises:
            DeviceError: the input's shape or dtype is not the model's.
        """
        if x.dtype != np.int8 or x.shape[1:] != self.input.shape[1:]:
            raise DeviceError(f"input is {x.dtype} {x.shape}, the model takes int8 {('N', *self.input.shape[1:])}.")
        y = np.empty((len(x), *self.output.shape[1:]), np.int8)
        for i in range(len(x)):
            self._engine.set_tensor(self._in, x[i : i + 1])
            self._engine.invoke()
            y[i] = self._engine.get_tensor(self._out)[0]
        return y


def load(model_path: str | Path, backend: str = "auto", c_project: str | Path | None = None) -> Interpreter:
    """The model of a .tflite file, on one thread.

    Args:
        model_path: the file.
        backend: "litert", "tflite-runtime", "c", or "auto", the first of the interpreters that is installed.
        c_project: the folder with the model's exported C, for "c"; default: a folder beside the model.

    Raises:
        DeviceError: no interpreter is installed, the file is missing, damaged or not int8, or there is no C of it.
    """
    path = Path(model_path)
    content = _content(path)
    if backend == C:
        engine = load_c_engine(path, hashlib.sha256(content).hexdigest(), Path(c_project) if c_project else None)
        return Interpreter(engine, C, str(path))
    if c_project:
        raise DeviceError(f"{c_project}: a C project is for the backend c, got {backend}. Add: --backend c")
    name, engine_class = _engine_class(backend)
    try:
        return Interpreter(_start(engine_class, content), name, str(path))
    except SystemError as error:  # tflite-runtime 2.14 with a numpy that it was not built for
        raise DeviceError(f"{name} does not work with numpy {np.__version__}. Run: pip install 'numpy<2'") from error
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise DeviceError(f"{path}: {name} can't load it, the file is damaged or too new ({reason}).") from error


def _content(path: Path) -> bytes:
    """The bytes of a .tflite file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DeviceError(f"{path}: can't be read ({error.strerror}).") from error
    if content[4:8] != b"TFL3":
        raise DeviceError(f"{path}: not a .tflite file (no TFL3 mark in its first 8 bytes).")
    return content


def _start(engine_class: Callable[..., Any], content: bytes) -> Any:
    """An engine that has run once, so that whatever it has to say or to refuse comes now."""
    with quiet_stderr():
        engine = engine_class(model_content=content, num_threads=1)
        engine.allocate_tensors()
        engine.invoke()
    return engine


def _engine_class(backend: str) -> tuple[str, Callable[..., Any]]:
    """The name and the Interpreter class of the chosen backend, or of the first that is installed."""
    if backend != "auto" and backend not in BACKENDS:
        raise DeviceError(f"backend {backend!r} is not known. Known: auto, {', '.join([*BACKENDS, C])}.")
    wanted = list(BACKENDS) if backend == "auto" else [backend]
    for name in wanted:
        try:
            return name, import_module(BACKENDS[name]).Interpreter
        except ImportError:
            continue
    raise DeviceError(f"no interpreter here ({' or '.join(wanted)}). Run: pip install 'edgenet[device]'")


def _spec(details: dict[str, Any]) -> TensorSpec:
    """A tensor's specification from an interpreter's details."""
    scale, zero_point = details["quantization"]
    shape = tuple(int(side) for side in details["shape"])
    return TensorSpec(shape, np.dtype(details["dtype"]).name, float(scale), int(zero_point))

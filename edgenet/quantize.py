"""A float Keras model to a full int8 .tflite, its card and its labels."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.card import InputSpec, ModelCard, OutputSpec, Preprocessing
from edgenet.data import Dataset
from edgenet.errors import QuantizeError

Progress = Callable[[str], None]
MODEL_FILE = "model_int8.tflite"


@dataclass(frozen=True)
class Quantized:
    """An int8 model in memory.

    Attributes:
        tflite: the file's bytes.
        card: what goes with it.
        keras: the float model that it equals, where that is not the one it was made from (a Rescaling was folded).
    """

    tflite: bytes
    card: ModelCard
    keras: bytes | None = None


@dataclass(frozen=True)
class CardFacts:
    """What a card says that the model file does not.

    The network sees pixel / divide_by. With fold_rescaling a first Rescaling layer (without offset) leaves the network
    and divide_by is taken from it.
    """

    name: str
    preprocessing: str
    licence: str
    divide_by: float = 255.0
    fold_rescaling: bool = True
    data: dict[str, Any] | None = None


def quantize(
    model_path: Path,
    dataset: Dataset,
    facts: CardFacts,
    calibration: int = 500,
    on_progress: Progress = lambda line: None,
) -> Quantized:
    """The full int8 form of a float model, calibrated with pictures of the data set (its training part).

    Every tensor of the result is int8, or int32 for biases and shapes.

    Args:
        model_path: a .keras file with one input (H, W, C) and one output (classes,).
        dataset: pictures uint8 (N, H, W, C) in the model's input size.
        facts: name, preprocessing, licence and data for the card; the network sees pixel / facts.divide_by.
        calibration: how many pictures, spread evenly over the classes.
        on_progress: called with a line now and then.

    Raises:
        QuantizeError: the model can't be loaded or converted, or a float tensor is left in it.
    """
    if not model_path.is_file() or model_path.stat().st_size == 0:
        raise QuantizeError(f"{model_path}: no such model file, or it is empty. Expected a .keras file.")
    if len(dataset) == 0:
        raise QuantizeError(f"{dataset.name}: no pictures to calibrate with.")
    chosen = balanced(dataset.labels, calibration)
    on_progress(f"calibrating with {len(chosen)} pictures of {dataset.source}")
    converted = convert_in_child(model_path, dataset.images[chosen], facts)
    if converted.keras is not None:
        on_progress(f"its Rescaling layer became part of the input: pixel / {converted.divide_by:g}")
    facts = replace(facts, divide_by=converted.divide_by)
    return Quantized(converted.tflite, make_card(converted.tflite, dataset, facts, str(model_path)), converted.keras)


def balanced(labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Indices (min(count, N),) that take the classes in turn, each class from its first sample on."""
    rank = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        where = np.flatnonzero(labels == label)
        rank[where] = np.arange(len(where))
    return np.sort(np.lexsort((labels, rank))[:count])


@dataclass(frozen=True)
class Converted:
    """What the child process gave: the .tflite, what pixels are divided by, and the float model if it changed."""

    tflite: bytes
    divide_by: float
    keras: bytes | None


def convert_in_child(model_path: Path, pixels: NDArray[np.uint8], facts: CardFacts) -> Converted:
    """The converter's answer for a model file; edgenet.convert does the work in a process of its own.

    Args:
        model_path: a .keras file.
        pixels: uint8 (N, H, W, C) to calibrate with.
        facts: says how pixels become the network's input.

    Raises:
        QuantizeError: the model can't be loaded or converted.
    """
    with tempfile.TemporaryDirectory(prefix="edgenet-") as folder:
        work = Path(folder)
        np.save(work / "pixels.npy", pixels)
        paths = {name: str(work / file) for name, file in _JOB_FILES.items()}
        job = paths | {"model": str(model_path.resolve()), "divide_by": facts.divide_by}
        (work / "job.json").write_text(json.dumps(job | {"fold_rescaling": facts.fold_rescaling}), "utf-8")
        command = [sys.executable, "-m", "edgenet.convert", str(work / "job.json")]
        child = subprocess.run(command, capture_output=True, text=True, check=False)
        answer = _answer(work / "job.answer", child)
        if "error" in answer:
            raise QuantizeError(_explain(model_path, answer["error"]))
        keras = Path(paths["float_out"]).read_bytes() if answer["folded"] else None
        return Converted(Path(paths["out"]).read_bytes(), float(answer["divide_by"]), keras)


_JOB_FILES = {"pixels": "pixels.npy", "out": "out.tflite", "float_out": "float.keras"}


def _answer(path: Path, child: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    if path.is_file():
        answer: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return answer
    if child.returncode < 0:
        return {"error": f"convert: TensorFlow's converter crashed on it, signal {-child.returncode}"}
    last = (child.stderr.strip().splitlines() or ["no message"])[-1]
    return {"error": f"convert: the converter ended with code {child.returncode}: {last[:300]}"}


def _explain(model_path: Path, error: str) -> str:
    kind, _, text = error.partition(": ")
    if kind == "shape":
        return f"{model_path}: {text}."
    if "ModuleNotFoundError" in text or "ImportError" in text:
        return f"Quantizing needs TensorFlow ({text}): pip install 'edgenet[train]'"
    if kind == "load":
        return f"{model_path}: can't be loaded as a Keras model ({text}). Expected a .keras file saved by Keras 3."
    return f"{model_path}: can't become int8 ({text})."


def make_card(tflite: bytes, dataset: Dataset, facts: CardFacts, where: str) -> ModelCard:
    """The card of an int8 model, with shapes and quantization as the file states them.

    Raises:
        QuantizeError: a tensor is neither int8 nor int32, or outputs and classes differ in number.
    """
    details = _tensor_details(tflite, where)
    refuse_float_islands(details["tensors"], where)
    source, target = details["input"], details["output"]
    if source["shape"][3] not in (1, 3):
        raise QuantizeError(f"{where}: its pictures have {source['shape'][3]} channels. Expected 1 (grey) or 3 (RGB).")
    classes = int(np.prod(target["shape"][1:]))
    if classes != len(dataset.class_names):
        raise QuantizeError(
            f"{where}: has {classes} outputs, {dataset.name} has {len(dataset.class_names)} classes "
            f"({', '.join(dataset.class_names[:12])}). Give the data that the model was trained on."
        )
    probabilities = abs(target["quantization"][0] - 1 / 256) < 1e-9 and target["quantization"][1] == -128
    return ModelCard(
        name=facts.name,
        task="classification",
        model=MODEL_FILE,
        sha256=hashlib.sha256(tflite).hexdigest(),
        labels=dataset.class_names,
        input=InputSpec(**_spec(source), layout="NHWC", color="rgb" if source["shape"][3] == 3 else "gray"),
        output=OutputSpec(**_spec(target), kind="probabilities" if probabilities else "logits"),
        preprocessing=Preprocessing(facts.preprocessing, facts.divide_by),
        data=facts.data or {"name": dataset.name, "source": dataset.source, "terms": dataset.terms},
        licence=facts.licence,
    )


def _spec(detail: dict[str, Any]) -> dict[str, Any]:
    scale, zero_point = detail["quantization"]
    return {
        "shape": tuple(int(size) for size in detail["shape"]),
        "dtype": np.dtype(detail["dtype"]).name,
        "scale": float(scale),
        "zero_point": int(zero_point),
    }


def _tensor_details(tflite: bytes, where: str) -> dict[str, Any]:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise QuantizeError(f"Checking the model needs LiteRT ({error}): pip install 'edgenet[train]'") from error
    try:
        interpreter = Interpreter(model_content=tflite, num_threads=1)
        tensors = interpreter.get_tensor_details()
        return {
            "tensors": tensors,
            "input": interpreter.get_input_details()[0],
            "output": interpreter.get_output_details()[0],
        }
    except (ValueError, RuntimeError) as error:
        raise QuantizeError(f"{where}: the converted model can't be read back ({error}).") from error


def refuse_float_islands(tensors: Sequence[dict[str, Any]], where: str) -> None:
    """Raises QuantizeError that names the first tensors (layers) which are neither int8 nor int32."""
    islands = [tensor for tensor in tensors if np.dtype(tensor["dtype"]) not in (np.dtype("int8"), np.dtype("int32"))]
    if islands:
        names = ", ".join(f"{tensor['name']!r} ({np.dtype(tensor['dtype']).name})" for tensor in islands[:3])
        raise QuantizeError(
            f"{where}: {len(islands)} tensors stay outside int8, first {names}. "
            "Replace that layer by one with an int8 form (Conv2D, Dense, ReLU, pooling, Softmax, ...)."
        )

"""The scores that a float or an int8 network gives to pictures, whatever file the network comes in.

`open_float` and `open_int8` look at a file once and return a `Network`; `predict_float` and `predict_int8` run it
over many pictures. Pixels become numbers in one way only: float = pixel / divide_by, and int8 from that by the
input's scale and zero point, as the model card says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgenet.errors import CheckError, MissingExtraError, QuantizeError
from edgenet.keras_file import FLOAT_SUFFIXES, check_whole
from edgenet.keras_library import import_keras

Images = npt.NDArray[np.uint8]
Scores = npt.NDArray[Any]  # float32 of a float network, int8 of an int8 one
Progress = Callable[[int, int], None]
CHUNK = 256


@dataclass(frozen=True)
class Network:
    """A network that is ready to run.

    Attributes:
        name: what to call it in messages: its file's path.
        kind: "float" (float32 scores) or "int8" (int8 scores).
        engine: what runs it, with its version, such as "Keras 3.15.1".
        input_shape: (height, width, channels); None where any size will do.
        classes: number of scores for each picture, K.
        scale: real value of one step of a score (1.0 for float).
        zero_point: the score that means 0.0 (0 for float).
        run: uint8 (n, H, W, C) -> scores (n, K).
    """

    name: str
    kind: Literal["float", "int8"]
    engine: str
    input_shape: tuple[int | None, int | None, int | None]
    classes: int
    scale: float
    zero_point: int
    run: Callable[[Images], Scores]

    def real(self, scores: Scores) -> npt.NDArray[np.float32]:
        """Scores (N, K) as real numbers, float32 (N, K): (score - zero_point) * scale."""
        return (scores.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)


def predict_float(
    model: Path | str | Any,
    images: Images,
    *,
    divide_by: float = 255.0,
    on_progress: Progress | None = None,
) -> npt.NDArray[np.float32]:
    """The scores of a float network, float32 (N, K).

    Args:
        model: a .keras file, a float .tflite file, or a keras.Model.
        images: uint8 (N, H, W, C), the network's own size.
        divide_by: pixels become pixel / divide_by.
        on_progress: called with (done, total) pictures now and then.

    Raises:
        CheckError: the file is missing, damaged, not float, or takes pictures of another shape.
        MissingExtraError: keras or LiteRT is not installed.
    """
    return run_all(open_float(model, divide_by), images, on_progress).astype(np.float32, copy=False)


def predict_int8(
    path: Path | str,
    images: Images,
    *,
    divide_by: float = 255.0,
    on_progress: Progress | None = None,
) -> npt.NDArray[np.int8]:
    """The raw scores of a full-int8 .tflite, int8 (N, K).

    Args:
        path: the .tflite file; int8 input and output.
        images: uint8 (N, H, W, C), the network's own size.
        divide_by: pixels become pixel / divide_by, then int8 by the input's scale and zero point.
        on_progress: called with (done, total) pictures now and then.

    Raises:
        CheckError: the file is missing, damaged, not int8, or takes pictures of another shape.
        MissingExtraError: LiteRT is not installed.
    """
    return run_all(open_int8(path, divide_by), images, on_progress).astype(np.int8, copy=False)


def run_all(network: Network, images: Images, on_progress: Progress | None = None) -> Scores:
    """Every picture's scores, (N, K): float32 from a float network, int8 from an int8 one.

    Raises:
        CheckError: the pictures don't have the shape that the network takes.
    """
    require_shape(network, images)
    parts: list[Scores] = []
    for start in range(0, len(images), CHUNK):
        parts.append(network.run(images[start : start + CHUNK]))
        if on_progress is not None:
            on_progress(min(start + CHUNK, len(images)), len(images))
    if not parts:
        parts.append(np.zeros((0, network.classes), np.float32 if network.kind == "float" else np.int8))
    scores: Scores = np.concatenate(parts)
    return scores


def require_shape(network: Network, images: Images) -> None:
    """Returns if the network takes such pictures.

    Raises:
        CheckError: images is not uint8 (N, H, W, C) with the network's H, W and C.
    """
    if images.dtype != np.uint8 or images.ndim != 4:
        raise CheckError(f"pictures must be uint8 (N, H, W, C), got {images.dtype} {images.shape}.")
    if any(want not in (None, got) for want, got in zip(network.input_shape, images.shape[1:], strict=True)):
        want_text = " x ".join("any" if size is None else str(size) for size in network.input_shape)
        got_text = " x ".join(str(size) for size in images.shape[1:])
        raise CheckError(
            f"{network.name}: takes pictures of {want_text} (height x width x channels), the data has {got_text}. "
            "Choose the data that this model was trained for with --data."
        )


def open_float(model: Path | str | Any, divide_by: float = 255.0) -> Network:
    """A float network, ready to run, from a .keras file, a float .tflite file or a keras.Model.

    Raises:
        CheckError: the file is missing, damaged or not a float classifier of pictures.
        MissingExtraError: keras or LiteRT is not installed.
    """
    if not isinstance(model, str | Path):
        return _keras_network(model, "the Keras model", divide_by)
    path = require_file(model)
    if path.suffix == ".tflite":
        return _float_tflite_network(path, divide_by)
    if path.suffix not in FLOAT_SUFFIXES:
        raise CheckError(f"{path}: expected a float model, .keras or .tflite, got a file ending in '{path.suffix}'.")
    return _keras_network(_load_keras(path), str(path), divide_by)


def open_int8(path: Path | str, divide_by: float = 255.0) -> Network:
    """A full-int8 .tflite, ready to run.

    Raises:
        CheckError: the file is missing, damaged, not int8 or not a classifier of pictures.
        MissingExtraError: LiteRT is not installed.
    """
    path = require_file(path)
    if path.suffix != ".tflite":
        raise CheckError(
            f"{path}: expected an int8 .tflite, got a file ending in '{path.suffix}'. Make one with: edgenet quantize"
        )
    return _int8_network(path, divide_by)


def require_file(path: Path | str) -> Path:
    """The path, if a file with something in it is there.

    Raises:
        CheckError: there is no such file, or it is empty.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckError(f"{path}: is a folder, expected a model file (.keras or .tflite).")
    if not path.is_file():
        raise CheckError(f"{path}: no such file. Make it with: edgenet train, then edgenet quantize.")
    if path.stat().st_size == 0:
        raise CheckError(f"{path}: is empty (0 bytes). Fetch or build it again.")
    return path


# ---- Keras ----------------------------------------------------------------------------------------------------------


def _load_keras(path: Path) -> Any:
    """The keras.Model in a file; CheckError if keras can't read it."""
    try:
        check_whole(path)
    except QuantizeError as error:
        raise CheckError(str(error)) from error
    keras = import_keras()
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # keras raises many kinds: ValueError, OSError, BadZipFile, KeyError, TypeError
        reason = _first_line(error)
        raise CheckError(f"{path}: keras can't load it ({reason}). Fetch it or train it again.") from error


def _keras_network(model: Any, name: str, divide_by: float) -> Network:
    keras = import_keras()
    shape, classes = _classifier_shapes(name, model.input_shape, model.output_shape)
    divisor = np.float32(divide_by)

    def run(images: Images) -> Scores:
        scores = model(images.astype(np.float32) / divisor, training=False)
        return np.asarray(keras.ops.convert_to_numpy(scores), dtype=np.float32)

    return Network(name, "float", f"Keras {keras.__version__}", shape, classes, 1.0, 0, run)


# ---- LiteRT ---------------------------------------------------------------------------------------------------------


def _int8_network(path: Path, divide_by: float) -> Network:
    """What a device runs: the same interpreter, loaded by the same code."""
    from device.errors import DeviceError
    from device.interpreter import load

    try:
        interpreter = load(path)
    except DeviceError as error:
        raise CheckError(f"{error} The int8 side needs a full-int8 .tflite: edgenet quantize makes one.") from error
    shape, classes = _classifier_shapes(str(path), interpreter.input.shape, interpreter.output.shape)
    table = pixel_table(divide_by, interpreter.input.scale, interpreter.input.zero_point)
    output = interpreter.output

    def run(images: Images) -> Scores:
        return interpreter.run(table[images])

    engine = _engine_text(interpreter.backend)
    return Network(str(path), "int8", engine, shape, classes, output.scale, output.zero_point, run)


def _float_tflite_network(path: Path, divide_by: float) -> Network:
    interpreter = _load_tflite(path)
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    _require_float(path, inputs, outputs)
    shape, classes = _classifier_shapes(str(path), inputs[0]["shape_signature"], outputs[0]["shape_signature"])
    divisor = np.float32(divide_by)

    def run(images: Images) -> Scores:
        scores = np.empty((len(images), classes), np.float32)
        for row, image in enumerate(images.astype(np.float32) / divisor):
            interpreter.set_tensor(inputs[0]["index"], image[np.newaxis])
            interpreter.invoke()
            scores[row] = interpreter.get_tensor(outputs[0]["index"])[0]
        return scores

    return Network(str(path), "float", _engine_text("litert"), shape, classes, 1.0, 0, run)


def _load_tflite(path: Path) -> Any:
    """LiteRT's interpreter for a file, allocated."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingExtraError("a .tflite model needs LiteRT: pip install 'edgenet[train]'") from error
    try:
        interpreter = Interpreter(model_content=path.read_bytes(), num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError, OSError) as error:
        reason = _first_line(error)
        raise CheckError(f"{path}: LiteRT can't load it ({reason}). It may be cut short: build it again.") from error
    return interpreter


def _require_float(path: Path, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> None:
    """CheckError unless there is one input and one output, both float32."""
    if len(inputs) != 1 or len(outputs) != 1:
        raise CheckError(f"{path}: needs one input and one output, has {len(inputs)} and {len(outputs)}.")
    got = tuple(np.dtype(side[0]["dtype"]).name for side in (inputs, outputs))
    if got != ("float32", "float32"):
        raise CheckError(
            f"{path}: expected float32 input and output, got {got[0]} and {got[1]}. "
            "The float side needs the network before quantization: the .keras file, or a float .tflite."
        )


def _engine_text(backend: str) -> str:
    """A backend's name and version, such as "LiteRT 2.3.0"."""
    from importlib.metadata import PackageNotFoundError, version

    name, package = {"litert": ("LiteRT", "ai-edge-litert")}.get(backend, ("TFLite", backend))
    try:
        return f"{name} {version(package)}"
    except PackageNotFoundError:
        return name


def pixel_table(divide_by: float, scale: float, zero_point: int) -> npt.NDArray[np.int8]:
    """What each pixel value becomes at the network's input: int8 (256,), so that table[images] quantizes pictures.

    int8 = round(pixel / divide_by / scale) + zero_point, halves upwards, clipped to -128 to 127: the same numbers as
    device.preprocess.quantize_input gives with the model's card.

    Source: TensorFlow Lite's QUANTIZE operator (AffineQuantize, TfLiteRound).
    """
    steps = np.floor(np.arange(256) / (divide_by * scale) + 0.5)
    table: npt.NDArray[np.int8] = np.clip(steps + zero_point, -128, 127).astype(np.int8)
    return table


# ---- shared ---------------------------------------------------------------------------------------------------------


def _classifier_shapes(name: str, input_shape: Any, output_shape: Any) -> tuple[Any, int]:
    """((H, W, C), K) of a network that takes one picture and gives K scores; None where H, W or C is free."""
    ins = tuple(None if size is None or size < 0 else int(size) for size in _one_shape(name, "input", input_shape))
    outs = _one_shape(name, "output", output_shape)
    if len(ins) != 4 or len(outs) != 2 or outs[1] is None or outs[1] < 2:
        raise CheckError(
            f"{name}: needs pictures (1, height, width, channels) in and class scores (1, K) out, "
            f"has {_shape_text(ins)} in and {_shape_text(outs)} out. Only classifiers can be checked."
        )
    return ins[1:], int(outs[1])


def _one_shape(name: str, side: str, shape: Any) -> tuple[int | None, ...]:
    """The shape itself; CheckError for the list of shapes that a network with several inputs or outputs has."""
    if isinstance(shape, dict) or any(isinstance(size, list | tuple) for size in shape):
        raise CheckError(f"{name}: has several {side}s, needs exactly one.")
    return tuple(shape)


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")[:160]

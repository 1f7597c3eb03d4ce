"""Keras model to full int8 .tflite, run as a child process: `python -m edgenet.convert JOB.json`.

A process of its own keeps the converter's messages and memory out of the caller, and pins the Keras backend to
TensorFlow, which the converter needs, whatever backend trained the model. The one robust route (tensorflow 2.21,
keras 3.15): freeze the variables of a batch-1 concrete function, then convert that.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def convert(model: Any, calibration: Any) -> bytes:
    """The int8 .tflite of a keras.Model with int8 input and output and batch 1.

    Args:
        model: keras.Model with one input (H, W, C) and one output.
        calibration: float32 (N, H, W, C), the network's real-valued inputs.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    spec = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32, name=model.inputs[0].name)
    concrete = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
    frozen = convert_variables_to_constants_v2(concrete)

    def representative() -> Iterator[list[Any]]:
        for sample in calibration:
            yield [sample[None]]

    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    data: bytes = converter.convert()
    return data


def run_job(job: dict[str, Any]) -> dict[str, Any]:
    """Carries out a conversion job.

    Args:
        job: "model", "pixels" (.npy, uint8 (N, H, W, C)), "out" and "float_out" are paths; "divide_by" is what pixels
            are divided by before the network; "fold_rescaling" allows to take a first Rescaling layer's place.

    Returns:
        {"divide_by": float, "folded": bool}, or {"error": sentence}.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    try:
        model = _load(job["model"])
    except Exception as error:  # whatever a user's file makes Keras say
        return {"error": f"load: {_one_line(error)}"}
    if problem := _shape_problem(model):
        return {"error": f"shape: {problem}"}
    divide_by, folded = job["divide_by"], False
    scale = first_scale(model) if job["fold_rescaling"] else None
    if scale is not None:
        model, divide_by, folded = without_first_layer(model), 1 / scale, True
        model.save(job["float_out"])
    try:
        data = convert(model, np.load(job["pixels"]).astype(np.float32) / np.float32(divide_by))
    except Exception as error:
        return {"error": f"convert: {_one_line(error)}"}
    Path(job["out"]).write_bytes(data)
    return {"divide_by": divide_by, "folded": folded}


def first_scale(model: Any) -> float | None:
    """The scale of a Rescaling layer without offset that alone stands behind the input; else None."""
    import keras

    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    first = layers[0] if layers else None
    if not isinstance(first, keras.layers.Rescaling) or first.offset != 0 or not first.scale > 0:
        return None
    alone = all(layer.input is not model.inputs[0] for layer in layers[1:] if not isinstance(layer.input, list))
    return float(first.scale) if alone and first.input is model.inputs[0] else None


def without_first_layer(model: Any) -> Any:
    """The model without its first layer, a Rescaling: the same network, fed with pixel * scale.

    In the int8 file that layer would be a MUL; in the input's scale it costs nothing.
    """
    import keras

    shape = model.inputs[0].shape[1:]
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    if isinstance(model, keras.Sequential):
        return keras.Sequential([keras.Input(shape), *layers[1:]])

    def clone(layer: Any) -> Any:
        return keras.layers.Identity(name=layer.name) if layer is layers[0] else layer

    return keras.models.clone_model(model, input_tensors=keras.Input(shape), clone_function=clone)


def _load(path: str) -> Any:
    import keras

    return keras.saving.load_model(path, compile=False)


def _shape_problem(model: Any) -> str:
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return f"it has {len(model.inputs)} inputs and {len(model.outputs)} outputs; expected one of each"
    shape = model.inputs[0].shape[1:]
    if len(shape) != 3 or any(size is None for size in shape):
        return (
            f"its input is {tuple(model.inputs[0].shape)}; expected (batch, height, width, channels) with fixed sizes"
        )
    return ""


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"


def main() -> int:
    """Runs the job in the file named on the command line and writes the answer beside it."""
    path = Path(sys.argv[1])
    answer = run_job(json.loads(path.read_text("utf-8")))
    path.with_suffix(".answer").write_text(json.dumps(answer), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Networks as people make them: Keras models of many styles with random weights, quantized in the ways that exist.

    python benchmarks/zoo.py [--out out/zoo] [--only NAME]

Random weights with scattered batch statistics use all of a layer's range, so they find rounding mistakes as well as
trained ones do. A network is a function in `networks.py`, a way to convert it a line in `WAYS`. The files are the same
on every machine but for the last bits of scales.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np
from networks import NETWORKS

CALIBRATION = 8
SEED = 20261124


@dataclass(frozen=True)
class Way:
    """How a float model becomes int8: `border` is the type of inputs and outputs; `frozen` fixes the batch to 1."""

    name: str
    border: str
    frozen: bool
    per_channel: bool = True


WAYS = (
    Way("frozen", "int8", True),
    Way("keras_float", "float32", False),
    Way("tensor_uint8", "uint8", True, per_channel=False),
)


def scatter(model: Any) -> None:
    """Gives the weights random values as training would: also to biases and batch statistics."""
    rng = np.random.default_rng(SEED)
    for weight in model.weights:
        values = np.asarray(weight)
        if weight.name in ("moving_variance", "gamma"):
            weight.assign(rng.uniform(0.5, 1.5, values.shape))
        elif weight.name in ("bias", "beta", "moving_mean"):
            weight.assign(rng.normal(0, 0.3, values.shape))
        elif values.ndim > 1:
            fan_in = np.prod(values.shape[:-1]) if "depthwise" not in weight.path else np.prod(values.shape[:2])
            weight.assign(rng.normal(0, np.sqrt(2 / fan_in), values.shape))


def convert(model: Any, way: Way) -> bytes:
    """The model as a quantized .tflite. The converter may turn the inputs round, and then asks for samples so."""
    try:
        return _convert(model, way, turn=False)
    except RuntimeError:
        if len(model.inputs) == 1:
            raise
        return _convert(model, way, turn=True)


def _convert(model: Any, way: Way, turn: bool) -> bytes:
    import tensorflow as tf

    rng = np.random.default_rng(SEED)
    shapes = [tuple(one.shape[1:]) for one in model.inputs]

    def representative() -> Iterator[list[Any]]:
        for _ in range(CALIBRATION):
            samples = [rng.normal(0, 1, (1, *shape)).astype(np.float32) for shape in shapes]
            yield samples[::-1] if turn else samples

    converter = _frozen(model, shapes) if way.frozen else tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.dtypes.as_dtype(way.border)
    converter._experimental_disable_per_channel = not way.per_channel
    converter._experimental_disable_per_channel_quantization_for_dense_layers = not way.per_channel
    data: bytes = converter.convert()
    return data


def _frozen(model: Any, shapes: list[tuple[int, ...]]) -> Any:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    specs = [tf.TensorSpec((1, *shape), tf.float32, name="abcdef"[i]) for i, shape in enumerate(shapes)]
    call = tf.function(lambda *x: model(x[0] if len(x) == 1 else list(x), training=False))
    frozen = convert_variables_to_constants_v2(call.get_concrete_function(*specs))
    return tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())


def build(out: Path, only: str | None = None) -> list[Path]:
    """Writes every network in every way into `out`, where it is not there already; returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for make in NETWORKS:
        missing = [way for way in WAYS if not (out / f"{make.__name__}-{way.name}.tflite").is_file()]
        if only in (None, make.__name__) and missing:
            _write(make, missing, out)
        paths += sorted(out.glob(f"{make.__name__}-*.tflite"))
    return paths


def _write(make: Callable[[], Any], ways: list[Way], out: Path) -> None:
    import keras

    keras.utils.set_random_seed(SEED)
    keras.backend.clear_session()
    model = make()
    scatter(model)
    for way in ways:
        name = f"{make.__name__}-{way.name}.tflite"
        try:
            data = convert(model, way)
        except Exception as error:  # the converter's own limits, which are not ours to test
            print(f"{name}: the converter refuses it: {' '.join(str(error).split())[:160]}", file=sys.stderr)
            continue
        (out / name).write_bytes(data)
        print(f"{name}: {len(data):,} bytes", file=sys.stderr, flush=True)


def main() -> int:
    """Builds the zoo."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("out/zoo"), help="folder for the files (default: out/zoo)")
    parser.add_argument("--only", help="one network's name")
    args = parser.parse_args()
    print(f"{len(build(args.out, args.only))} networks in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Quantization: full int8 by the one robust route, whatever the model; and clear words where it can't be."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgenet.commands.quantize import export_obstacle
from edgenet.data import Dataset
from edgenet.errors import QuantizeError
from edgenet.keras_file import read_facts
from edgenet.quantize import CardFacts, balanced, quantize, refuse_float_islands

ROOT = Path(__file__).resolve().parents[2]
FACTS = CardFacts("tiny", "resize", "Apache-2.0")


def stripes(count: int = 120, channels: int = 1) -> Dataset:
    """Two classes that a tiny network can tell: horizontal and vertical stripes, 12x12."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    base = np.where(np.arange(12) % 4 < 2, 220, 20)
    pictures = np.stack([np.broadcast_to(base if k else base[:, None], (12, 12)) for k in labels])
    noisy = np.clip(pictures[..., None] + rng.normal(0, 15, (count, 12, 12, channels)), 0, 255).astype(np.uint8)
    return Dataset("stripes", noisy, labels.astype(np.int64), ("rows", "columns"), "made-up stripes", "ours")


def save_model(path: Path, *, tail: str = "softmax", rescale: bool = False, channels: int = 1) -> Path:
    import keras

    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((12, 12, channels), name="image")
    if rescale:
        x = keras.layers.Rescaling(1 / 255)(x)
    x = keras.layers.Conv2D(6, 3, use_bias=False, name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(2, name="logits")(x)
    if tail == "softmax":
        x = keras.layers.Softmax(name="probabilities")(x)
    keras.Model(inputs, x).save(path)
    return path


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("keras") / "tiny.keras")


def details(tflite: bytes) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=tflite)
    return interpreter.get_tensor_details(), interpreter.get_input_details()[0], interpreter.get_output_details()[0]


@pytest.mark.slow
def test_the_whole_model_becomes_int8_with_batch_1(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from firmware_export.reader import read_tflite

    monkeypatch.setenv("KERAS_BACKEND", "torch")  # whatever trained it, conversion pins its own
    data = stripes()
    first, second = quantize(model_path, data, FACTS), quantize(model_path, data, FACTS)
    assert first.tflite == second.tflite
    tensors, source, target = details(first.tflite)
    assert {np.dtype(tensor["dtype"]).name for tensor in tensors} <= {"int8", "int32"}
    assert source["shape"].tolist() == [1, 12, 12, 1]
    assert first.card.input.scale == pytest.approx(source["quantization"][0])
    assert (first.card.output.scale, first.card.output.zero_point) == (1 / 256, -128) == target["quantization"]
    assert first.card.output.kind == "probabilities"
    assert first.card.sha256 == hashlib.sha256(first.tflite).hexdigest()
    types = [op.type for op in read_tflite(first.tflite, "tiny").ops]
    # BatchNorm is folded, Flatten needs no shape arithmetic
    assert types == ["CONV_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"]


@pytest.mark.slow
def test_int8_follows_the_float_model(model_path: Path) -> None:
    from edgenet.predict import predict_float, predict_int8

    data = stripes()
    quantized = quantize(model_path, data, FACTS)
    path = model_path.with_suffix(".tflite")
    path.write_bytes(quantized.tflite)
    real = (predict_int8(path, data.images).astype(float) + 128) / 256
    assert np.abs(real - predict_float(model_path, data.images)).max() < 0.06


@pytest.mark.slow
def test_a_users_model_with_logits_and_its_own_rescaling(tmp_path: Path) -> None:
    from edgenet.predict import predict_float
    from firmware_export.reader import read_tflite

    path = save_model(tmp_path / "mine.keras", tail="logits", rescale=True, channels=3)
    facts = read_facts(path)
    assert (facts.input_shape, facts.rescales) == ((12, 12, 3), True)
    data = stripes(channels=3)
    quantized = quantize(path, data, CardFacts("mine", "resize", "mine", divide_by=1.0))
    card = quantized.card
    assert card.output.kind == "logits"
    assert card.input.color == "rgb"
    # the Rescaling layer is gone from both models: it became the input's scale
    assert card.preprocessing.divide_by == pytest.approx(255)
    assert card.input.scale == pytest.approx(1 / 255, rel=0.1)
    assert next(op.type for op in read_tflite(quantized.tflite, "mine").ops) == "CONV_2D"
    assert quantized.keras is not None
    (tmp_path / "folded.keras").write_bytes(quantized.keras)
    with_layer = predict_float(path, data.images, divide_by=1.0)
    assert np.allclose(predict_float(tmp_path / "folded.keras", data.images), with_layer, atol=1e-4)
    kept = quantize(path, data, CardFacts("mine", "resize", "mine", divide_by=1.0, fold_rescaling=False))
    assert kept.keras is None
    assert kept.card.input.scale == pytest.approx(1, rel=0.1)


@pytest.mark.slow
def test_wrong_number_of_classes_is_refused(model_path: Path) -> None:
    data = stripes()
    three = Dataset("three", data.images, data.labels, ("a", "b", "c"), "made up", "ours")
    with pytest.raises(QuantizeError, match="has 2 outputs, three has 3 classes"):
        quantize(model_path, three, FACTS)


@pytest.mark.slow
def test_a_layer_without_int8_form_is_refused_in_one_line(tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((12, 12, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.ops.erfinv(keras.layers.Dense(2, activation="tanh")(x) * 0.5)
    keras.Model(inputs, x).save(tmp_path / "odd.keras")
    with pytest.raises(QuantizeError, match=r"odd\.keras: can't become int8"):
        quantize(tmp_path / "odd.keras", stripes(), FACTS)


def test_float_islands_are_named() -> None:
    tensors = [
        {"name": "model/conv/Relu", "dtype": np.int8},
        {"name": "model/attention/Erf", "dtype": np.float32},
        {"name": "bias", "dtype": np.int32},
    ]
    with pytest.raises(QuantizeError, match=r"1 tensors stay outside int8, first 'model/attention/Erf' \(float32\)"):
        refuse_float_islands(tensors, "m.keras")
    refuse_float_islands([tensors[0], tensors[2]], "m.keras")


def test_what_can_not_become_c_is_said_before_it_is_tried() -> None:
    fixture = ROOT / "tests" / "fixtures" / "check" / "tiny_float.tflite"
    assert export_obstacle((ROOT / "models" / "digits" / "model_int8.tflite").read_bytes(), "digits") is None
    assert "float" in str(export_obstacle(fixture.read_bytes(), "tiny_float"))


def test_calibration_takes_classes_in_turn() -> None:
    labels = np.array([0] * 90 + [1] * 8 + [2] * 2)
    chosen = balanced(labels, 12)
    assert np.bincount(labels[chosen]).tolist() == [5, 5, 2]
    assert len(balanced(labels, 1000)) == 100


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut short"])
def test_damaged_keras_files_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.keras"
    path.write_bytes(content)
    with pytest.raises(QuantizeError, match=r"bad\.keras"):
        read_facts(path)


@pytest.mark.slow
def test_truncated_real_keras_file_is_named(model_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.keras"
    path.write_bytes(model_path.read_bytes()[: os.path.getsize(model_path) // 2])
    with pytest.raises(QuantizeError, match=r"cut\.keras: not a whole \.keras file"):
        read_facts(path)

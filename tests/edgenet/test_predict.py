"""predict: pixels to scores through LiteRT and Keras, and one clear sentence for each mistake."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.card import InputSpec, ModelCard, OutputSpec, Preprocessing
from device.preprocess import quantize_input
from edgenet import predict
from edgenet.errors import CheckError

pytest.importorskip("ai_edge_litert")
FIXTURES = Path(__file__).parents[1] / "fixtures" / "check"
FLOAT, INT8, KERAS = FIXTURES / "tiny_float.tflite", FIXTURES / "tiny_int8.tflite", FIXTURES / "tiny.keras"


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.load(FIXTURES / "digits.npz")["images"]


def card(divide_by: float, scale: float, zero_point: int) -> ModelCard:
    return ModelCard(
        name="t", task="classification", model="m", sha256="", labels=("a", "b"), licence="", data={},
        input=InputSpec((1, 8, 8, 1), "int8", scale, zero_point, "NHWC", "gray"),
        output=OutputSpec((1, 2), "int8", 1 / 256, -128, "probabilities"),
        preprocessing=Preprocessing("resize", divide_by),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("divide_by", "scale", "zero_point"),
    [
        (255.0, 1 / 255, -128),
        (255.0, 0.003921568859368563, -128),
        (1.0, 1.0, 0),
        (127.5, 0.0157, -1),
        (255.0, 0.002, 7),
    ],
)
def test_pixels_become_what_the_device_makes_of_them(divide_by: float, scale: float, zero_point: int) -> None:
    pixels = np.arange(256, dtype=np.uint8)
    expected = quantize_input(pixels, card(divide_by, scale, zero_point))
    np.testing.assert_array_equal(predict.pixel_table(divide_by, scale, zero_point), expected)


def test_mnist_pixels_only_move_by_128() -> None:
    table = predict.pixel_table(255.0, 0.003921568859368563, -128)
    np.testing.assert_array_equal(table, np.arange(-128, 128))


def test_int8_equals_a_plain_interpreter(images: np.ndarray) -> None:
    from ai_edge_litert.interpreter import Interpreter

    plain = Interpreter(str(INT8))
    plain.allocate_tensors()
    expected = []
    for image in images[:300]:
        plain.set_tensor(plain.get_input_details()[0]["index"], (image.astype(int) - 128).astype(np.int8)[np.newaxis])
        plain.invoke()
        expected.append(plain.get_tensor(plain.get_output_details()[0]["index"])[0])
    got = predict.predict_int8(INT8, images[:300])
    assert got.dtype == np.int8
    np.testing.assert_array_equal(got, expected)


def test_real_scores_lie_near_the_float_ones(images: np.ndarray) -> None:
    network = predict.open_int8(INT8)
    real = network.real(predict.run_all(network, images))
    floats = predict.predict_float(FLOAT, images)
    assert floats.dtype == real.dtype == np.float32
    assert np.abs(floats.sum(axis=1) - 1).max() < 1e-5
    assert np.abs(real - floats).max() < 0.05


def test_progress_counts_to_the_end(images: np.ndarray) -> None:
    seen: list[tuple[int, int]] = []
    predict.predict_int8(INT8, images[:300], on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(256, 300), (300, 300)]


def test_no_pictures_give_no_scores(images: np.ndarray) -> None:
    assert predict.predict_int8(INT8, images[:0]).shape == (0, 10)


def test_divide_by_reaches_both_sides(images: np.ndarray) -> None:
    dark = predict.predict_int8(INT8, images[:50], divide_by=1000.0)
    assert (dark != predict.predict_int8(INT8, images[:50])).any()
    scaled = predict.predict_float(FLOAT, images[:50], divide_by=1000.0)
    np.testing.assert_allclose(predict.open_int8(INT8).real(dark), scaled, atol=0.05)


@pytest.mark.slow
def test_keras_file_equals_float_tflite(images: np.ndarray) -> None:
    pytest.importorskip("keras")
    got = predict.predict_float(KERAS, images)
    np.testing.assert_allclose(got, predict.predict_float(FLOAT, images), atol=1e-5)
    assert predict.open_float(KERAS).engine.startswith("Keras 3")


def test_truncated_keras_file_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    path = tmp_path / "cut.keras"
    path.write_bytes(KERAS.read_bytes()[:5000])
    with pytest.raises(CheckError, match=r"cut\.keras: not a whole \.keras file of Keras 3 \(.*\)\. Save") as caught:
        predict.open_float(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("open_it", "source"), [(predict.open_float, FLOAT), (predict.open_int8, INT8)])
@pytest.mark.parametrize("length", [0, 5, 900, -40])
def test_truncated_tflite_is_one_sentence(tmp_path: Path, open_it, source: Path, length: int) -> None:  # type: ignore
    path = tmp_path / "cut.tflite"
    path.write_bytes(source.read_bytes()[:length])
    with pytest.raises(CheckError, match=r"cut\.tflite: ") as caught:
        open_it(path)
    assert "\n" not in str(caught.value)


def test_wrong_kinds_of_file(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("x")
    cases = [
        (predict.open_float, INT8, "expected float32 input and output, got int8 and int8"),
        (predict.open_int8, FLOAT, "float32.*expected int8.*edgenet quantize"),
        (predict.open_int8, KERAS, "expected an int8 .tflite, got a file ending in '.keras'"),
        (predict.open_float, tmp_path / "model.txt", "expected a float model, .keras or .tflite"),
        (predict.open_float, tmp_path / "none.keras", "no such file"),
        (predict.open_int8, tmp_path, "is a folder"),
    ]
    for open_it, path, words in cases:
        with pytest.raises(CheckError, match=words):
            open_it(path)


def test_pictures_of_another_shape(images: np.ndarray) -> None:
    with pytest.raises(CheckError, match=r"takes pictures of 8 x 8 x 1 .* the data has 9 x 8 x 1.*--data"):
        predict.predict_int8(INT8, np.zeros((2, 9, 8, 1), np.uint8))
    with pytest.raises(CheckError, match=r"must be uint8 \(N, H, W, C\), got float32"):
        predict.predict_int8(INT8, images.astype(np.float32))  # type: ignore[arg-type]


def test_free_sizes_take_any_picture(images: np.ndarray) -> None:
    predict.require_shape(replace(predict.open_int8(INT8), input_shape=(None, None, 1)), images)


def test_networks_that_are_no_classifiers() -> None:
    for ins, outs in [((1, 64), (1, 10)), ((1, 8, 8, 1), (1, 8, 8, 2)), ((1, 8, 8, 1), (1, 1))]:
        with pytest.raises(CheckError, match="Only classifiers can be checked"):
            predict._classifier_shapes("m", ins, outs)
    with pytest.raises(CheckError, match="several inputs"):
        predict._classifier_shapes("m", [(1, 8, 8, 1), (1, 2)], (1, 10))
    assert predict._classifier_shapes("m", (None, 8, -1, 3), (None, 5)) == ((8, None, 3), 5)


def test_reading_the_fixture_needs_no_tensorflow() -> None:
    import subprocess
    import sys

    code = (
        "import sys, json, edgenet.check, edgenet.report, edgenet.pictures\n"
        f"edgenet.predict.open_int8({str(INT8)!r})\n"
        "print(json.dumps([m for m in ('tensorflow', 'keras', 'matplotlib', 'jinja2', 'cv2') if m in sys.modules]))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FIXTURES.parents[2]
    )
    assert json.loads(out.stdout) == []

"""The interpreter: right shapes in and out, and one clear line for every way that a model can be wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from device import interpreter
from device.arguments import BACKEND_NAMES
from device.card import ModelCard
from device.errors import DeviceError
from device.interpreter import BACKENDS, load


@pytest.fixture
def model_path(model_dir: Path) -> Path:
    return model_dir / ModelCard.load(model_dir).model


def test_it_runs_a_batch_one_by_one(model_path: Path) -> None:
    model = load(model_path)
    x = np.random.default_rng(0).integers(-128, 128, (5, 28, 28, 1), np.int8)
    y = model.run(x)
    assert y.shape == (5, 10)
    assert y.dtype == np.int8
    assert (model.run(x[2:3])[0] == y[2]).all()
    assert model.run(x[:0]).shape == (0, 10)
    assert model.input.zero_point == -128
    assert model.backend in BACKENDS


def test_loading_is_quiet(model_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load(model_path, "litert")
    assert capfd.readouterr() == ("", "")


def test_a_wrong_input_is_refused(model_path: Path) -> None:
    model = load(model_path)
    with pytest.raises(DeviceError, match="model takes int8"):
        model.run(np.zeros((1, 28, 28, 1), np.uint8))  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match=r"\(1, 28, 28\)"):
        model.run(np.zeros((1, 28, 28), np.int8))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b[: len(b) // 2], "damaged"),
        (lambda b: b[:100], "damaged"),
        (lambda b: b"", "not a .tflite file"),
        (lambda b: b"PK\3\4" + bytes(500), "not a .tflite file"),
    ],
)
def test_a_damaged_model_is_one_line(model_path: Path, tmp_path: Path, damage, message: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "m.tflite"
    path.write_bytes(damage(model_path.read_bytes()))
    with pytest.raises(DeviceError, match=message) as error:
        load(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_a_missing_file_and_an_unknown_backend(tmp_path: Path, model_path: Path) -> None:
    with pytest.raises(DeviceError, match="can't be read"):
        load(tmp_path / "absent.tflite")
    with pytest.raises(DeviceError, match="Known: auto, litert, tflite-runtime, c"):
        load(model_path, "tensorrt")


def test_without_an_interpreter_the_pip_line_is_named(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BACKENDS.values():
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DeviceError, match=r"Run: pip install 'edgenet\[device\]'"):
        load(model_path)


def test_tflite_runtime_is_used_where_it_is_what_is_installed(
    model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    runtime = ModuleType("tflite_runtime.interpreter")
    runtime.Interpreter = Interpreter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tflite_runtime", ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", runtime)
    assert load(model_path, "tflite-runtime").backend == "tflite-runtime"
    monkeypatch.setitem(sys.modules, BACKENDS["litert"], None)
    assert load(model_path).backend == "tflite-runtime"


def test_a_runtime_that_another_numpy_broke(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**options: object) -> None:
        raise SystemError("returned a result with an exception set")  # as tflite-runtime 2.14 does with numpy 2

    runtime = ModuleType("tflite_runtime.interpreter")
    runtime.Interpreter = broken  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tflite_runtime", ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", runtime)
    with pytest.raises(DeviceError, match="pip install 'numpy<2'"):
        load(model_path, "tflite-runtime")


def test_a_model_that_is_not_int8_is_refused(model_path: Path) -> None:
    class Float:
        def get_input_details(self):  # type: ignore[no-untyped-def]
            return [{"index": 0, "shape": np.array([1, 4]), "dtype": np.float32, "quantization": (0.0, 0)}]

        get_output_details = get_input_details

    with pytest.raises(DeviceError, match="input is float32"):
        interpreter.Interpreter(Float(), "litert", "m.tflite")


def test_the_command_line_offers_the_backends_that_there_are() -> None:
    assert ("auto", *BACKENDS, "c") == BACKEND_NAMES

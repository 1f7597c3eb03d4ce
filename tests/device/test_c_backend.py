"""The backend `c`: the exported C through its own loader, and one clear line where it does not belong to the model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from device.cli import main
from device.errors import DeviceError
from device.interpreter import load
from device.reader import DigitReader

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Path:
    """The released model's .tflite in a folder of its own, with its C beside it in c/."""
    folder = tmp_path_factory.mktemp("digits")
    for name in ("model_int8.tflite", "card.json", "labels.txt"):
        shutil.copy(model_dir / name, folder)
    command = [sys.executable, "-m", "firmware_export", "export", "model_int8.tflite", "--name", "digits", "--out", "c"]
    root = Path(__file__).resolve().parents[2]
    subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}, check=True)
    return folder / "model_int8.tflite"


def test_it_gives_the_same_shapes_and_nearly_the_same_values_as_an_interpreter(model: Path) -> None:
    """The C has the bits of TFLite Micro; LiteRT's may lie a few quanta apart."""
    pytest.importorskip("ai_edge_litert")
    compiled, other = load(model, "c"), load(model, "litert")
    assert compiled.backend == "c"
    assert compiled.input == other.input
    assert compiled.output == other.output
    x = np.random.default_rng(1).integers(-128, 0, (6, 28, 28, 1), np.int8)
    apart = np.abs(compiled.run(x).astype(int) - other.run(x))
    assert apart.mean() < 2
    assert compiled.run(x[:0]).shape == (0, 10)


def test_the_project_may_lie_elsewhere(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model.parent / "c", tmp_path / "mine")
    alone = tmp_path / "m.tflite"
    shutil.copy(model, tmp_path / "m.tflite")
    assert load(alone, "c").backend == "c"
    shutil.copytree(tmp_path / "mine", tmp_path / "far" / "c")
    shutil.rmtree(tmp_path / "mine")
    with pytest.raises(DeviceError, match=r"no C project of it in the folders beside it\. Run: edgenet export"):
        load(alone, "c")
    assert DigitReader(model, "c", c_project=tmp_path / "far" / "c").interpreter.backend == "c"


def test_c_of_another_model_is_refused(model: Path, tmp_path: Path) -> None:
    manifest = json.loads((model.parent / "c" / "MANIFEST.json").read_text())
    manifest["model"]["sha256"] = "0" * 64
    (tmp_path / "MANIFEST.json").write_text(json.dumps(manifest))
    with pytest.raises(DeviceError, match="was exported from another model"):
        load(model, "c", tmp_path)
    (tmp_path / "MANIFEST.json").write_text("[]")
    with pytest.raises(DeviceError, match="A C project is what edgenet export writes"):
        load(model, "c", tmp_path)
    with pytest.raises(DeviceError, match="a C project is for the backend c, got auto"):
        load(model, "auto", tmp_path)


def test_a_project_that_can_not_be_built_is_one_line(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model.parent / "c", tmp_path / "c", ignore=shutil.ignore_patterns("lib*"))
    monkeypatch.setenv("CC", "no-such-cc")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DeviceError, match="CC=no-such-cc: there is no such compiler"):
        load(model, "c", tmp_path / "c")
    (tmp_path / "c" / "digits.py").unlink()
    with pytest.raises(DeviceError, match=r"digits\.py: no such file"):
        load(model, "c", tmp_path / "c")


def test_the_command_line_reads_digits_with_it(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "digits", "--model", str(model.parent), "--source", "sim", "--frames", "3", "--backend", "c"]
    assert main([*words, "--c-project", str(model.parent / "c"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["backend"] == "c"
    assert summary["score"]["recall"] > 0.8

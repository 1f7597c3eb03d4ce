"""`edgenet build` on a small recipe: every stage real, every file there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECIPE = """
name = "small"
network = "lenet5"
seed = 3
[data]
name = "sklearn-digits"
validation = 100
[train]
epochs = 9
batch_size = 64
learning_rate = 0.002
[preset.quick.train]
epochs = 4
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, Any]]:
    """Folder, what was printed, and results.json of a build."""
    folder = tmp_path_factory.mktemp("build")
    (folder / "recipe.toml").write_text(RECIPE)
    command = [sys.executable, "-m", "edgenet", "build", "recipe.toml", "--preset", "quick", "--frames", "20"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "oneDNN" not in done.stderr
    return folder / "out" / "small", done.stdout, json.loads((folder / "out" / "small" / "results.json").read_text())


pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("build")]


def test_the_table_has_every_row_and_labels_the_preset(built: tuple[Path, str, dict[str, Any]]) -> None:
    _, printed, results = built
    assert "preset quick: not the released model" in printed
    expected = (
        "data set", "parameters", "float accuracy", "int8 accuracy", "drop", "agreement", ".tflite", "C weights",
        "C code", "arena", "instructions", "proof, C on this machine", "proof, C on Cortex-M4", "clip",
    )  # fmt: skip
    assert set(expected) <= results["table"].keys()
    assert all(name in printed for name in expected)
    assert "sklearn" in results["table"]["data set"] or "scikit-learn" in results["table"]["data set"]
    assert results["table"]["parameters"] == "61,706"


def test_it_learned_and_was_proved(built: tuple[Path, str, dict[str, Any]]) -> None:
    _, _, results = built
    assert results["check"]["int8_accuracy"]["value"] > 0.85
    assert results["certificate"]["proof"]["verdict"] == "proved"
    assert {side["name"] for side in results["certificate"]["sides"]} == {"Keras float", "LiteRT int8"}


def test_every_file_is_there(built: tuple[Path, str, dict[str, Any]]) -> None:
    folder, printed, _ = built
    for file in ("model/model.keras", "model/model_int8.tflite", "model/card.json", "model/labels.txt",
                 "model/recipe.toml", "model/history.json", "c/small.c", "c/Makefile", "c_array", "report.html",
                 "clip.mp4", "proof.json"):  # fmt: skip
        assert (folder / file).exists(), file
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]
    assert "report.html" in printed
    assert "<svg" in (folder / "report.html").read_text()


def test_the_c_project_passes_its_own_test(built: tuple[Path, str, dict[str, Any]]) -> None:
    folder, _, _ = built
    done = subprocess.run(["make", "-C", str(folder / "c"), "test"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "8 of 8 golden vectors bit-exact" in done.stdout


def test_the_result_is_a_model_folder_for_the_other_verbs(built: tuple[Path, str, dict[str, Any]]) -> None:
    folder, _, results = built
    command = [sys.executable, "-m", "edgenet", "check", str(folder / "model"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["int8_accuracy"] == results["check"]["int8_accuracy"]

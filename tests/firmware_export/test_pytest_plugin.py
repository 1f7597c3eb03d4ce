"""The pytest plugin in a user's folder: an item per runtime, one line where it fails, no cost where it is not used."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from needs import need_packages
from test_prove_flips import block

from firmware_export.project import export_c

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """block.tflite, its C in block/, and a test file of the user's."""
    need_packages("tflite_micro")
    (tmp_path / "block.tflite").write_bytes(block())
    (tmp_path / "test_mine.py").write_text(
        "def test_mine(edgenet_prove):\n"
        "    proof = edgenet_prove('block.tflite', count=8, runtimes=('tflm', 'numpy'))\n"
        "    assert proof.operators == 3\n"
    )
    return tmp_path


def run(folder: Path, *words: str) -> tuple[int, str]:
    """The exit code and the output of pytest with the plugin, as if a wheel had registered it."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:edgenet", "-ra",
               "-p", "firmware_export.pytest_plugin", *words]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_model_is_an_item_per_runtime(folder: Path) -> None:
    words = ("--edgenet-prove", "block.tflite", "--edgenet-runtimes", "tflm,numpy,host", "--edgenet-count", "8")
    code, said = run(folder, *words, "-v")
    assert code == 0, said
    passed = re.findall(r"edgenet-prove::block\.tflite::(\S+) PASSED", said)
    assert passed == ["tflm", "numpy", "host", "verdict"]
    assert "test_mine" not in said
    code, said = run(folder, "test_mine.py", *words, "-v")
    assert (code, said.count("PASSED")) == (0, 5), said


def test_a_difference_fails_its_runtime_and_the_verdict(folder: Path) -> None:
    export_c(folder / "block.tflite", folder / "block", name="block")
    source = folder / "block" / "block.c"
    source.write_text(re.sub(r"(/\* value \*/ \{)\d+", r"\g<1>7", source.read_text(), count=1))
    words = ("--edgenet-prove", "block.tflite", "--edgenet-runtimes", "tflm,host", "--edgenet-count", "8")
    code, said = run(folder, *words, "--edgenet-project", "block")
    assert code == 1
    assert "2 failed, 1 passed" in said
    assert "host: operator 0 PAD (output 'padded')" in said
    assert "looks like padding" in said
    assert "Traceback" not in said


def test_what_is_missing_is_skipped_only_where_it_was_not_named(folder: Path) -> None:
    words = ("--edgenet-prove", "block.tflite", "--edgenet-tflite-python", "/nowhere/python", "--edgenet-count", "8")
    code, said = run(folder, *words, "--edgenet-runtimes", "tflm,numpy,tflite-2.14")
    assert code == 1
    assert "tflite-2.14: tflite_runtime: /nowhere/python does not start" in said


def test_mistakes_are_one_line(folder: Path) -> None:
    code, said = run(folder, "--edgenet-prove", "none.tflite", "--edgenet-runtimes", "tflm,numpy")
    assert code == 1
    assert said.count("none.tflite: can't be read") >= 3
    assert "exception" not in said
    code, said = run(folder, "--edgenet-prove", "block.tflite", "--edgenet-runtimes", "gpu")
    assert code == 4
    assert "ERROR: --edgenet-runtimes: gpu: no such runtime" in said


def test_the_fixture_fails_a_test_that_proves_nothing(folder: Path) -> None:
    code, said = run(folder, "-v")
    assert (code, said.count("PASSED")) == (0, 1), said
    mine = folder / "test_mine.py"
    mine.write_text(mine.read_text().replace("('tflm', 'numpy')", "('numpy',)"))
    code, said = run(folder)
    assert code == 1
    assert "INCOMPLETE: nothing is proved without tflm" in said


def test_it_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    code = "import sys, firmware_export.pytest_plugin; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    ours = {name for name in loaded if name.startswith("firmware_export")}
    assert ours == {"firmware_export", "firmware_export.pytest_plugin"}
    assert "numpy" not in loaded


def test_it_is_registered() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"edgenet": "firmware_export.pytest_plugin"}

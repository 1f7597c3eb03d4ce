"""A user's mistakes: one helpful line on stderr, exit code 1 or 2, no traceback, nothing half-written."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from firmware_export.reader import read_tflite

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "models" / "digits"


def edgenet(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgenet", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], words: str, code: int = 1) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert re.search(words, done.stderr.splitlines()[-1]), done.stderr


@pytest.mark.parametrize(
    ("verb", "option"),
    [("export", "--report"), ("prove", "--certificate"), ("prove", "--html"), ("check", "--html"), ("run", "--jsonl")],
)
def test_no_output_replaces_a_model_or_a_file_of_the_users(tmp_path: Path, verb: str, option: str) -> None:
    folder = copy_model(tmp_path / "mine")
    (folder / "notes.html").write_text("<!doctype html>\n<p>mine")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    words = ["run", "digits", "--source", "sim", "--model", "mine"] if verb == "run" else [verb, "mine"]
    for file in (
        ("model_int8.tflite", "card.json", "notes.html") if verb != "run" else ("model_int8.tflite", "card.json")
    ):
        done = edgenet(*words, option, f"mine/{file}", cwd=tmp_path)
        refused(done, "is read, and|is not an earlier output of")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


@pytest.mark.parametrize("file", ["report.html", "results.json", "proof.json", "clip.mp4"])
def test_a_build_replaces_no_file_of_the_users(tmp_path: Path, file: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / file).write_text("{}")
    done = edgenet("build", "digits", "--data", "sklearn-digits", "--out", "out", cwd=tmp_path)
    refused(done, rf"out/{file}: is not an earlier output of edgenet build")
    assert [(path.name, path.read_text()) for path in (tmp_path / "out").iterdir()] == [(file, "{}")]


def len_bytes(array: np.ndarray) -> int:
    return array.nbytes


def copy_model(folder: Path, **card_changes: object) -> Path:
    folder.mkdir(exist_ok=True)
    for file in DIGITS.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | card_changes))
    return folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "none.tflite"], r"none\.tflite: no such file"),
        (["export", "empty.tflite"], r"empty\.tflite"),
        (["export", "cut.tflite"], r"cut\.tflite"),
        (["prove", "cut.tflite"], r"edgenet: cut\.tflite"),
        (["check", "cut.tflite"], r"cut\.tflite: there is no card\.json in the folder /"),
        pytest.param(
            ["check", "digits", "--float", "cut.keras"], r"cut\.keras: not a whole \.keras file", marks=pytest.mark.slow
        ),
        pytest.param(
            ["check", "digits", "--float", "old.h5"],
            r"old\.h5: is an HDF5 file of Keras 2\. Save the model again",
            marks=pytest.mark.slow,
        ),
        (["quantize", "old.h5", "--data", "mnist"], r"old\.h5: is an HDF5 file of Keras 2\. Save the model again"),
        (["export", "old.h5"], r"old\.h5: is an HDF5 file of Keras 2\. Save the model again"),
        (["quantize", "free.keras", "--data", "mnist"], r"input is \(any, any, any, 1\)\. Expected fixed sizes"),
        (["prove", "digits", "--project", "nodir"], r"edgenet: nodir: no such folder"),
        (["prove", "none.tflite"], r"none\.tflite: no such file"),
        (["export", "text.tflite"], r"text\.tflite"),
        (["export", "nonsense"], r"nonsense.*digits"),
        (["check", "nonsense"], r"nonsense.*digits"),
        (["quantize", "none.keras"], r"none\.keras: no such model"),
        (["quantize", "cut.keras", "--data", "mnist"], r"cut\.keras: not a whole \.keras file"),
        (["train", "nonsense"], r"nonsense: no recipe found.*digits, lenet5"),
        (["train", "wrong.toml"], r"unknown key train\.epocs\. Did you mean train\.epochs"),
        (["build", "wrong.toml"], r"unknown key train\.epocs"),
        (["train", "digits", "--preset", "huge"], r"no preset 'huge'. Choose one of full, quick"),
        (["train", "digits", "--data", "nowhere"], r"nowhere: no data set of this name"),
        (["run", "digits", "--source", "none.mp4"], r"none\.mp4"),
        (["run", "digits", "--source", "text.tflite"], r"text\.tflite"),
        (["run", "digits", "--source", "http://127.0.0.1:9/stream"], r"http://127\.0\.0\.1:9/stream"),
        (["run", "digits", "--source", "7"], r"7"),
        (["run", "digits", "--source", "sim", "--model", "nonsense"], r"nonsense"),
        (["run", "digits", "--source", "sim", "--frames", "3", "--out", "no/such/folder/clip.mp4"], r"clip\.mp4"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refused_in_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    model = (DIGITS / "model_int8.tflite").read_bytes()
    (tmp_path / "empty.tflite").write_bytes(b"")
    (tmp_path / "cut.tflite").write_bytes(model[: len(model) // 2])
    (tmp_path / "text.tflite").write_text("this is no model, and no video either")
    (tmp_path / "cut.keras").write_bytes((DIGITS / "model.keras").read_bytes()[:9000])
    (tmp_path / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99))
    with zipfile.ZipFile(tmp_path / "free.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"batch_shape": [None, None, None, 1]}}))
    (tmp_path / "wrong.toml").write_text('name="x"\nnetwork="lenet5"\n[train]\nepocs=3\n')
    before = sorted(tmp_path.rglob("*"))
    refused(edgenet(*arguments, cwd=tmp_path), words)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["export"],
        ["run", "digits", "--frames", "none"],
        ["run", "digits", "--seed", "-5"],
        ["build", "digits", "--seed", "-5"],
        ["prove", "digits", "--pictures", "-3"],
        ["prove", "digits", "--runtimes", "foo"],
        ["quantize", "x.keras", "--name", "../../x"],
        ["check", "digits", "--max-drop", "x"],
        ["train", "--x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    done = edgenet(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_no_verb_prints_the_list_and_is_exit_code_2(tmp_path: Path) -> None:
    done = edgenet(cwd=tmp_path)
    assert done.returncode == 2
    assert "quantize" in done.stdout


def test_damaged_data_is_no_missing_data(tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    for part in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            (tmp_path / "mnist" / f"{part}-{kind}-ubyte.gz").write_bytes(b"\x1f\x8b half")
    prove = ["prove", "digits", "--pictures", "5", "--runtimes", "tflm,numpy"]
    refused(edgenet(*prove, cwd=tmp_path, EDGENET_DATA=str(tmp_path)), r"train-images-idx3-ubyte\.gz")


def test_float_model_where_int8_is_needed(tmp_path: Path) -> None:
    (tmp_path / "f.tflite").write_bytes((ROOT / "tests/fixtures/check/tiny_float.tflite").read_bytes())
    refused(edgenet("export", "f.tflite", cwd=tmp_path), "float.*int8.*quantize")


@pytest.mark.slow
def test_card_that_does_not_fit_its_model(tmp_path: Path) -> None:
    folder = copy_model(tmp_path / "other", sha256="0" * 64)
    for verb in (["check", str(folder)], ["export", str(folder)], ["prove", str(folder)]):
        refused(edgenet(*verb, cwd=tmp_path), "card.*do not belong together")
    refused(edgenet("run", "digits", "--source", "sim", "--model", str(folder), cwd=tmp_path), "card")


@pytest.mark.slow
def test_card_with_another_input_than_the_model(tmp_path: Path) -> None:
    card = json.loads((DIGITS / "card.json").read_text())
    folder = copy_model(tmp_path / "other", input=card["input"] | {"shape": [1, 32, 32, 1]})
    done = edgenet("run", "digits", "--source", "sim", "--frames", "2", "--model", str(folder), cwd=tmp_path)
    refused(done, r"32, 32")


@pytest.mark.slow
def test_gate_that_is_not_met_is_exit_code_1(tmp_path: Path) -> None:
    model = (DIGITS / "model_int8.tflite").read_bytes()
    weights = max((t.data for t in read_tflite(model, "digits").tensors if t.data is not None), key=len_bytes)
    (tmp_path / "worse.tflite").write_bytes(model.replace(weights.tobytes(), bytes(weights.nbytes)))
    check = ["check", str(DIGITS), "--data", "sklearn-digits", "--int8", "worse.tflite", "--json"]
    met, missed = (edgenet(*check, "--max-drop", limit, cwd=tmp_path) for limit in ("100", "0.5"))
    assert met.returncode == 0, met.stderr
    assert missed.returncode == 1, missed.stderr
    assert json.loads(missed.stdout)["gate"]["met"] is False


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [["export", str(DIGITS)], *([verb, "digits", "--data", "sklearn-digits"] for verb in ("train", "build"))],
    ids=lambda arguments: arguments[0],
)
def test_folder_that_takes_no_files(tmp_path: Path, arguments: list[str]) -> None:
    locked = "/proc/self/locked"  # where not even root may make files
    refused(edgenet(*arguments, "--out", locked, cwd=tmp_path), "locked.*--out")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "folder", "words"),
    [("--model-dir", "file/x", r"file/x: can't write there"), ("--out", "mine", r"mine/c: holds files that are not")],
)
def test_a_build_is_refused_before_the_work(tmp_path: Path, option: str, folder: str, words: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "mine" / "c").mkdir(parents=True)
    (tmp_path / "mine" / "c" / "main.c").write_text("int main(void) { return 0; }")
    before = sorted(tmp_path.rglob("*"))
    refused(edgenet("build", "digits", "--data", "sklearn-digits", option, folder, cwd=tmp_path), words)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--out", "--csv", "--jsonl"])
def test_file_that_can_not_be_written(tmp_path: Path, option: str) -> None:
    sim = ["run", "digits", "--source", "sim", "--frames", "2"]
    refused(edgenet(*sim, option, "/proc/self/readings.mp4", cwd=tmp_path), r"/proc/self/readings\.mp4")


def test_output_folder_that_is_someone_elses(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years of work")
    refused(edgenet("export", str(DIGITS), "--out", "thesis", cwd=tmp_path), "thesis")
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "years of work"


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgenet", "train", "digits", "--preset", "quick", "--out", str(tmp_path / "t")]
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL)
    try:
        assert child.stderr is not None
        child.stderr.readline()  # the data is there; Keras is loading or training
        time.sleep(4)
        child.send_signal(signal.SIGINT)
        rest = child.communicate(timeout=60)[1]
    finally:
        child.kill()
    assert child.returncode == 130, rest
    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert not (tmp_path / "t").exists()


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = edgenet("export", "none.tflite", "--debug", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr

"""`python -m device run digits` from end to end, and how well it reads the simulation."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.cli import main
from device.digit_sets import DigitSet
from device.frame import Frame
from device.reader import DigitReader
from device.run import run_sim
from device.sim import SimCamera

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def digits_file(tmp_path: Path, drawn: DigitSet) -> Path:
    np.savez(tmp_path / "digits.npz", images=drawn.images, labels=drawn.labels)
    return tmp_path / "digits.npz"


@pytest.mark.slow
def test_the_simulation_is_read_well(mnist_test: DigitSet, model_dir: Path) -> None:
    summary = run_sim(model_dir, mnist_test.images, mnist_test.labels, frames=60, seed=7)
    assert summary.frames == 60
    assert summary.score is not None
    assert summary.score.true > 1000
    assert summary.score.precision >= 0.95
    assert summary.score.recall >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_thousand_frames_are_read_well(mnist_test: DigitSet, model_dir: Path, seed: int) -> None:
    summary = run_sim(model_dir, mnist_test.images, mnist_test.labels, frames=1000, seed=seed)
    assert summary.score is not None
    assert summary.score.precision >= 0.97
    assert summary.score.recall >= 0.97


def test_run_sim_writes_a_video(drawn: DigitSet, tmp_path: Path) -> None:
    summary = run_sim("digits", drawn.images, drawn.labels, frames=5, seed=2, out=tmp_path / "clip.mp4")
    assert cv2.VideoCapture(str(tmp_path / "clip.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 5
    assert json.loads(json.dumps(summary.to_json()))["frames"] == 5


def test_the_command_line_with_its_defaults(digits_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "digits", "--source", "sim", "--digits", str(digits_file), "--frames", "4"]) == 0
    out, err = capsys.readouterr()
    for word in ("frames per second", "digits per second", "precision", "recall", "4 in"):
        assert word in out
    assert "sim shows digits.npz" in err


def test_the_command_line_with_every_option(
    digits_file: Path, tmp_path: Path, model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = f"--source sim --model {model_dir} --frames 3 --seed 5 --digits {digits_file} --ink dark --json"
    options += f" --min-confidence 0.9 --backend litert --out {tmp_path}/o.avi --csv {tmp_path}/o.csv"
    assert main(["run", "digits", *options.split(), "--jsonl", f"{tmp_path}/o.jsonl"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["backend"] == "litert"
    assert summary["frames"] == 3
    assert 0 < summary["score"]["precision"] <= 1
    assert summary["digits"] == summary["score"]["read"] == len((tmp_path / "o.csv").read_text().splitlines()) - 1
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 3
    assert (tmp_path / "o.avi").stat().st_size > 1000


def test_light_ink_from_pictures(
    digits_file: Path, tmp_path: Path, drawn: DigitSet, capsys: pytest.CaptureFixture[str]
) -> None:
    board = 255 - SimCamera(drawn.images, drawn.labels, seed=1).image(0)
    cv2.imwrite(str(tmp_path / "board.png"), board)
    assert main(["run", "digits", "--source", str(tmp_path / "board.png"), "--ink", "light", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["frames"] == 1
    assert summary["score"] is None
    assert summary["digits"] > 20


@pytest.mark.parametrize("option", ["--out", "--csv", "--jsonl"])
@pytest.mark.parametrize("source", ["clip.avi", "pictures", "sim"])
def test_what_is_read_is_not_overwritten(
    digits_file: Path, drawn: DigitSet, tmp_path: Path, option: str, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_sim("digits", drawn.images, drawn.labels, frames=2, out=tmp_path / "clip.avi")
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "a.png"), np.zeros((48, 64, 3), np.uint8))
    read = {"clip.avi": tmp_path / "clip.avi", "pictures": tmp_path / "pictures" / "a.png", "sim": digits_file}[source]
    before = read.read_bytes()
    target = tmp_path / "link.avi"
    target.symlink_to(read)
    given = "sim" if source == "sim" else str(tmp_path / source)
    assert main(["run", "digits", "--source", given, "--digits", str(digits_file), option, str(target)]) == 1
    assert f"{read.resolve()}: is read, and would be overwritten" in capsys.readouterr().err
    assert read.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("side", [28, 280, 900])
def test_pictures_of_a_single_digit_are_read(
    mnist_test: DigitSet, tmp_path: Path, side: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, image in enumerate(mnist_test.images[:20]):  # light ink, the other way from what --ink says
        large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), large)
    assert main(["run", "digits", "--source", str(tmp_path), "--csv", str(tmp_path / "r.csv")]) == 0
    rows = [line.split(",") for line in (tmp_path / "r.csv").read_text().splitlines()[1:]]
    right = sum(row[3] == str(mnist_test.labels[int(row[0])]) for row in rows)
    assert len(rows) <= 20
    assert right >= 18
    assert "no digit was read" not in capsys.readouterr().err


def test_a_photograph_of_a_page_reads_like_a_frame_of_a_film(drawn: DigitSet) -> None:
    reader = DigitReader("digits")
    camera = SimCamera(drawn.images, drawn.labels, seed=0)
    for index in range(190, 250, 15):
        frame = Frame(camera.image(index), index, 0.0, "sim")
        assert reader.read(replace(frame, still=True)) == reader.read(frame)


def test_where_nothing_is_read_a_hint_says_what_to_try(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((480, 640), 200, np.uint8))
    assert main(["run", "digits", "--source", str(tmp_path / "empty.png")]) == 0
    assert "no digit was read: they have to be whole, at least 12 pixels high" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "absent.mp4"], "absent.mp4: no such file"),
        (["--source", "sim", "--model", "nope"], "no model 'nope'"),
        (["--source", "sim", "--digits", "absent.npz"], "absent.npz: expected an .npz file"),
        (["--source", "sim", "--out", "absent/clip.mp4"], "no such folder"),
        (["--source", "sim", "--backend", "tflite-runtime"], "pip install 'edgenet[device]'"),
    ],
)
def test_failures_are_one_line_and_exit_code_1(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    assert main(["run", "digits", *options]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.strip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in err


def test_debug_shows_the_traceback() -> None:
    from device.errors import DeviceError

    with pytest.raises(DeviceError):
        main(["run", "digits", "--source", "absent.mp4", "--debug"])


@pytest.mark.parametrize(
    "wrong", [["--frames", "0"], ["--seed", "-5"], ["--min-confidence", "2"], ["--ink", "red"], ["--frames", "x"]]
)
def test_wrong_usage_is_exit_code_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", "digits", *wrong])
    assert stop.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_a_card_of_another_task_is_refused(model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("card.json", "model_int8.tflite"):
        shutil.copyfile(model_dir / name, folder / name)
    card = json.loads((folder / "card.json").read_text())
    card["preprocessing"]["name"] = "resize"
    (folder / "card.json").write_text(json.dumps(card))
    assert main(["run", "digits", "--source", "sim", "--model", str(folder)]) == 1
    assert "needs digit-box" in capsys.readouterr().err


def test_ctrl_c_ends_a_run_with_whole_files_and_a_summary(digits_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "device", "run", "digits", "--source", "sim", "--frames", "100000"]
    command += ["--digits", str(digits_file), "--out", str(tmp_path / "clip.mp4"), "--csv", str(tmp_path / "r.csv")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".clip.part*.mp4")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "ended by Ctrl-C" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "digits.npz", "r.csv"]
    capture = cv2.VideoCapture(str(tmp_path / "clip.mp4"))
    assert capture.read()[0]
    frames = int(out.split("frames  ")[1].split()[0])
    assert abs(capture.get(cv2.CAP_PROP_FRAME_COUNT) - frames) <= 1
    capture.release()


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.modules['numpy'] = sys.modules['cv2'] = None; import device.cli; device.cli.main(['--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

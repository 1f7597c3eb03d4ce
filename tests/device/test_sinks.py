"""Sinks and drawing: files are whole or not there, whatever happens in between."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.digit_sets import DigitSet
from device.errors import DeviceError
from device.frame import Frame
from device.overlay import draw_digits
from device.pipeline import run
from device.results import Digit
from device.score import Score
from device.sim import SimCamera
from device.sinks import CsvSink, JsonlSink, ScoreSink, Sink, VideoSink

DIGITS = [Digit("7", 0.98765, (10, 30, 30, 60)), Digit("1", 0.5, (40, 2, 50, 20))]


def frame(index: int) -> Frame:
    return Frame(np.full((96, 128, 3), 60 + index, np.uint8), index, index / 25, "test")


def file_sinks(folder: Path) -> list[Sink]:
    return [
        VideoSink(folder / "a.mp4", 25),
        VideoSink(folder / "b.avi", 10),
        CsvSink(folder / "c.csv"),
        JsonlSink(folder / "d.jsonl"),
    ]


def count_frames(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    capture.release()
    return count


class TwoDigits:
    def read(self, frame: Frame) -> list[Digit]:
        return DIGITS


def test_every_file_holds_every_frame(tmp_path: Path) -> None:
    tally = run([frame(i) for i in range(6)], TwoDigits(), file_sinks(tmp_path))
    assert (tally.frames, tally.digits, tally.interrupted) == (6, 12, False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.avi", "c.csv", "d.jsonl"]
    assert count_frames(tmp_path / "a.mp4") == count_frames(tmp_path / "b.avi") == 6
    rows = list(csv.DictReader((tmp_path / "c.csv").read_text().splitlines()))
    assert len(rows) == 12
    assert rows[3] == {
        "frame": "1", "time_s": "0.040", "source": "test", "label": "1", "confidence": "0.5000",
        "x0": "40", "y0": "2", "x1": "50", "y1": "20",
    }  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "d.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(6))
    assert lines[0]["digits"][0] == {"label": "7", "confidence": 0.9877, "box": [10, 30, 30, 60]}


def test_the_loop_stops_after_so_many_frames() -> None:
    assert run([frame(i) for i in range(6)], TwoDigits(), [], frames=4).frames == 4


def test_ctrl_c_in_the_loop_leaves_whole_files(tmp_path: Path) -> None:
    def frames():  # type: ignore[no-untyped-def]
        yield frame(0)
        yield frame(1)
        raise KeyboardInterrupt

    tally = run(frames(), TwoDigits(), file_sinks(tmp_path))
    assert (tally.frames, tally.interrupted) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.avi", "c.csv", "d.jsonl"]
    assert count_frames(tmp_path / "a.mp4") == 2


def test_an_error_in_the_loop_leaves_no_file_and_keeps_the_one_before(tmp_path: Path) -> None:
    def frames():  # type: ignore[no-untyped-def]
        yield frame(0)
        raise DeviceError("the camera was pulled out")

    (tmp_path / "c.csv").write_text("from yesterday")
    with pytest.raises(DeviceError, match="pulled out"):
        run(frames(), TwoDigits(), file_sinks(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["c.csv"]
    assert (tmp_path / "c.csv").read_text() == "from yesterday"


def test_a_video_of_no_frames_is_not_there(tmp_path: Path) -> None:
    run([], TwoDigits(), file_sinks(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.csv", "d.jsonl"]


def test_files_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"\.mp4 or \.avi, got \.gif"):
        VideoSink(tmp_path / "a.gif", 25)
    with pytest.raises(DeviceError, match="no such folder"):
        CsvSink(tmp_path / "absent" / "a.csv")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(DeviceError, match="is a folder"):
        CsvSink(tmp_path / "d.csv")
    with pytest.raises(DeviceError, match="open it with"):
        JsonlSink(tmp_path / "a.jsonl").write(frame(0), [])


def test_the_score_compares_with_the_simulation(drawn: DigitSet) -> None:
    camera = SimCamera(drawn.images, drawn.labels)
    truth = camera.truth(4)
    sink = ScoreSink(camera)
    right = [Digit(str(label), 1.0, box) for box, label in truth]
    sink.write(Frame(camera.image(4), 4, 0.0, "sim"), right[1:])
    assert sink.score == Score(len(truth) - 1, len(truth) - 1, len(truth), len(truth) - 1)


def test_drawing_leaves_the_frame_alone_and_marks_the_box() -> None:
    image = frame(0).image
    drawn_on = draw_digits(image, DIGITS, "25 fps")
    assert (image == 60).all()
    assert drawn_on.shape == image.shape
    assert tuple(drawn_on[45, 8]) == (60, 180, 0)
    assert (drawn_on[33:57, 13:27] == 60).all()
    assert (drawn_on[:24, 5:60] > 180).any()

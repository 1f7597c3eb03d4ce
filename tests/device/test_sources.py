"""Every kind of source, with what the test makes itself, and every kind of source that is not there."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

from device import sources
from device.digit_sets import DigitSet
from device.errors import DeviceError
from device.frame import Frame
from device.sim import SimCamera
from device.sources import open_source


def picture(number: int) -> np.ndarray:
    """A plain picture whose grey level tells its number."""
    return np.full((48, 64, 3), 40 + 20 * number, np.uint8)


def levels(frames: list[Frame]) -> list[int]:
    return [round((float(frame.image.mean()) - 40) / 20) for frame in frames]


def read(spec: str | Path, **options: object) -> list[Frame]:
    with open_source(spec, **options) as source:  # type: ignore[arg-type]
        return list(source)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(5):
        writer.write(picture(number))
    writer.release()
    return path


def test_a_video_file(video: Path) -> None:
    frames = read(video)
    assert levels(frames) == [0, 1, 2, 3, 4]
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].source == "clip.avi"


def test_a_video_that_is_cut_short_says_so(video: Path) -> None:
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for noise in np.random.default_rng(0).integers(0, 256, (60, 48, 64, 3), np.uint8):
        writer.write(noise)
    writer.release()
    with open_source(video) as source:
        assert len(list(source)) == 60
        assert source.note == ""
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    with open_source(video) as source:
        read = len(list(source))
        assert 20 <= read <= 40
        assert source.note == f"clip.avi: ended after {read} of the 60 frames that it states: cut short."


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_half_written_picture_is_refused(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    whole = cv2.imencode(suffix, noise)[1].tobytes()
    path = tmp_path / f"half{suffix}"
    for keep in (len(whole) // 10, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:keep])
        with pytest.raises(DeviceError, match=r"half.*only a part of one"):
            read(path)
    assert capfd.readouterr().err == ""
    path.write_bytes(whole)
    assert len(read(path)) == 1


def test_a_folder_of_pictures_in_order_and_a_single_one(tmp_path: Path) -> None:
    for number in (2, 0, 1):
        cv2.imwrite(str(tmp_path / f"p{number}.png"), picture(number))
    cv2.imwrite(str(tmp_path / "p3.PNG"), picture(3)[..., 0])
    (tmp_path / "notes.txt").write_text("not a picture")
    assert levels(read(tmp_path)) == [0, 1, 2, 3]
    single = read(str(tmp_path / "p2.png"))
    assert levels(single) == [2]
    assert single[0].source == "p2.png"


def test_the_simulation(drawn: DigitSet) -> None:
    frames = read("sim", digits=drawn, seed=1, frames=2)
    assert [frame.image.shape for frame in frames] == [(480, 640, 3)] * 2
    with pytest.raises(DeviceError, match="needs digits"):
        open_source("sim")


def test_auto_takes_the_first_camera_that_answers_else_the_simulation(
    drawn: DigitSet, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_open_camera", lambda number: None)
    assert isinstance(open_source("auto", digits=drawn), SimCamera)
    camera = sources.VideoSource(cv2.VideoCapture(str(video)), "camera 2")
    monkeypatch.setattr(sources, "_open_camera", lambda number: camera if number == 2 else None)
    with open_source("auto", digits=drawn) as source:
        assert source.name == "camera 2"
        assert levels(list(source)) == [0, 1, 2, 3, 4]


class Stream(BaseHTTPRequestHandler):
    """Serves five pictures as multipart MJPEG, as network cameras do."""

    def do_GET(self) -> None:
        if self.path != "/stream":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(5):
            jpeg = cv2.imencode(".jpg", picture(number))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
        self.wfile.write(b"--frame--\r\n")

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Stream) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_an_mjpeg_stream_over_http() -> None:
    with serving() as address:
        frames = read(f"{address}/stream")
        assert levels(frames)[:4] == [0, 1, 2, 3]
        assert frames[0].source == f"{address}/stream"
        with pytest.raises(DeviceError, match="no video stream answered"):
            read(f"{address}/absent")


def test_a_stream_that_never_answers_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "URL_TIMEOUT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(DeviceError, match="within 1 s"):
        read(f"http://127.0.0.1:{server.getsockname()[1]}/")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("97", "no camera 97 here"),
        ("absent.mp4", "no such file"),
        ("http://127.0.0.1:9/", "no video stream answered"),
        ("rtsp://127.0.0.1:9/", "no video stream answered"),
        ("picamera", "apt install python3-picamera2"),
    ],
)
def test_what_is_not_there_is_one_line(spec: str, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeviceError, match=message) as error:
        read(spec)
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err == ""


def test_what_is_not_a_video_or_a_picture_or_empty(tmp_path: Path) -> None:
    for name, message in (("a.mp4", "not a video"), ("a.txt", "not a video"), ("a.png", "not a picture")):
        (tmp_path / name).write_text("just text, no pixels at all")
        with pytest.raises(DeviceError, match=message):
            read(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DeviceError, match="no pictures in this folder"):
        read(tmp_path / "empty")


def test_a_video_without_frames_says_so() -> None:
    capture = SimpleNamespace(get=lambda key: 0.0, read=lambda: (False, None), release=lambda: None)
    with sources.VideoSource(capture, "camera 0") as source, pytest.raises(DeviceError, match="no frame"):
        list(source)


def test_without_opencv_the_pip_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DeviceError, match=r"Run: pip install 'edgenet\[device\]'"):
        open_source("0")


def test_a_raspberry_pi_camera_module(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    class Picamera2:
        """Has the parts of picamera2's interface that are used."""

        def create_video_configuration(self, main: dict[str, object]) -> dict[str, object]:
            return main

        def configure(self, config: dict[str, object]) -> None:
            assert config == {"size": (640, 480), "format": "RGB888"}

        def start(self) -> None:
            calls.append("start")

        def capture_array(self, stream: str) -> np.ndarray:
            assert stream == "main"
            return picture(1)

        def stop(self) -> None:
            calls.append("stop")

        def close(self) -> None:
            calls.append("close")

    module = ModuleType("picamera2")
    module.Picamera2 = Picamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    with open_source("picamera") as source:
        frames = iter(source)
        assert levels([next(frames), next(frames)]) == [1, 1]
    assert calls == ["start", "stop", "close"]

    def no_camera() -> None:
        raise IndexError("list index out of range")

    module.Picamera2 = no_camera  # type: ignore[attr-defined]
    with pytest.raises(DeviceError, match="no Raspberry Pi camera module"):
        open_source("picamera")

"""open_source(spec) -> a context manager that you iterate for frames: camera, video, pictures, stream, simulation."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from device.digit_sets import DigitSet
from device.errors import DeviceError
from device.frame import Frame
from device.libraries import quiet_stderr, require_cv2
from device.picamera import PiCamera
from device.picture_file import read_picture
from device.sim import SimCamera

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
URL_SCHEMES = ("http://", "https://", "rtsp://")
URL_TIMEOUT_S = 5
FRAME_COUNT_ERROR = 0.02  # some containers state no count, and OpenCV makes one of the length and the frame rate
CAMERAS_TRIED = 4  # by "auto": cameras 0 to 3


class Source(Protocol):
    """Where frames come from: `with` it, then iterate it.

    Attributes:
        name: what frames call their source.
        frames_per_second: as the source states it.
        note: after the last frame, what a user should know of how it went; else empty.
        files: the files that are read.
    """

    name: str
    frames_per_second: float
    note: str
    files: tuple[Path, ...]

    def __enter__(self) -> Source: ...
    def __exit__(self, *exception: object) -> None: ...
    def __iter__(self) -> Iterator[Frame]: ...


class VideoSource:
    """A camera, a video file or a stream, read by OpenCV; the capture is open already.

    Args:
        capture: an open cv2.VideoCapture.
        name: what frames call their source.
        file: the video file; None for a camera or a stream, whose frames are timed by the clock instead of by the
            file's frame rate.
    """

    def __init__(self, capture: Any, name: str, file: Path | None = None) -> None:
        import cv2

        rate = float(capture.get(cv2.CAP_PROP_FPS))
        self.frames_per_second = rate if 1 <= rate <= 240 else 25.0
        self.name, self.note, self._capture = name, "", capture
        self.files: tuple[Path, ...] = () if file is None else (file,)
        self._frames = 0 if file is None else int(capture.get(cv2.CAP_PROP_FRAME_COUNT))

    def __enter__(self) -> VideoSource:
        return self

    def __exit__(self, *exception: object) -> None:
        self._capture.release()

    def __iter__(self) -> Iterator[Frame]:
        index, start = 0, time.monotonic()
        while True:
            with quiet_stderr():
                good, image = self._capture.read()
            if not good:
                break
            time_s = index / self.frames_per_second if self.files else time.monotonic() - start
            yield Frame(image, index, time_s, self.name)
            index += 1
        if index == 0:
            raise DeviceError(f"{self.name}: opened, but no frame could be read.")
        if self._frames - index > max(1, self._frames * FRAME_COUNT_ERROR):
            self.note = f"{self.name}: ended after {index} of the {self._frames} frames that it states: cut short."


class ImageSource:
    """Pictures, one frame each, in the order given."""

    frames_per_second = 25.0
    note = ""

    def __init__(self, files: Sequence[Path], name: str) -> None:
        self.files, self.name = tuple(files), name

    def __enter__(self) -> ImageSource:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        for index, path in enumerate(self.files):
            yield Frame(_read_image(path), index, index / self.frames_per_second, path.name, still=True)


def open_source(
    spec: str | Path, digits: DigitSet | None = None, seed: int = 0, frames: int | None = None
) -> Source | SimCamera:
    """A source of frames.

    Args:
        spec: a camera's number ("0"), "picamera", a video file, a picture, a folder of pictures, an address
            (http, https or rtsp), "sim", or "auto": the first camera that answers, else the simulation.
        digits: what the simulation shows; needed for "sim" and "auto".
        seed: decides everything in the simulation.
        frames: how long the simulation is, None for no end; other sources are as long as they are.

    Raises:
        DeviceError: nothing there, or nothing that gives pictures.
    """
    require_cv2()
    text = str(spec)
    if text == "auto":
        return _first_camera() or _simulation(digits, seed, frames)
    if text == "sim":
        return _simulation(digits, seed, frames)
    if text == "picamera":
        return PiCamera()
    if text.isdigit():
        return _camera(int(text))
    return _open_stream(text) if text.startswith(URL_SCHEMES) else _open_path(Path(text))


def _simulation(digits: DigitSet | None, seed: int, frames: int | None) -> SimCamera:
    """The simulated camera over a set of digits."""
    if digits is None:
        raise DeviceError("source sim needs digits to show. Give it a set: open_source('sim', load_digits()).")
    return SimCamera(digits.images, digits.labels, seed, frames=frames)


def _first_camera() -> VideoSource | None:
    """The first camera that opens."""
    for number in range(CAMERAS_TRIED):
        if (camera := _open_camera(number)) is not None:
            return camera
    return None


def _camera(number: int) -> VideoSource:
    """A camera by its number."""
    if (camera := _open_camera(number)) is None:
        raise DeviceError(f"no camera {number} here. Look for one with: ls /dev/video*, or try --source sim.")
    return camera


def _open_camera(number: int) -> VideoSource | None:
    """A camera by its number, None if there is none."""
    import cv2

    with quiet_stderr():
        capture = cv2.VideoCapture(number)
    return VideoSource(capture, f"camera {number}") if capture.isOpened() else None


def _open_stream(url: str) -> VideoSource:
    """A stream by its address; waits a few seconds at most."""
    import cv2

    wait = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, URL_TIMEOUT_S * 1000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, URL_TIMEOUT_S * 1000]
    with quiet_stderr():
        capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, wait)
    if not capture.isOpened():
        raise DeviceError(f"{url}: no video stream answered within {URL_TIMEOUT_S} s.")
    return VideoSource(capture, url)


def _open_path(path: Path) -> Source:
    """A video file, a picture, or a folder of pictures."""
    if path.is_dir():
        images = sorted(item for item in path.iterdir() if item.suffix.lower() in IMAGE_SUFFIXES)
        if not images:
            raise DeviceError(f"{path}: no pictures in this folder ({', '.join(IMAGE_SUFFIXES)}).")
        return ImageSource(images, path.name)
    if not path.exists():
        raise DeviceError(
            f"{path}: no such file. A source is a camera's number, a file, a folder, an address, sim or auto."
        )
    return ImageSource([path], path.name) if path.suffix.lower() in IMAGE_SUFFIXES else _open_video(path)


def _open_video(path: Path) -> VideoSource:
    """A video file."""
    import cv2

    with quiet_stderr():
        capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise DeviceError(f"{path}: not a video or picture that OpenCV can read.")
    return VideoSource(capture, path.name, path)


def _read_image(path: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A picture file as uint8 (H, W, 3)."""
    try:
        image = read_picture(path)
    except OSError as error:
        raise DeviceError(f"{path}: can't be read ({error.strerror}).") from error
    if image is None:
        raise DeviceError(f"{path}: not a picture that OpenCV can read, or only a part of one.")
    return image

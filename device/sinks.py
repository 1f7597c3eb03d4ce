"""Where readings go: an annotated video, a table, lines of JSON, a score. Each is a context manager with write().

A file is written beside its place and renamed when it is complete, so it is whole or not there.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from device.errors import DeviceError
from device.frame import Frame
from device.libraries import quiet_stderr
from device.overlay import draw_digits
from device.results import Digit
from device.score import Score, score_frame
from device.sim import SimCamera

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
CSV_HEADER = ("frame", "time_s", "source", "label", "confidence", "x0", "y0", "x1", "y1")


class Sink(Protocol):
    """Takes frames and what was read in them."""

    def __enter__(self) -> Sink: ...
    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None: ...

    def write(self, frame: Frame, digits: Sequence[Digit]) -> None:
        """Takes one frame's readings."""


class VideoSink:
    """An annotated video, .mp4 or .avi by its suffix.

    Args:
        path: where it goes.
        frames_per_second: its frame rate.

    Raises:
        DeviceError: another suffix, no such folder, or (at the first frame) a video that can't be written.
    """

    def __init__(self, path: str | Path, frames_per_second: float) -> None:
        self.path, self._rate = Path(path), frames_per_second
        if self.path.suffix.lower() not in CODECS:
            raise DeviceError(f"{path}: a video is written as {' or '.join(CODECS)}, got {self.path.suffix or 'none'}.")
        self._part = _part_path(self.path)
        self._writer: Any = None
        self._size_wh = (0, 0)
        self._last = time.perf_counter()

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._writer is not None:
            with quiet_stderr():
                self._writer.release()
            _finish(self._part, self.path, complete=kind is None)

    def write(self, frame: Frame, digits: Sequence[Digit]) -> None:
        """Adds one frame, annotated."""
        now = time.perf_counter()
        rate, self._last = 1 / max(now - self._last, 1e-6), now
        if self._writer is None:
            self._writer = self._open(frame)
        picture = draw_digits(frame.image, digits, f"{rate:.0f} fps  {len(digits)} digits")
        self._writer.write(self._fitted(picture))

    def _fitted(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture in the video's size, which the first frame decided: pictures of a folder may differ."""
        import cv2

        if (picture.shape[1], picture.shape[0]) == self._size_wh:
            return picture
        return np.asarray(cv2.resize(picture, self._size_wh, interpolation=cv2.INTER_AREA), np.uint8)

    def _open(self, frame: Frame) -> Any:
        """The video writer; frames decide its size."""
        import cv2

        height, width = frame.image.shape[:2]
        self._size_wh = (width, height)
        codec = cv2.VideoWriter.fourcc(*CODECS[self.path.suffix.lower()])
        with quiet_stderr():
            writer = cv2.VideoWriter(str(self._part), codec, self._rate, (width, height))
        if not writer.isOpened():
            raise DeviceError(f"{self.path}: OpenCV can't write this video here.")
        return writer


class TextSink:
    """A text file that write() adds to, renamed into its place when it is complete."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._part = _part_path(self.path)
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._file = self._part.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise DeviceError(f"{self.path}: can't be written ({error.strerror}).") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._file is not None:
            self._file.close()
            _finish(self._part, self.path, complete=kind is None)

    @property
    def file(self) -> IO[str]:
        """The open file.

        Raises:
            DeviceError: it is used outside `with`.
        """
        if self._file is None:
            raise DeviceError(f"{self.path}: open it with `with` before writing.")
        return self._file


class CsvSink(TextSink):
    """A table with one line for each digit that was read."""

    def __enter__(self) -> Self:
        super().__enter__()
        csv.writer(self.file).writerow(CSV_HEADER)
        return self

    def write(self, frame: Frame, digits: Sequence[Digit]) -> None:
        """Adds one line per digit."""
        rows = [
            (frame.index, f"{frame.time_s:.3f}", frame.source, d.label, f"{d.confidence:.4f}", *d.box_xyxy)
            for d in digits
        ]
        csv.writer(self.file).writerows(rows)


class JsonlSink(TextSink):
    """One JSON object a line for each frame."""

    def write(self, frame: Frame, digits: Sequence[Digit]) -> None:
        """Adds one line."""
        readings = [{"label": d.label, "confidence": round(d.confidence, 4), "box": list(d.box_xyxy)} for d in digits]
        line = {"frame": frame.index, "time_s": round(frame.time_s, 3), "source": frame.source, "digits": readings}
        self.file.write(json.dumps(line) + "\n")


class ScoreSink:
    """Scores readings against the truth of the simulated camera.

    Attributes:
        score: the counts so far.
    """

    def __init__(self, camera: SimCamera) -> None:
        self._camera = camera
        self.score = Score()

    def __enter__(self) -> ScoreSink:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        pass

    def write(self, frame: Frame, digits: Sequence[Digit]) -> None:
        """Adds one frame's counts."""
        self.score += score_frame(digits, self._camera.truth(frame.index))


def _part_path(path: Path) -> Path:
    """Where a file is written before it is renamed: beside its place, hidden, same suffix."""
    if not path.absolute().parent.is_dir():
        raise DeviceError(f"{path}: no such folder as {path.parent}. Make it first.")
    if path.is_dir():
        raise DeviceError(f"{path}: is a folder, expected the name of a file.")
    return path.with_name(f".{path.stem}.part{os.getpid()}{path.suffix}")


def _finish(part: Path, path: Path, complete: bool) -> None:
    """Renames a complete file into its place, removes an incomplete one."""
    if complete and part.exists():
        part.replace(path)
    else:
        part.unlink(missing_ok=True)

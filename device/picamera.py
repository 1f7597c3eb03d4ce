"""PiCamera: a Raspberry Pi camera module through picamera2."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np

from device.errors import DeviceError
from device.frame import Frame


class PiCamera:
    """The first camera module of a Raspberry Pi.

    Args:
        size_wh: width and height of the frames in pixels.

    Raises:
        DeviceError: picamera2 is not installed, or no camera module answers.
    """

    name = "picamera"
    frames_per_second = 30.0
    note = ""
    files: tuple[Path, ...] = ()

    def __init__(self, size_wh: tuple[int, int] = (640, 480)) -> None:
        try:
            picamera2 = import_module("picamera2")
        except ImportError as error:
            raise DeviceError(
                "picamera2 is not installed. Run: sudo apt install python3-picamera2, and make the virtual "
                "environment with --system-site-packages."
            ) from error
        try:
            self._camera = picamera2.Picamera2()
            # picamera2's "RGB888" lies in memory as blue, green, red
            self._camera.configure(self._camera.create_video_configuration(main={"size": size_wh, "format": "RGB888"}))
            self._camera.start()
        except (RuntimeError, IndexError) as error:
            raise DeviceError(f"no Raspberry Pi camera module answers ({error}).") from error

    def __enter__(self) -> PiCamera:
        return self

    def __exit__(self, *exception: object) -> None:
        self._camera.stop()
        self._camera.close()

    def __iter__(self) -> Iterator[Frame]:
        index, start = 0, time.monotonic()
        while True:
            image = np.ascontiguousarray(self._camera.capture_array("main")[..., :3], np.uint8)
            yield Frame(image, index, time.monotonic() - start, self.name)
            index += 1

"""SimCamera: a simulated camera over sheets of handwritten digits, the same for the same seed on every machine.

Sheets change every 20 frames and move slowly before the lens: perspective, rotation, zoom, uneven light, blur, noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device.errors import DeviceError
from device.frame import Frame
from device.sheet import COLUMNS, ROWS, SIZE_WH, Sheet, draw_sheet

FRAMES_PER_SHEET = 20
FRAMES_PER_SECOND = 25.0
FOCAL = 1.1  # focal length in frame widths, about 49 degrees across
NOISE = 4.0  # standard deviation of the sensor noise in grey levels
NOISE_SHIFT = 96  # pixels by which frames see the same field of noise shifted
ZOOM = (0.5, 0.95)  # frame pixels per sheet pixel: digits are about 30 to 57 pixels high

Box = tuple[float, float, float, float]


class SimCamera:
    """A simulated camera; iterate it for its frames.

    Args:
        digits: uint8 (N, 28, 28), bright ink on 0.
        labels: int (N,), 0 to 9.
        seed: decides everything that is drawn.
        size_wh: width and height of the frames in pixels.
        frames: how many frames there are, None for no end.

    Raises:
        DeviceError: digits and labels that do not go together.
    """

    name = "sim"
    frames_per_second = FRAMES_PER_SECOND
    note = ""
    files: tuple[Path, ...] = ()

    def __init__(
        self,
        digits: NDArray[np.uint8],
        labels: NDArray[np.integer],
        seed: int = 0,
        size_wh: tuple[int, int] = (640, 480),
        frames: int | None = None,
    ) -> None:
        if digits.dtype != np.uint8 or digits.shape[1:] != (28, 28) or len(digits) != len(labels) or not len(digits):
            raise DeviceError(
                f"sim: expected digits uint8 (N, 28, 28) and N labels, "
                f"got {digits.dtype} {digits.shape} and {len(labels)}."
            )
        self.size_wh, self.frames, self._seed = size_wh, frames, seed
        self._digits, self._labels = digits, np.asarray(labels, np.int64)
        self._order = np.random.default_rng([seed, 0]).permutation(len(digits))
        self._motion = np.random.default_rng([seed, 1]).uniform(0, 1, (12, 2))
        field = (size_wh[1] + NOISE_SHIFT, size_wh[0] + NOISE_SHIFT, 3)
        noise = np.random.default_rng([seed, 2]).standard_normal(field, np.float32) * NOISE
        self._noise = np.asarray(np.rint(noise), np.int16)
        self._sheet = lru_cache(maxsize=2)(self._draw)

    def __enter__(self) -> SimCamera:
        return self

    def __exit__(self, *exception: object) -> None:
        self._sheet.cache_clear()

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while self.frames is None or index < self.frames:
            yield Frame(self.image(index), index, index / FRAMES_PER_SECOND, self.name)
            index += 1

    def image(self, index: int) -> NDArray[np.uint8]:
        """Frame number `index`: uint8 (H, W, 3), blue, green, red."""
        import cv2

        sheet, to_frame = self._sheet(index // FRAMES_PER_SHEET), self._homography(index)
        image = cv2.warpPerspective(
            sheet.image, to_frame, self.size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        image = cv2.GaussianBlur(image, (0, 0), 0.6 + 0.6 * self._swing(6, index, 90))
        image = cv2.multiply(image, self._light(index), scale=1 / 255)
        return np.asarray(cv2.add(image, self._noise_at(index), dtype=cv2.CV_8U), np.uint8)

    def truth(self, index: int) -> list[tuple[Box, int]]:
        """Boxes (x0, y0, x1, y1) in pixels and labels of the digits wholly in frame `index`; for scoring only."""
        sheet, to_frame = self._sheet(index // FRAMES_PER_SHEET), self._homography(index)
        width, height = self.size_wh
        found: list[tuple[Box, int]] = []
        for outline, label in zip(sheet.outlines, sheet.labels, strict=True):
            points = np.column_stack([outline, np.ones(len(outline))]) @ to_frame.T
            points = points[:, :2] / points[:, 2:]
            (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
            if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
                found.append(((float(x0), float(y0), float(x1), float(y1)), int(label)))
        return found

    def _draw(self, number: int) -> Sheet:
        """Sheet `number`, with digits that earlier sheets did not have while the data set lasts."""
        count = COLUMNS * ROWS
        chosen = self._order[np.arange(number * count, (number + 1) * count) % len(self._order)]
        rng = np.random.default_rng([self._seed, 3, number])
        return draw_sheet(self._digits[chosen], self._labels[chosen], rng)

    def _swing(self, channel: int, index: int, period: float) -> float:
        """A slow motion, 0 to 1, of about `period` frames; each channel has its own phase and speed."""
        phase, speed = self._motion[channel]
        return float(0.5 + 0.5 * np.sin(2 * np.pi * (phase + index * (0.7 + 0.6 * speed) / period)))

    def _homography(self, index: int) -> NDArray[np.float64]:
        """The (3, 3) map from sheet to frame pixels: a plane turned, tilted and moved before a pinhole."""
        width, height = self.size_wh
        roll, tilt_x, tilt_y = np.deg2rad([14, 30, 30]) * ([self._swing(c, index, 200) - 0.5 for c in (0, 1, 2)])
        zoom = ZOOM[0] + (ZOOM[1] - ZOOM[0]) * self._swing(3, index, 170)
        focal = FOCAL * width
        shift = np.array([self._swing(4, index, 260) - 0.5, self._swing(5, index, 230) - 0.5]) * self.size_wh / 3
        turn = _turn(roll, 2) @ _turn(tilt_x, 0) @ _turn(tilt_y, 1)
        distance = focal / zoom
        place = np.append(shift / zoom, distance)
        camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
        centred = np.array([[1, 0, -SIZE_WH[0] / 2], [0, 1, -SIZE_WH[1] / 2], [0, 0, 1]])
        return np.asarray(camera @ np.column_stack([turn[:, 0], turn[:, 1], place]) @ centred, np.float64)

    def _light(self, index: int) -> NDArray[np.uint8]:
        """Uneven light of a slowly moving lamp, with dark corners: uint8 (H, W, 3), 255 is full light."""
        import cv2

        width, height = self.size_wh
        x = np.linspace(-1, 1, width // 8, dtype=np.float32)[None, :] - np.float32(
            1.6 * self._swing(7, index, 300) - 0.8
        )
        y = np.linspace(-1, 1, height // 8, dtype=np.float32)[:, None] - np.float32(
            1.6 * self._swing(8, index, 240) - 0.8
        )
        light = (0.75 + 0.25 * self._swing(9, index, 120)) / (1 + 0.35 * (x * x + y * y))
        field = cv2.resize(np.asarray(np.rint(255 * light), np.uint8), self.size_wh, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.merge([field, field, field]), np.uint8)

    def _noise_at(self, index: int) -> NDArray[np.int16]:
        """Sensor noise int16 (H, W, 3): another window of one large field for each frame."""
        width, height = self.size_wh
        x, y = np.random.default_rng([self._seed, 4, index]).integers(0, NOISE_SHIFT, 2)
        return self._noise[y : y + height, x : x + width]


def _turn(angle: float, axis: int) -> NDArray[np.float64]:
    """The (3, 3) rotation by an angle in radians about axis 0, 1 or 2."""
    matrix = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix[a, a] = matrix[b, b] = np.cos(angle)
    matrix[b, a], matrix[a, b] = np.sin(angle), -np.sin(angle)
    return matrix

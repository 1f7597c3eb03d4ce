"""Sheet: a sheet of paper with rows of handwritten digits, lying on a desk; what the simulated camera looks at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

COLUMNS, ROWS = 8, 6
ENLARGE = 3  # sheet pixels per pixel of a digit's picture
PITCH = 96  # sheet pixels from digit to digit: 20 of 32 picture pixels are ink at most
MARGIN = 48  # paper around the rows, sheet pixels
DESK = 240  # desk around the paper, sheet pixels
SPECKS = 12  # small spots of dirt
SIZE_WH = (COLUMNS * PITCH + 2 * (MARGIN + DESK), ROWS * PITCH + 2 * (MARGIN + DESK))
INK_EDGE = 96  # picture pixels above this count as ink when a digit's outline is taken


@dataclass(frozen=True)
class Sheet:
    """A drawn sheet.

    Attributes:
        image: uint8 (H, W, 3), blue, green, red.
        outlines: for each digit the convex hull of its ink, float32 (n, 2), x and y in sheet pixels.
        labels: int (48,), which digit each is.
    """

    image: U8
    outlines: tuple[F32, ...]
    labels: NDArray[np.int64]


def draw_sheet(digits: U8, labels: NDArray[np.int64], rng: np.random.Generator) -> Sheet:
    """A sheet with up to 48 digits in rows, dark ink on light paper, each digit a little off its place.

    Args:
        digits: uint8 (N, 28, 28), bright ink on 0.
        labels: int (N,).
        rng: decides places, pen, paper and dirt.
    """
    image = _paper_on_desk(rng)
    pen = rng.uniform(25, 90) + rng.uniform(0, 40) * np.array([1.0, 0.2, 0.0])  # black to blue
    outlines = []
    for place, digit in enumerate(digits):
        row, column = divmod(place, COLUMNS)
        jitter = rng.integers(-6, 7, 2)
        left, top = np.array([column, row]) * PITCH + DESK + MARGIN + (PITCH - 28 * ENLARGE) // 2 + jitter
        _ink(image, _enlarged(digit), pen, int(left), int(top))
        outlines.append(_outline(digit) * ENLARGE + np.array([left, top], np.float32))
    for _ in range(SPECKS):
        left, top = (int(rng.integers(DESK, side - DESK - 8)) for side in SIZE_WH)
        _ink(image, _speck(rng), pen, left, top)
    return Sheet(image, tuple(outlines), labels)


def _ink(image: U8, coverage: F32, pen: NDArray[np.float64], left: int, top: int) -> None:
    """Inks a part of uint8 (H, W, 3) where coverage (h, w), 0 to 1, says, with a pen's blue, green and red."""
    height, width = coverage.shape
    part = image[top : top + height, left : left + width]
    part[:] = np.rint(part + coverage[..., None] * (pen.astype(np.float32) - part))


def _enlarged(digit: U8) -> F32:
    """A uint8 (28, 28) digit as coverage float32 (84, 84), 0 to 1."""
    import cv2

    side = digit.shape[0] * ENLARGE
    large = cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large / np.float32(255), np.float32)


def _speck(rng: np.random.Generator) -> F32:
    """A small round spot of dirt as coverage float32 (8, 8), 0 to 1."""
    import cv2

    coverage = np.zeros((8, 8), np.float32)
    cv2.circle(coverage, (4, 4), int(rng.integers(1, 4)), float(rng.uniform(0.2, 0.6)), -1)
    return coverage


def _outline(digit: U8) -> F32:
    """The convex hull of a digit's ink: float32 (n, 2), x and y in pixels of its picture."""
    import cv2

    rows, columns = np.nonzero(digit > INK_EDGE)
    corners = [np.stack([columns + dx, rows + dy], axis=1) for dx in (0, 1) for dy in (0, 1)]
    points = np.concatenate(corners).astype(np.float32)
    return np.asarray(cv2.convexHull(points).reshape(-1, 2), np.float32)


def _paper_on_desk(rng: np.random.Generator) -> U8:
    """The empty sheet on its desk: uint8 (H, W, 3)."""
    import cv2

    width, height = SIZE_WH
    grain = rng.uniform(60, 130) + 14 * rng.standard_normal((height // 32, width // 8), np.float32)
    desk = cv2.resize(np.clip(grain, 0, 230).astype(np.uint8), SIZE_WH, interpolation=cv2.INTER_CUBIC)
    image = cv2.merge([cv2.convertScaleAbs(desk, alpha=share) for share in (0.7, 0.9, 1.1)])
    size_wh = (width - 2 * DESK, height - 2 * DESK)
    fibre = rng.uniform(215, 245) + 2 * rng.standard_normal((size_wh[1] // 3, size_wh[0] // 3), np.float32)
    paper = cv2.resize(np.clip(fibre, 0, 255).astype(np.uint8), size_wh, interpolation=cv2.INTER_LINEAR)
    tint = (rng.uniform(0.92, 1.0), 0.99, 1.0)
    image[DESK:-DESK, DESK:-DESK] = cv2.merge([cv2.convertScaleAbs(paper, alpha=share) for share in tint])
    return np.asarray(image, np.uint8)

"""draw_digits(image, digits) -> a copy with boxes, labels and a caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from device.results import Digit

Ints = NDArray[np.int64]

GREEN, WHITE, BLACK = (60, 180, 0), (255, 255, 255), (0, 0, 0)  # blue, green, red
LABEL_GREEN = (120, 255, 120)
LABEL_SCALE, CAPTION_SCALE = 0.45, 0.5
RIM = 2  # pixels between a digit and the box about it, and about a label
CAPTION_PLACE = (8, 18)


def draw_digits(image: NDArray[np.uint8], digits: Sequence[Digit], caption: str = "") -> NDArray[np.uint8]:
    """A copy of a picture with what was read in it.

    Args:
        image: uint8 (H, W, 3), blue, green, red; stays as it is.
        digits: what was read.
        caption: a line at the top left, such as the frames per second.
    """
    import cv2

    copy = image.copy()
    boxes = np.array([[round(side) for side in digit.box_xyxy] for digit in digits], np.int64).reshape(-1, 4)
    boxes += [-RIM, -RIM, RIM - 1, RIM - 1]
    for x0, y0, x1, y1 in boxes.tolist():
        cv2.rectangle(copy, (x0, y0), (x1, y1), GREEN, 1)
    sizes = np.array([_size(digit.label, LABEL_SCALE) for digit in digits], np.int64).reshape(-1, 2)
    labels = place_labels(boxes, sizes, image.shape, _caption_box(caption))
    for digit, (left, _, _, bottom) in zip(digits, labels.tolist(), strict=True):
        _write(copy, digit.label, (left + RIM, bottom - RIM), LABEL_GREEN, LABEL_SCALE)
    if caption:
        _write(copy, caption, CAPTION_PLACE, WHITE, CAPTION_SCALE)
    return copy


def place_labels(boxes: Ints, sizes: Ints, shape_hw: tuple[int, ...], taken: Ints) -> Ints:
    """Where labels go: beside their box, where they cover least of other boxes, of labels and of what is outside.

    Above the box is best, then to its right, its left, and below.

    Args:
        boxes: int (N, 4), x0, y0, x1, y1 in pixels.
        sizes: int (N, 2), width and height of each label.
        shape_hw: of the picture.
        taken: int (M, 4), boxes of what else is written.

    Returns:
        int (N, 4), x0, y0, x1, y1 of each label.
    """
    placed: Ints = np.zeros((0, 4), np.int64)
    for (x0, y0, x1, y1), (width, height) in zip(boxes.tolist(), sizes.tolist(), strict=True):
        corners = np.array([(x0, y0 - height), (x1 + 1, y0), (x0 - width, y0), (x0, y1 + 1)], np.int64)
        options = np.hstack([corners, corners + np.array([width, height])])
        frame = np.array([[0, 0, shape_hw[1], shape_hw[0]]], np.int64)
        outside = width * height - _common(options, frame)[:, 0]
        covered = _common(options, np.vstack([boxes, taken, placed])).sum(axis=1) + 10 * outside
        placed = np.vstack([placed, options[[int(covered.argmin())]]])
    return placed


def _common(a: Ints, b: Ints) -> Ints:
    """How many pixels boxes a (N, 4) and b (M, 4) have in common: int (N, M)."""
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    return np.asarray(np.clip(sides, 0, None).prod(axis=2), np.int64)


def _caption_box(caption: str) -> Ints:
    """Where a caption is, int (1, 4), or (0, 4) without one."""
    (width, height), (x, y) = _size(caption, CAPTION_SCALE), CAPTION_PLACE
    box = [[x - RIM, y + RIM - height, x - RIM + width, y + RIM]]
    return np.array(box if caption else [], np.int64).reshape(-1, 4)


def _size(text: str, scale: float) -> tuple[int, int]:
    """Width and height of a text in pixels, with a rim."""
    import cv2

    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    return width + 2 * RIM, height + 2 * RIM


def _write(
    image: NDArray[np.uint8], text: str, place: tuple[int, int], color: tuple[int, int, int], scale: float
) -> None:
    """Writes on a picture, with a dark rim so that it is read on any background."""
    import cv2

    for ink, thickness in ((BLACK, 3), (color, 1)):
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thickness, cv2.LINE_AA)

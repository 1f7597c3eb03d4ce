"""draw_digits(image, digits) -> a copy with boxes, labels and a caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from device.results import Digit

GREEN, WHITE, BLACK = (60, 180, 0), (255, 255, 255), (0, 0, 0)  # blue, green, red


def draw_digits(image: NDArray[np.uint8], digits: Sequence[Digit], caption: str = "") -> NDArray[np.uint8]:
    """A copy of a picture with what was read in it.

    Args:
        image: uint8 (H, W, 3), blue, green, red; stays as it is.
        digits: what was read.
        caption: a line at the top left, such as the frames per second.
    """
    import cv2

    copy = image.copy()
    for digit in digits:
        x0, y0, x1, y1 = (round(side) for side in digit.box_xyxy)
        cv2.rectangle(copy, (x0 - 2, y0 - 2), (x1 + 1, y1 + 1), GREEN, 1)
        _write(copy, digit.label, (x0 - 2, y0 - 5 if y0 > 20 else y1 + 15), GREEN)
    if caption:
        _write(copy, caption, (8, 18), WHITE)
    return copy


def _write(image: NDArray[np.uint8], text: str, place: tuple[int, int], color: tuple[int, int, int]) -> None:
    """Writes on a picture, with a dark rim so that it is read on any background."""
    import cv2

    for ink, thickness in ((BLACK, 3), (color if color == WHITE else (120, 255, 120), 1)):
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, thickness, cv2.LINE_AA)

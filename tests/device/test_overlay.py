"""Labels on a picture: each beside its box, none on another's or outside."""

from __future__ import annotations

import numpy as np
import pytest

from device.overlay import place_labels

LABEL = [12, 14]
NOTHING = np.zeros((0, 4), np.int64)


def grid(pitch_x: int, pitch_y: int, top: int = 0) -> np.ndarray:
    """Boxes of 28x40 in rows, the first row `top` pixels below the upper edge."""
    return np.array(
        [[x, y, x + 28, y + 40] for y in range(top, 400, pitch_y) for x in range(4, 560, pitch_x)], np.int64
    )


def common(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    return np.clip(sides, 0, None).prod(axis=2)


@pytest.mark.parametrize(("pitch_x", "pitch_y", "top"), [(60, 70, 0), (60, 70, 30), (29, 58, 20), (45, 41, 0)])
def test_labels_are_beside_their_box_and_cover_nothing(pitch_x: int, pitch_y: int, top: int) -> None:
    boxes = grid(pitch_x, pitch_y, top)
    labels = place_labels(boxes, np.array([LABEL] * len(boxes)), (480, 640), NOTHING)
    assert (labels[:, 2:] - labels[:, :2] == LABEL).all()
    assert labels.min() >= 0
    assert (labels[:, 2:] <= [640, 480]).all()
    assert not common(labels, boxes).any()
    assert (common(labels, labels) > 0).sum() == len(labels)  # each with itself alone
    assert (np.diag(common(labels + np.array([-2, -2, 2, 2]), boxes)) > 0).all()


def test_a_label_leaves_the_caption_free() -> None:
    box, caption = np.array([[20, 24, 48, 64]]), np.array([[6, 4, 150, 20]])
    free = place_labels(box, np.array([LABEL]), (480, 640), NOTHING)
    assert common(free, caption).any()
    assert not common(place_labels(box, np.array([LABEL]), (480, 640), caption), caption).any()


def test_no_digits_no_labels() -> None:
    assert place_labels(NOTHING, np.zeros((0, 2), np.int64), (480, 640), NOTHING).shape == (0, 4)

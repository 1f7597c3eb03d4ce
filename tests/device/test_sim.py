"""The simulated camera: the same for the same seed, true boxes that hold ink, and frames that do not tell."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from device.digit_sets import DigitSet
from device.errors import DeviceError
from device.frame import Frame
from device.preprocess import to_gray
from device.sim import FRAMES_PER_SHEET, SimCamera


def camera(drawn: DigitSet, **options: int) -> SimCamera:
    return SimCamera(drawn.images, drawn.labels, **options)


def test_the_same_seed_gives_the_same_frames_and_another_one_others(drawn: DigitSet) -> None:
    first, again, other = camera(drawn, seed=3), camera(drawn, seed=3), camera(drawn, seed=4)
    assert (first.image(41) == again.image(41)).all()
    assert first.truth(41) == again.truth(41)
    assert (first.image(41) != other.image(41)).any()
    assert first.truth(41) != other.truth(41)


def test_frames_do_not_depend_on_what_was_asked_before(drawn: DigitSet) -> None:
    walked = [frame.image for frame in camera(drawn, frames=3)]
    assert (walked[2] == camera(drawn).image(2)).all()


def test_it_gives_as_many_frames_as_asked_and_no_truth_in_them(drawn: DigitSet) -> None:
    with camera(drawn, frames=2) as source:
        frames = list(source)
    assert [(frame.index, frame.source) for frame in frames] == [(0, "sim"), (1, "sim")]
    assert {field.name for field in dataclasses.fields(Frame)} == {"image", "index", "time_s", "source", "still"}
    assert frames[1].time_s == pytest.approx(0.04)


def test_true_boxes_hold_ink_and_lie_in_the_frame(drawn: DigitSet) -> None:
    source = camera(drawn, seed=1)
    seen = 0
    for index in range(0, 400, 37):
        gray = to_gray(source.image(index)).astype(float)
        for (x0, y0, x1, y1), label in source.truth(index):
            assert 0 <= x0 < x1 <= 640
            assert 0 <= y0 < y1 <= 480
            box = gray[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
            rim = gray[max(0, int(y0) - 3) : int(y1) + 4, max(0, int(x0) - 3) : int(x1) + 4]
            assert box.min() < 0.75 * np.median(np.sort(rim.ravel())[-rim.size // 4 :])
            assert 0 <= label <= 9
            seen += 1
    assert seen > 100


def test_true_boxes_are_tight(drawn: DigitSet) -> None:
    """Ink reaches within two pixels of each side of the box: a darkest-pixel profile falls there."""
    source = camera(drawn, seed=2)
    for (x0, y0, x1, y1), _ in source.truth(5):
        gray = to_gray(source.image(5)).astype(float)
        box = gray[round(y0) : round(y1), round(x0) : round(x1)]
        dark = box < (np.percentile(box, 95) + box.min()) / 2
        rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
        assert rows[0] <= 3
        assert columns[0] <= 3
        assert rows[-1] >= len(box) - 4
        assert columns[-1] >= box.shape[1] - 4


def test_sheets_change_and_bring_new_digits(mnist_test: DigitSet) -> None:
    source = SimCamera(mnist_test.images, mnist_test.labels)
    labels = [[label for _, label in source.truth(k * FRAMES_PER_SHEET)] for k in range(3)]
    assert labels[0] != labels[1] != labels[2]
    before, after = source.image(FRAMES_PER_SHEET - 1).astype(int), source.image(FRAMES_PER_SHEET).astype(int)
    moved = np.abs(source.image(FRAMES_PER_SHEET - 2).astype(int) - before).mean()
    assert np.abs(after - before).mean() > 1.5 * moved


def test_digits_are_of_the_promised_size(drawn: DigitSet) -> None:
    source = camera(drawn)
    sides = [max(x1 - x0, y1 - y0) for k in range(0, 1000, 31) for (x0, y0, x1, y1), _ in source.truth(k)]
    assert np.percentile(sides, 5) > 22
    assert np.percentile(sides, 95) < 64


def test_another_frame_size(drawn: DigitSet) -> None:
    source = SimCamera(drawn.images, drawn.labels, size_wh=(320, 240))
    assert source.image(0).shape == (240, 320, 3)
    assert all(x1 <= 320 and y1 <= 240 for (_, _, x1, y1), _ in source.truth(0))


@pytest.mark.parametrize("shape", [(0, 28, 28), (5, 8, 8), (3, 28, 28)])
def test_digits_that_do_not_fit_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(DeviceError, match="expected digits"):
        SimCamera(np.zeros(shape, np.uint8), np.zeros(0 if not shape[0] else 5, np.int64))

"""The finder on pictures drawn by the test: whole digits are found; dirt, lines and cut digits are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from device.digit_sets import DigitSet
from device.errors import DeviceError
from device.finder import find_digits, find_in_close_up
from device.preprocess import fit_digit
from device.results import Box
from device.score import iou

PLACES = ((60, 60), (200, 70), (330, 50), (470, 80), (80, 250), (240, 260), (400, 240), (540, 270))


def paper(digits: np.ndarray, places: tuple[tuple[int, int], ...] = PLACES, scale: int = 2) -> np.ndarray:
    """Shaded paper, grey, with digits at places (x, y), enlarged, and a little noise."""
    coverage = np.zeros((480, 640), np.float32)
    for digit, (x, y) in zip(digits, places, strict=False):
        large = cv2.resize(digit, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) / np.float32(255)
        coverage[y : y + 28 * scale, x : x + 28 * scale] = np.clip(large, 0, 1)
    light = 90 + 120 * np.linspace(0, 1, 640, dtype=np.float32)[None, :] * np.linspace(1, 0.7, 480)[:, None]
    image = light * (1 - 0.7 * coverage) + np.random.default_rng(1).normal(0, 2, (480, 640))
    return np.clip(image, 0, 255).astype(np.uint8)


def true_box(digit: np.ndarray, place: tuple[int, int], scale: int = 2) -> Box:
    rows, columns = np.nonzero(digit > 96)
    x, y = place
    return (
        float(x + columns.min() * scale),
        float(y + rows.min() * scale),
        float(x + (columns.max() + 1) * scale),
        float(y + (rows.max() + 1) * scale),
    )


def boxes(gray: np.ndarray, ink: str = "dark") -> list[Box]:
    return [candidate.box_xyxy for candidate in find_digits(gray, ink)]


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_digits_on_shaded_paper_are_found_with_their_ink(drawn: DigitSet, scale: int) -> None:
    places = PLACES if scale < 4 else PLACES[:2] + PLACES[5:7]
    found = find_digits(paper(drawn.images, places, scale))
    assert len(found) == len(places)
    for digit, place in zip(drawn.images, places, strict=False):
        best = max(found, key=lambda c: iou(c.box_xyxy, true_box(digit, place, scale)))
        assert iou(best.box_xyxy, true_box(digit, place, scale)) > 0.6
        likeness = [np.corrcoef(np.roll(fit_digit(best.ink), s, (0, 1)).ravel(), fit_digit(digit).ravel())[0, 1]
                    for s in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))]  # fmt: skip
        assert max(likeness) > 0.85


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("shape", [(28, 28), (300, 300), (900, 1200)])
def test_a_digit_that_fills_its_picture_is_found(drawn: DigitSet, shape: tuple[int, int], light: bool) -> None:
    for digit in drawn.images[:10]:
        field = np.zeros(shape, np.float32)
        side = min(shape)
        field[:side, :side] = cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC)
        ink = np.clip(field, 0, 255).astype(np.uint8)
        (found,) = find_in_close_up(ink if light else 255 - ink)
        rows, columns = np.nonzero(digit > 96)
        true = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) * side / 28
        assert iou(found.box_xyxy, tuple(true.tolist())) > 0.6
        turned = [np.roll(fit_digit(found.ink), s, (0, 1)) for s in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))]
        assert max(np.corrcoef(one.ravel(), fit_digit(digit).ravel())[0, 1] for one in turned) > 0.85


def test_an_empty_page_and_noise_are_no_close_up() -> None:
    for shape in ((1, 1), (3, 200), (28, 28), (480, 640)):
        assert find_in_close_up(np.full(shape, 200, np.uint8)) == []
    assert find_in_close_up(np.random.default_rng(0).integers(0, 256, (280, 280), np.uint8)) == []


def test_light_ink_on_a_dark_board(drawn: DigitSet) -> None:
    gray = paper(drawn.images)
    assert len(boxes(255 - gray, "light")) == len(PLACES)
    with pytest.raises(DeviceError, match="Known: dark, light"):
        find_digits(gray, "green")


def test_a_digit_in_two_pieces_is_one(drawn: DigitSet) -> None:
    digits = drawn.images[:8].copy()
    digits[5][9:11] = 0  # cuts the bar off the 5
    found = boxes(paper(digits))
    assert len(found) == len(PLACES)
    assert max(iou(box, true_box(drawn.images[5], PLACES[5])) for box in found) > 0.6


def test_digits_written_closely_stay_apart(drawn: DigitSet) -> None:
    places = tuple(
        (40 + 44 * k, 200) for k in range(12)
    )  # 56 pixels wide each: their paper overlaps, 2 and 3 are 4 apart
    coverage = np.full((480, 640), 255, np.uint8)
    for digit, place in zip(drawn.images, places, strict=False):
        part = coverage[place[1] : place[1] + 56, place[0] : place[0] + 56]
        np.minimum(part, 255 - cv2.resize(digit, (56, 56)), out=part)
    found = boxes(coverage)
    for digit, place in zip(drawn.images, places, strict=False):
        assert max(iou(box, true_box(digit, place)) for box in found) > 0.6


def test_dirt_lines_and_cut_digits_are_left_out(drawn: DigitSet) -> None:
    gray = paper(drawn.images)
    clean = boxes(gray)
    for x, y in ((150, 150), (300, 400), (20, 460)):
        cv2.circle(gray, (x, y), 2, 30, -1)
    cv2.line(gray, (0, 200), (639, 190), 40, 2)
    cv2.line(gray, (30, 380), (560, 420), 40, 2)
    gray[440:480, 600:640] = paper(drawn.images[8:9], ((610, 450),), 1)[440:480, 600:640]
    gray[450:480, 610:640] //= 3
    assert sorted(boxes(gray)) == sorted(clean)


def test_an_empty_page_and_pure_noise_hold_nothing() -> None:
    assert boxes(np.full((480, 640), 200, np.uint8)) == []
    assert boxes(np.zeros((480, 640), np.uint8)) == []
    assert boxes(paper(np.zeros((0, 28, 28), np.uint8))) == []
    noise = np.random.default_rng(0).integers(0, 256, (480, 640), np.uint8)
    assert len(boxes(noise)) <= 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (40, 40)])
def test_tiny_pictures_are_no_trouble(shape: tuple[int, int]) -> None:
    assert boxes(np.random.default_rng(0).integers(0, 256, shape, np.uint8)) == []

"""Preprocessing against independent oracles: OpenCV's resize, SciPy's centre of mass, MNIST itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage

from device.card import ModelCard
from device.digit_sets import DigitSet
from device.preprocess import crop_to_ink, fit_digit, ink_from_crop, otsu, quantize_input, resize, to_gray


def photograph(seed: int, channels: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (45, 61, channels) if channels else (45, 61), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two pictures, at the best shift of at most one pixel."""
    shifts = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return max(float(np.corrcoef(np.roll(a, shift, (0, 1)).ravel(), b.ravel())[0, 1]) for shift in shifts)


def oracle_fit(ink: np.ndarray) -> np.ndarray:
    """The same recipe with OpenCV and SciPy: area resize to 20, shifted so that the centre of mass is at 14."""
    rows, columns = np.nonzero(ink > ink.max() // 8)
    crop = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = (max(1, round(side * 20 / max(crop.shape))) for side in crop.shape)
    small = cv2.resize(crop.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    field = np.zeros((28, 28), np.float32)
    field[:height, :width] = small
    mass = ndimage.center_of_mass(field)
    top = min(max(int(np.ceil(13.5 - mass[0])), 0), 28 - height)
    left = min(max(int(np.ceil(13.5 - mass[1])), 0), 28 - width)
    field = np.roll(field, (top, left), (0, 1))
    drawn = np.sort(field[field > 0])
    return np.clip(field * 255 / drawn[drawn.size * 90 // 100], 0, 255)


@pytest.mark.parametrize("size_hw", [(20, 28), (45, 20), (9, 61), (1, 1)])
@pytest.mark.parametrize("channels", [0, 3])
def test_shrinking_averages_areas_as_opencv_does(size_hw: tuple[int, int], channels: int) -> None:
    image = photograph(1, channels)
    got = resize(image, size_hw)
    wanted = cv2.resize(image, size_hw[::-1], interpolation=cv2.INTER_AREA)
    assert got.dtype == np.uint8
    assert got.shape == wanted.shape
    assert np.abs(got.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("size_hw", [(90, 61), (100, 100), (45, 200)])
def test_enlarging_is_bilinear_as_in_opencv(size_hw: tuple[int, int]) -> None:
    image = photograph(2)
    got, wanted = resize(image, size_hw), cv2.resize(image, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    assert np.abs(got.astype(int) - wanted).max() <= 1


def test_resize_to_the_same_size_changes_nothing() -> None:
    assert (resize(photograph(3), (45, 61)) == photograph(3)).all()


@pytest.mark.parametrize("scale", [1.0, 2.5, 4.0])
def test_fit_digit_agrees_with_an_oracle(drawn: DigitSet, scale: float) -> None:
    for image in drawn.images[:30]:
        side = round(28 * scale)
        large = np.pad(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), ((7, 3), (0, 19)))
        error = np.abs(fit_digit(large).astype(float) - oracle_fit(large))
        assert error.max() <= 1.5


def test_fit_digit_centres_the_mass_and_fills_the_box(drawn: DigitSet) -> None:
    for image in drawn.images[:30]:
        fitted = fit_digit(np.pad(image[:, 2:-2], ((0, 40), (31, 0))))
        rows, columns = np.nonzero(fitted)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        assert np.abs(np.array(ndimage.center_of_mass(fitted)) - 14).max() < 0.75
        assert fitted.max() == 255


def test_mnist_comes_back_nearly_unchanged(mnist_test: DigitSet) -> None:
    fitted = np.stack([fit_digit(image) for image in mnist_test.images[:1000]])
    error = np.abs(fitted.astype(int) - mnist_test.images[:1000]).mean(axis=(1, 2))
    assert np.median(error) < 0.5
    assert (error < 2).mean() > 0.99


def test_fit_digit_of_a_dot_a_line_and_nothing() -> None:
    nothing = np.zeros((30, 30), np.uint8)
    assert not fit_digit(nothing).any()
    dot = nothing.copy()
    dot[3, 4] = 9
    assert (fit_digit(dot) == 255).sum() == 400
    line = np.full((300, 1), 200, np.uint8)
    assert fit_digit(line).any(axis=1).sum() == 20


def test_fit_digit_to_another_size(drawn: DigitSet) -> None:
    fitted = fit_digit(drawn.images[3], size=32, box=24)
    assert fitted.shape == (32, 32)
    assert max(crop_to_ink(fitted).shape) == 24


@pytest.mark.parametrize("dark_on_light", [True, False])
def test_ink_from_crop_finds_the_digit_in_shade_and_drops_a_border_line(drawn: DigitSet, dark_on_light: bool) -> None:
    rng = np.random.default_rng(7)
    shade = np.linspace(150, 220, 48)[None, :] + np.linspace(0, 20, 48)[:, None]
    for image in drawn.images[:20]:
        digit = np.pad(image, 10) / 255
        digit[:, 0:2] = 1  # a border line
        crop = shade * (1 - 0.6 * digit) + rng.normal(0, 2, (48, 48))
        crop = np.clip(crop if dark_on_light else 255 - crop, 0, 255).astype(np.uint8)
        assert likeness(fit_digit(ink_from_crop(crop)), fit_digit(image)) > 0.95


def test_ink_from_crop_of_empty_paper_is_empty() -> None:
    paper = np.clip(np.random.default_rng(0).normal(200, 2, (40, 30)), 0, 255).astype(np.uint8)
    assert not ink_from_crop(paper).any()
    assert not ink_from_crop(np.full((20, 20), 99, np.uint8)).any()


def test_ink_from_crop_of_a_large_crop_is_made_smaller(drawn: DigitSet) -> None:
    large = 255 - cv2.resize(drawn.images[2], (200, 300))
    assert max(ink_from_crop(large).shape) == 64


def test_otsu_agrees_with_opencv() -> None:
    for seed in range(5):
        image = photograph(seed)
        assert otsu(image) == int(cv2.threshold(image, 0, 255, cv2.THRESH_OTSU)[0])


def test_to_gray_agrees_with_opencv() -> None:
    image = photograph(4, 3)
    assert np.abs(to_gray(image).astype(int) - cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)).max() <= 1
    assert to_gray(image[..., 0]) is not None
    assert (to_gray(image[..., 0]) == image[..., 0]).all()


def test_quantize_input_fast_path_is_pixel_minus_128(model_dir: Path) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    quantized = quantize_input(pixels, ModelCard.load(model_dir))
    assert quantized.dtype == np.int8
    assert (quantized == pixels.astype(int) - 128).all()


@pytest.mark.parametrize(
    ("scale", "zero_point", "divide_by"), [(1 / 127, 0, 255.0), (0.02, -3, 127.5), (1.0, -128, 1.0)]
)
def test_quantize_input_in_general(model_dir: Path, scale: float, zero_point: int, divide_by: float) -> None:
    card = ModelCard.load(model_dir)
    card = replace(
        card,
        input=replace(card.input, scale=scale, zero_point=zero_point),
        preprocessing=replace(card.preprocessing, divide_by=divide_by),
    )
    pixels = np.arange(256, dtype=np.uint8)
    for pixel, got in zip(pixels.tolist(), quantize_input(pixels, card).tolist(), strict=True):
        real = pixel / divide_by / scale + zero_point
        assert got == max(-128, min(127, int(np.floor(real + 0.5))))

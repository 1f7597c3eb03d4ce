"""The one definition of preprocessing: pictures of digits to a network's int8 input, in numpy alone.

Training data pass through the same functions as what a camera sees, so that both look alike.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.card import ModelCard

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

CROP_SIDE = 64  # longest side, pixels, at which a camera crop is cleaned
EDGE_SHARE = 8  # ink weaker than 1/8 of the strongest does not count as ink when a digit is boxed
STRONG_INK = 90  # percentile of the ink pixels that becomes 255
MIN_CONTRAST = 12.0  # grey levels between ink and paper, less is an empty crop


def fit_digit(ink: U8, size: int = 28, box: int = 20) -> U8:
    """A digit boxed and centred as in MNIST: longest side `box`, centre of mass in the middle.

    Args:
        ink: uint8 (H, W), bright ink on a background of 0.
        size: side of the result in pixels.
        box: longest side of the digit in the result in pixels.

    Returns:
        uint8 (size, size), grey kept and stretched so that strokes reach 255; all 0 where there is no ink.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits" (20x20 box, centre of mass).
    """
    drawn = crop_to_ink(ink)
    if drawn.size == 0:
        return np.zeros((size, size), np.uint8)
    factor = box / max(drawn.shape)
    height, width = (max(1, round(side * factor)) for side in drawn.shape)
    return _centre(_resample(drawn.astype(np.float32), height, width), size)


def crop_to_ink(ink: U8) -> U8:
    """The smallest part of a uint8 (H, W) ink picture that holds all its ink; (0, 0) if there is none."""
    drawn = ink > int(ink.max(initial=0)) // EDGE_SHARE
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if rows.size == 0:
        return ink[:0, :0]
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def ink_from_crop(crop: U8) -> U8:
    """The ink of one digit cut from a photograph, dark on light or light on dark.

    The background is removed, Otsu's threshold gives a mask, what hangs together with the middle is kept (so border
    lines go), and the grey inside the widened mask stays.

    Args:
        crop: uint8 (H, W) grey, one digit near the middle.

    Returns:
        uint8 (h, w), bright ink on 0, at most 64 pixels on its longest side; all 0 where nothing is written.
    """
    picture = crop.astype(np.float32)
    if max(crop.shape) > CROP_SIDE:
        factor = CROP_SIDE / max(crop.shape)
        height, width = (max(1, round(side * factor)) for side in crop.shape)
        picture = _resample(picture, height, width)
    ink = _above_background(-picture if is_dark_on_light(picture) else picture)
    threshold = otsu(np.clip(ink, 0, 255).astype(np.uint8))
    mask = _joined_to_middle(ink > threshold)
    if not mask.any() or float(ink[mask].mean()) < MIN_CONTRAST:
        return np.zeros(ink.shape, np.uint8)
    kept = np.where(_grown(mask), ink, np.float32(0))
    return np.asarray(np.rint(_stretch(kept)), np.uint8)


def to_gray(bgr: U8) -> U8:
    """Grey uint8 (H, W) of a uint8 (H, W, 3) blue-green-red picture; a grey one comes back as it is.

    Source: ITU-R BT.601 luma.
    """
    if bgr.ndim == 2:
        return bgr
    blue, green, red = (bgr[..., channel].astype(np.uint16) for channel in range(3))
    return np.asarray((29 * blue + 150 * green + 77 * red + 128) >> 8, np.uint8)  # 0.114, 0.587, 0.299 of 256


def quantize_input(pixels: U8, card: ModelCard) -> NDArray[np.int8]:
    """Pixels as the network's int8 input, same shape: pixel / divide_by, then the input's scale and zero point."""
    scale, zero_point = card.input.scale, card.input.zero_point
    step = 1.0 / (card.preprocessing.divide_by * scale)
    if abs(step - 1.0) < 1e-6 and zero_point == -128:
        return (pixels ^ np.uint8(0x80)).view(np.int8)
    table = np.floor(np.arange(256) * step + 0.5) + zero_point
    return np.asarray(np.clip(table, -128, 127), np.int8)[pixels]


def resize(image: U8, size_hw: tuple[int, int]) -> U8:
    """A uint8 (H, W) or (H, W, C) picture at another size: area average when shrinking, else bilinear.

    Args:
        image: the picture.
        size_hw: height and width of the result in pixels.

    Returns:
        uint8 (height, width) or (height, width, C).
    """
    height, width = size_hw
    return np.asarray(np.rint(_resample(image.astype(np.float32), height, width)), np.uint8)


def otsu(image: U8) -> int:
    """The threshold in 0..255 that parts a uint8 picture best; what is above it is foreground.

    Source: N. Otsu, "A threshold selection method from gray-level histograms", 1979.
    """
    histogram = np.bincount(image.ravel(), minlength=256).astype(np.float64)
    below = np.cumsum(histogram)
    above = below[-1] - below
    sums = np.cumsum(histogram * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (sums[-1] * below / below[-1] - sums) ** 2 / (below * above)
    return int(np.argmax(np.nan_to_num(between, posinf=0.0)))


def _resample(image: F32, height: int, width: int) -> F32:
    """A float32 (H, W) or (H, W, C) picture at another size."""
    rows, columns = _weights(height, image.shape[0]), _weights(width, image.shape[1])
    if image.ndim == 2:
        return np.asarray(rows @ image @ columns.T, np.float32)
    return np.asarray(np.einsum("ah,hwc,bw->abc", rows, image, columns, optimize=True), np.float32)


@lru_cache(maxsize=512)
def _weights(n_out: int, n_in: int) -> F32:
    """What each of n_in pixels gives to each of n_out: float32 (n_out, n_in), rows add up to 1."""
    scale = n_in / n_out
    pixels = np.arange(n_in)
    if scale > 1:
        start = (np.arange(n_out) * scale)[:, None]
        weights = np.clip(np.minimum(start + scale, pixels + 1) - np.maximum(start, pixels), 0, None)
    else:
        centres = np.clip((np.arange(n_out) + 0.5) * scale - 0.5, 0, n_in - 1)[:, None]
        weights = np.clip(1 - np.abs(pixels - centres), 0, None)
    result = np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
    result.setflags(write=False)
    return result


def _stretch(ink: F32) -> F32:
    """Float32 ink with its strong strokes at 255, nothing outside 0..255."""
    drawn = ink[ink > 0]
    strong = float(np.partition(drawn, drawn.size * STRONG_INK // 100)[drawn.size * STRONG_INK // 100])
    return np.asarray(np.clip(ink * (255 / strong), 0, 255), np.float32)


def _centre(digit: F32, size: int) -> U8:
    """Float32 ink as a uint8 (size, size) picture, its centre of mass within half a pixel of pixel size / 2."""
    field = np.zeros((size, size), np.uint8)
    offsets = []
    for axis, side in enumerate(digit.shape):
        weights = digit.sum(axis=1 - axis)
        mass = float(weights @ np.arange(side, dtype=np.float32)) / float(weights.sum())
        offsets.append(int(np.clip(np.ceil(size / 2 - 0.5 - mass), 0, size - side)))
    top, left = offsets
    field[top : top + digit.shape[0], left : left + digit.shape[1]] = np.rint(_stretch(digit))
    return field


def is_dark_on_light(picture: F32) -> bool:
    """Whether a float32 (H, W) picture shows dark ink: its rare grey levels are darker than its common one."""
    return float(picture.mean()) <= float(np.median(picture))


def _above_background(picture: F32) -> F32:
    """How far each pixel stands out upwards: the picture less its smoothed opening, 0 and more."""
    side = max(3, max(picture.shape) // 2) | 1
    background = _window(_window(_window(picture, side, np.min), side, np.max), side, np.mean)
    return np.asarray(np.clip(picture - background, 0, None), np.float32)


def _window(image: F32, side: int, summary: Callable[..., Any]) -> F32:
    """The minimum, maximum or mean over a side x side window about each pixel; border pixels go on outside."""
    for _ in range(2):  # rows, then columns
        padded = np.pad(image, [(0, 0), (side // 2, side // 2)], mode="edge")
        view = np.lib.stride_tricks.sliding_window_view(padded, side, axis=1)
        image = np.asarray(summary(view, axis=-1), np.float32).T
    return image


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A bool (H, W) mask one pixel wider on all sides."""
    wider = mask.copy()
    wider[1:] |= mask[:-1]
    wider[:-1] |= mask[1:]
    result = wider.copy()
    result[:, 1:] |= wider[:, :-1]
    result[:, :-1] |= wider[:, 1:]
    return result


def _joined_to_middle(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of a bool (H, W) mask that reach into its middle (the inner 60 %)."""
    height, width = mask.shape
    inner = np.zeros_like(mask)
    inner[height // 5 : height - height // 5, width // 5 : width - width // 5] = True
    kept = mask & inner
    count = -1
    while count != (count := int(kept.sum())):
        kept = mask & _grown(kept)
    return kept

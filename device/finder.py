"""find_digits(gray) -> candidates: where something that may be a digit is written, and its ink.

The background is taken away, what is darker than it hangs together in components, fragments of one digit are joined,
and what can't be a whole digit goes. cv2 does the work on pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.errors import DeviceError
from device.preprocess import is_dark_on_light, otsu

U8 = NDArray[np.uint8]
Ints = NDArray[np.int64]

SHRINK = 4  # the background is found in a picture of 1 / 4 the size
BACKGROUND_SIDE = 17  # there, strokes thinner than this many pixels are not background
FAINTEST_INK = 36  # of 255: ink weaker than this is taken for noise or shade
STRONG = 0.8  # a component with no ink above this share of Otsu's threshold is shade or texture
MIN_AREA = 6  # pixels of a fragment, at least
MIN_SIDE = 12  # longest side of a digit in pixels, at least
MAX_SIDE_SHARE = 0.6  # and at most this share of the frame's height
MIN_TO_TYPICAL = 0.45  # longest side against the median of a frame's candidates
MAX_TO_TYPICAL = 2.2
JOIN_GAP = 0.7  # fragments nearer than this many stroke widths (ink area / longest side) are one digit
JOINED_SIDE = 1.6  # and no longer together than this many times the larger one's longest side
TALL = 0.6  # components apart, both higher than this share of the larger one's longest side, are two digits
MIN_FRAGMENT = 0.03  # ink of a fragment against the ink of what it joins
MIN_FILL = 0.08  # share of the box that is ink
MIN_STRENGTH = 0.4  # mean ink against the median of a frame's candidates
SURROUND = 4  # pixels about a box that are looked at, too
CLOSE_UP_SIDE = 160  # longest side in pixels to which a close-up is brought
MAX_SURROUND = 0.2  # median of what is not the digit's ink there, against the digit's mean ink


@dataclass(frozen=True)
class Candidate:
    """Something written.

    Attributes:
        box_xyxy: left, top, right, bottom in pixels, right and bottom just outside.
        ink: uint8 (h, w), bright ink on 0, a little larger than the box.
    """

    box_xyxy: tuple[int, int, int, int]
    ink: U8


@dataclass(frozen=True)
class _Blobs:
    """Connected components, or groups of them.

    Attributes:
        boxes: int (n, 4), x0, y0, x1, y1 in pixels, the last two just outside.
        area: int (n,), pixels.
        ink: float (n,), sum of the ink.
    """

    boxes: Ints
    area: Ints
    ink: NDArray[np.float64]

    @property
    def side(self) -> Ints:
        """Longest sides in pixels, int (n,)."""
        return np.asarray((self.boxes[:, 2:] - self.boxes[:, :2]).max(axis=1), np.int64)

    def pick(self, numbers: Ints) -> _Blobs:
        """Only these."""
        return _Blobs(self.boxes[numbers], self.area[numbers], self.ink[numbers])


def find_digits(gray: U8, ink: str = "dark") -> list[Candidate]:
    """What may be digits in a picture, whole ones only, from top to bottom.

    Args:
        gray: uint8 (H, W).
        ink: "dark" on light paper, or "light" on a dark board.

    Raises:
        DeviceError: `ink` is another word.
    """
    if ink not in ("dark", "light"):
        raise DeviceError(f"ink {ink!r} is not known. Known: dark, light.")
    strength = ink_map(gray if ink == "dark" else 255 - gray)
    owner, groups = _groups(strength)
    found = []
    for number in np.flatnonzero(_plausible(groups, gray.shape)).tolist():
        part = _window(groups.boxes[number], gray.shape)
        own = np.asarray(owner[part] == number, np.uint8)
        if _stands_alone(strength[part], own):
            found.append(Candidate(_box(groups, number), _ink_of(strength[part], own)))
    return found


def find_in_close_up(gray: U8) -> list[Candidate]:
    """The digits of a picture that they fill, such as a 28x28 one of a data set, or a photograph of a single one.

    The picture is looked at from further away, its rim carried on outwards; the rarer grey levels are the ink.
    Nothing unless all that is found is too high for `find_digits`.

    Args:
        gray: uint8 (H, W).
    """
    import cv2

    scale = CLOSE_UP_SIDE / max(gray.shape)
    size_wh = [max(1, round(side * scale)) for side in gray.shape[::-1]]
    small = cv2.resize(gray, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    rim = CLOSE_UP_SIDE
    far = cv2.copyMakeBorder(small, rim, rim, rim, rim, cv2.BORDER_REPLICATE)
    found = find_digits(np.asarray(far, np.uint8), "dark" if is_dark_on_light(gray.astype(np.float32)) else "light")
    close = [Candidate(_close_up_box(one.box_xyxy, scale), one.ink) for one in found]
    fill = [max(x1 - x0, y1 - y0) > MAX_SIDE_SHARE * gray.shape[0] for x0, y0, x1, y1 in (c.box_xyxy for c in close)]
    return close if all(fill) else []


def _close_up_box(box: tuple[int, int, int, int], scale: float) -> tuple[int, int, int, int]:
    """A box of the picture from further away in pixels of the close-up."""
    x0, y0, x1, y1 = (round((side - CLOSE_UP_SIDE) / scale) for side in box)
    return x0, y0, x1, y1


def ink_map(gray: U8) -> U8:
    """How much darker than its background each pixel is: uint8 (H, W), 0 is paper, 255 would be black."""
    import cv2

    height, width = gray.shape
    small = cv2.resize(gray, (max(1, width // SHRINK), max(1, height // SHRINK)), interpolation=cv2.INTER_AREA)
    window = np.ones((BACKGROUND_SIDE, BACKGROUND_SIDE), np.uint8)
    background = cv2.blur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, window), (3, 3))
    background = cv2.resize(background, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(255 - cv2.divide(gray, background, scale=255), np.uint8)


def _groups(strength: U8) -> tuple[NDArray[np.int32], _Blobs]:
    """The groups of connected ink in an ink map: their numbers int32 (H, W), -1 elsewhere, and what each is."""
    labels, blobs, strong = _components(strength)
    group_of = _join(blobs.pick(strong))
    label_to_group = np.full(len(blobs.area), -1, np.int32)
    label_to_group[strong] = group_of
    return label_to_group[labels], _grouped(blobs.pick(strong), group_of)


def _components(strength: U8) -> tuple[NDArray[np.int32], _Blobs, Ints]:
    """The connected ink of an ink map.

    Returns:
        labels int32 (H, W), 0 is paper; what has each label (paper too); the labels of those with enough strong ink.
    """
    import cv2

    smooth = cv2.GaussianBlur(strength, (3, 3), 0)
    drawn = smooth[smooth > FAINTEST_INK]
    weak = max(FAINTEST_INK, int(np.median(drawn)) // 2) if drawn.size else 255
    _, labels, stats, _ = cv2.connectedComponentsWithStats(np.asarray(smooth > weak, np.uint8), ltype=cv2.CV_32S)
    boxes = stats[:, :4].astype(np.int64)
    boxes[:, 2:] += boxes[:, :2]
    area = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    ink = np.asarray(np.bincount(labels.ravel(), weights=strength.ravel(), minlength=len(stats)), np.float64)
    well_inked = np.bincount(labels[smooth > STRONG * otsu(drawn)], minlength=len(stats)) if drawn.size else area * 0
    well_inked[0] = 0
    return labels, _Blobs(boxes, area, ink), np.flatnonzero((well_inked > 0) & (area >= MIN_AREA))


def _join(blobs: _Blobs) -> Ints:
    """For each component the number of its group, int (n,): fragments of one digit lie close together.

    What is far larger than the usual component is no digit and stays alone.
    """
    side = blobs.side
    usual = np.median(side[side >= MIN_SIDE]) if (side >= MIN_SIDE).any() else MIN_SIDE
    group = np.arange(len(side))
    small = np.flatnonzero(side <= MAX_TO_TYPICAL * usual)
    pairs = small[np.argwhere(np.triu(_belong_together(blobs.pick(small)), 1))]
    for a, b in pairs:
        group[group == group[b]] = group[a]
    return np.asarray(np.unique(group, return_inverse=True)[1], np.int64)


def _belong_together(blobs: _Blobs) -> NDArray[np.bool_]:
    """Which components are fragments of one digit: bool (n, n). Two tall ones apart are two digits."""
    low, high, side = blobs.boxes[:, :2], blobs.boxes[:, 2:], blobs.side
    gap = np.maximum(low[:, None], low) - np.minimum(high[:, None], high)
    together = (np.maximum(high[:, None], high) - np.minimum(low[:, None], low)).max(axis=2)
    larger, height = np.maximum(side[:, None], side), (high - low)[:, 1]
    stroke = np.maximum((blobs.area / side)[:, None], blobs.area / side)
    share = np.minimum(blobs.area[:, None], blobs.area) / np.maximum(blobs.area[:, None], blobs.area)
    two = (gap.max(axis=2) > 0) & (np.minimum(height[:, None], height) >= TALL * larger)
    near = (gap.max(axis=2) <= JOIN_GAP * stroke) & (together <= JOINED_SIDE * larger)
    return np.asarray(near & (share >= MIN_FRAGMENT) & ~two)


def _grouped(blobs: _Blobs, group_of: Ints) -> _Blobs:
    """The groups of components as blobs."""
    count = int(group_of.max(initial=-1)) + 1
    low = np.full((count, 2), np.iinfo(np.int64).max)
    high = np.zeros((count, 2), np.int64)
    np.minimum.at(low, group_of, blobs.boxes[:, :2])
    np.maximum.at(high, group_of, blobs.boxes[:, 2:])
    area = np.bincount(group_of, weights=blobs.area, minlength=count).astype(np.int64)
    ink = np.asarray(np.bincount(group_of, weights=blobs.ink, minlength=count), np.float64)
    return _Blobs(np.hstack([low, high]), area, ink)


def _plausible(groups: _Blobs, shape_hw: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which groups may be whole digits: bool (n,). What touches the border is cut; dirt and lines are no digits."""
    height, width = shape_hw
    x0, y0, x1, y1 = groups.boxes.T
    side = groups.side
    fill = groups.area / ((x1 - x0) * (y1 - y0))
    inside = (x0 > 0) & (y0 > 0) & (x1 < width) & (y1 < height)
    good = inside & (side >= MIN_SIDE) & (side <= MAX_SIDE_SHARE * height) & (fill >= MIN_FILL)
    if good.any():
        strength = groups.ink / groups.area
        typical = np.median(side[good])
        good &= (side >= MIN_TO_TYPICAL * typical) & (side <= MAX_TO_TYPICAL * typical)
        good &= strength >= MIN_STRENGTH * np.median(strength[good])
    return np.asarray(good, np.bool_)


def _box(groups: _Blobs, number: int) -> tuple[int, int, int, int]:
    """A group's box as four ints."""
    x0, y0, x1, y1 = (int(side) for side in groups.boxes[number])
    return x0, y0, x1, y1


def _window(box: Ints, shape_hw: tuple[int, ...]) -> tuple[slice, slice]:
    """The part of a picture that holds a box and SURROUND pixels about it."""
    x0, y0 = np.maximum(box[:2] - SURROUND, 0)
    x1, y1 = np.minimum(box[2:] + SURROUND, [shape_hw[1], shape_hw[0]])
    return slice(y0, y1), slice(x0, x1)


def _stands_alone(strength: U8, own: U8) -> bool:
    """Whether most of what is about a group is clean paper, as it is not in a texture; neighbours do not matter.

    Args:
        strength: uint8 (h, w), ink in the group's window.
        own: uint8 (h, w), 1 where the ink is the group's.
    """
    import cv2

    around = strength[cv2.dilate(own, np.ones((5, 5), np.uint8)) == 0]
    return not around.size or float(np.median(around)) <= MAX_SURROUND * float(strength[own > 0].mean())


def _ink_of(strength: U8, own: U8) -> U8:
    """The ink of a group and of one pixel about it: uint8 (h, w), all else 0."""
    import cv2

    mask = cv2.dilate(own, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.bitwise_and(strength, strength, mask=mask), np.uint8)

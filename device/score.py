"""Precision and recall of what was read against the truth. Counts add up over frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from device.results import Box, Digit

MIN_IOU = 0.5


@dataclass(frozen=True)
class Score:
    """Counts of one or more frames; scores add up.

    Attributes:
        right: readings that match a true digit: boxes overlap with IoU >= 0.5 and the label is right.
        read: readings.
        true: digits that lie wholly in a frame.
        located: true digits whose box was found, whatever label was read.
    """

    right: int = 0
    read: int = 0
    true: int = 0
    located: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.right + other.right, self.read + other.read, self.true + other.true, self.located + other.located
        )

    @property
    def precision(self) -> float:
        """Share of the readings that are right, 0 to 1; where nothing was read 0, or 1 if there was nothing to read."""
        return self.right / self.read if self.read else float(self.true == 0)

    @property
    def recall(self) -> float:
        """Share of the true digits that were read right, 0 to 1; 1 when there are none."""
        return self.right / self.true if self.true else 1.0


def score_frame(read: Sequence[Digit], truth: Sequence[tuple[Box, int]], min_iou: float = MIN_IOU) -> Score:
    """The score of one frame: pairs are taken greedily from the largest overlap down, each box at most once.

    Args:
        read: what was read.
        truth: boxes (x0, y0, x1, y1) in pixels and labels.
        min_iou: 0 to 1, the overlap that counts as the same place.
    """
    overlaps = ((iou(digit.box_xyxy, box), i, j) for i, digit in enumerate(read) for j, (box, _) in enumerate(truth))
    pairs = sorted((pair for pair in overlaps if pair[0] >= min_iou), key=lambda pair: (-pair[0], pair[1], pair[2]))
    read_left, true_left, right, located = set(range(len(read))), set(range(len(truth))), 0, 0
    for _, i, j in pairs:
        if i in read_left and j in true_left:
            read_left.remove(i)
            true_left.remove(j)
            located += 1
            right += read[i].label == str(truth[j][1])
    return Score(right, len(read), len(truth), located)


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1), 0 to 1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)

"""What was read: small frozen results."""

from __future__ import annotations

from dataclasses import dataclass

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Digit:
    """A digit that was read.

    Attributes:
        label: as on the card, "0" to "9".
        confidence: 0 to 1.
        box_xyxy: left, top, right, bottom in pixels of the frame.
    """

    label: str
    confidence: float
    box_xyxy: Box

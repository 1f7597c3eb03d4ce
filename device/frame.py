"""Frame: one picture of a source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """One picture.

    Attributes:
        image: uint8 (H, W, 3), blue, green, red.
        index: 0 for a source's first frame.
        time_s: when it was taken, in seconds since the first frame.
        source: the name of where it came from.
        still: whether it is a picture of its own, not one of a film.
    """

    image: NDArray[np.uint8]
    index: int
    time_s: float
    source: str
    still: bool = False

"""read_picture(path) -> a picture file's pixels, or None where it is damaged or cut short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device.libraries import quiet_stderr


def read_picture(path: Path, gray: bool = False) -> NDArray[np.uint8] | None:
    """The pixels of a whole picture file, None for anything else; needs OpenCV.

    cv2.imdecode is stricter than cv2.imread, which fills what a half-written JPEG lacks with grey.

    Args:
        path: the file.
        gray: whether the picture becomes grey.

    Returns:
        uint8 (H, W, 3), blue, green, red; uint8 (H, W) for gray.

    Raises:
        OSError: there is no such file, or it can't be read.
    """
    import cv2

    raw = np.frombuffer(path.read_bytes(), np.uint8)
    if not raw.size:
        return None
    try:
        with quiet_stderr():
            image = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR)
    except cv2.error:  # a header that asks for more pixels than OpenCV takes
        return None
    return None if image is None else np.asarray(image, np.uint8)

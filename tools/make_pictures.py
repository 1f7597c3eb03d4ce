"""Makes the README's pictures with the project itself: .venv/bin/python tools/make_pictures.py

The digits on the simulated sheet are drawn by device/strokes.py, so that no data set's pictures are in the repository.
"""

from pathlib import Path

import cv2

from device import strokes
from device.overlay import draw_digits
from device.reader import DigitReader
from device.sim import SimCamera

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"


def main() -> None:
    """Writes docs/pictures/sim.jpg."""
    digits = strokes.draw_digits(400, seed=2)
    reader = DigitReader("digits")
    with SimCamera(*digits, seed=3, frames=40) as camera:
        frame = list(camera)[-1]
    picture = draw_digits(frame.image, reader.read(frame))
    cv2.imwrite(str(PICTURES / "sim.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()

"""The finder and the reader on real photographs, of which neither knows anything: newspaper sudokus, filled in."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from device.frame import Frame
from device.reader import DigitReader


def test_most_digits_of_photographed_sudokus_are_read(data_dir: Path, model_dir: Path) -> None:
    path = data_dir / "sudoku_photos" / "sudoku_mixed_visible.npz"
    if not path.exists():
        pytest.skip(f"no {path.name} in EDGENET_DATA")
    with np.load(path) as photos:
        jpeg, offsets, grids, corners = (photos[name] for name in ("jpeg", "offsets", "grids", "corners"))
    reader, right, read = DigitReader(model_dir), 0, 0
    square = np.array([[0, 0], [9, 0], [9, 9], [0, 9]], np.float32)
    numbers = range(0, 150, 10)
    for number in numbers:
        image = cv2.imdecode(jpeg[offsets[number] : offsets[number + 1]], cv2.IMREAD_COLOR)
        to_cells = cv2.getPerspectiveTransform(corners[number].astype(np.float32), square)
        for digit in reader.read(Frame(np.asarray(image, np.uint8), 0, 0.0, "photo")):
            x0, y0, x1, y1 = digit.box_xyxy
            centre = np.array([[[(x0 + x1) / 2, (y0 + y1) / 2]]], np.float32)
            column, row = cv2.perspectiveTransform(centre, to_cells)[0, 0]
            inside = 0 <= column < 9 and 0 <= row < 9
            right += inside and digit.label == str(grids[number, int(row), int(column)])
            read += 1
    print(f"{right} right of {read} read, {81 * len(numbers)} there")
    assert right / (81 * len(numbers)) > 0.7
    assert right / read > 0.75

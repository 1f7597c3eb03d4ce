"""What the tests of device/ share."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from device.card import find_model
from device.digit_sets import DigitSet


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """The folder of the released digit model."""
    return find_model("digits")


@pytest.fixture(scope="session")
def mnist_test(mnist_dir: Path) -> DigitSet:
    """MNIST's test part, read without device/."""
    images: NDArray[np.uint8] = np.frombuffer(
        gzip.decompress((mnist_dir / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16
    ).reshape(-1, 28, 28)
    labels = np.frombuffer(gzip.decompress((mnist_dir / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    return DigitSet(images, labels.astype(np.int64), "MNIST's test part")


@pytest.fixture(scope="session")
def drawn() -> DigitSet:
    """Forty digits of the stroke generator."""
    from device.strokes import draw_digits

    images, labels = draw_digits(96, seed=5)
    return DigitSet(images, labels, "drawn")

"""load_digits() -> a set of handwritten digits for the simulated camera: given, MNIST, scikit-learn's, or drawn."""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device.errors import DeviceError
from device.preprocess import fit_digit
from device.strokes import draw_digits

IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049
NPZ_ERRORS = (
    OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy raises for a file that is damaged, or no .npz."""


@dataclass(frozen=True)
class DigitSet:
    """Pictures of digits.

    Attributes:
        images: uint8 (N, 28, 28), bright ink on 0.
        labels: int (N,), 0 to 9.
        name: where they come from, in words.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    name: str


def load_digits(npz: str | Path | None = None, seed: int = 0) -> DigitSet:
    """The digits of a file, else the first set at hand: MNIST's test part, scikit-learn's digits, drawn ones.

    Args:
        npz: a file with arrays images uint8 (N, 28, 28) and labels (N,).
        seed: decides the drawn ones.

    Raises:
        DeviceError: the file is missing, damaged or has other arrays.
    """
    if npz is not None:
        return _from_npz(Path(npz))
    data = os.environ.get("EDGENET_DATA")
    return (_from_mnist(Path(data)) if data else None) or _from_sklearn() or _drawn(seed)


def _from_npz(path: Path) -> DigitSet:
    """The digits of an .npz file."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays["labels"]
    except NPZ_ERRORS as error:
        raise DeviceError(f"{path}: expected an .npz file with arrays images and labels ({error}).") from error
    fit = images.dtype == np.uint8 and images.shape == (*labels.shape, 28, 28) and labels.ndim == 1 and labels.size
    if not fit or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() > 9:
        raise DeviceError(
            f"{path}: expected images uint8 (N, 28, 28) and N labels from 0 to 9, "
            f"got {images.dtype} {images.shape} and {labels.dtype} {labels.shape}."
        )
    return DigitSet(images, labels.astype(np.int64), path.name)


def _from_mnist(data: Path) -> DigitSet | None:
    """MNIST's test part in a data folder, None if it is not there."""
    arrays = []
    for name, magic in (("t10k-images-idx3-ubyte", IMAGES_MAGIC), ("t10k-labels-idx1-ubyte", LABELS_MAGIC)):
        path = data / "mnist" / name
        packed = path.with_name(name + ".gz")
        if not path.exists() and not packed.exists():
            return None
        arrays.append(_read_idx(path if path.exists() else packed, magic))
    return DigitSet(arrays[0], arrays[1].astype(np.int64), "MNIST's test part")


def _read_idx(path: Path, magic: int) -> NDArray[np.uint8]:
    """An IDX file of bytes, packed or not.

    Source: http://yann.lecun.com/exdb/mnist/, "File formats for the MNIST database".
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        header = np.frombuffer(content, ">i4", count=1 + magic % 256)
        if header[0] != magic:
            raise ValueError(f"starts with {header[0]}, expected {magic}")
        return np.frombuffer(content, np.uint8, offset=header.nbytes).reshape(header[1:].tolist())
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DeviceError(f"{path}: damaged IDX file ({error}).") from error


def _from_sklearn() -> DigitSet | None:
    """The 8x8 digits that come with scikit-learn, enlarged; None without scikit-learn."""
    try:
        bundle = import_module("sklearn.datasets").load_digits()
    except ImportError:
        return None
    images = np.asarray(np.rint(bundle.images * (255 / 16)), np.uint8)
    boxed = np.stack([fit_digit(image) for image in images])
    return DigitSet(boxed, bundle.target.astype(np.int64), "scikit-learn's bundled digits")


def _drawn(seed: int) -> DigitSet:
    """Digits of our own stroke generator."""
    images, labels = draw_digits(500, seed)
    return DigitSet(images, labels, "digits drawn by the stroke generator")

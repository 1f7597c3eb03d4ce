"""Readers of data set files: each returns arrays, or raises a DataError that names the file."""

from __future__ import annotations

import csv
import gzip
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgenet.errors import DataError, MissingExtraError

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".ppm")
_REFETCH = "The file is damaged or only partly downloaded: fetch it again or delete it."


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Array of an IDX file of unsigned bytes, gzipped or not, in the shape that its header states.

    Raises:
        DataError: the file is damaged, cut short, or not an IDX file of bytes.

    Source: the IDX format as described on the MNIST database's page (LeCun, Cortes, Burges).
    """
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: can't be unpacked ({error}). {_REFETCH}") from error
    if len(data) < 4 or data[:3] != b"\x00\x00\x08" or not 1 <= data[3] <= 4:
        raise DataError(f"{path}: not an IDX file of bytes (it begins with {data[:4]!r}). {_REFETCH}")
    rank = data[3]
    if len(data) < 4 + 4 * rank:
        raise DataError(f"{path}: ends inside its header after {len(data)} bytes. {_REFETCH}")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", rank, 4))
    got, expected = len(data) - 4 - 4 * rank, int(np.prod(shape, dtype=np.int64))
    if got != expected:
        raise DataError(f"{path}: holds {got} bytes of data, its header {shape} asks for {expected}. {_REFETCH}")
    return np.frombuffer(data, np.uint8, expected, 4 + 4 * rank).reshape(shape)


def read_npz(path: Path) -> dict[str, NDArray[np.generic]]:
    """All arrays of an .npz by name, without unpickling.

    Raises:
        DataError: the file is damaged or holds Python objects.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (
        OSError,
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        AttributeError,
        TypeError,
    ) as error:
        raise DataError(f"{path}: can't be read as .npz ({error}). {_REFETCH}") from error


def read_csv(path: Path, input_shape: Sequence[int] | None) -> tuple[Images, Labels]:
    """Images (N, H, W, C) and labels (N,) of a CSV with the label first and then one column per pixel, 0 to 255.

    A first line that is not numbers is taken as a header. Pixels are in row order; without input_shape (H, W, C) the
    number of columns has to be a square.

    Raises:
        DataError: a line is ragged or not a number, or the number of pixels does not fit.
    """
    rows = list(_csv_rows(path))
    if not rows:
        raise DataError(f"{path}: no rows. Expected lines of label,pixel,pixel,...")
    table = np.array(rows, np.int64)
    pixels = table[:, 1:]
    if pixels.size == 0 or pixels.min() < 0 or pixels.max() > 255:
        raise DataError(f"{path}: pixels must be whole numbers from 0 to 255 in the columns after the label.")
    return pixels.astype(np.uint8).reshape(len(rows), *_csv_shape(path, pixels.shape[1], input_shape)), table[:, 0]


def _csv_rows(path: Path) -> Iterable[list[int]]:
    width = None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if not row or (number == 1 and not row[0].strip().lstrip("-").isdigit()):
                    continue
                width = width or len(row)
                if len(row) != width:
                    raise DataError(f"{path}: line {number} has {len(row)} columns, the lines before have {width}.")
                yield [int(cell) for cell in row]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise DataError(f"{path}: can't be read as CSV of whole numbers ({error}).") from error


def _csv_shape(path: Path, pixels: int, input_shape: Sequence[int] | None) -> tuple[int, ...]:
    if input_shape is not None and int(np.prod(input_shape)) == pixels:
        return tuple(input_shape)
    side = int(np.sqrt(pixels))
    if side * side == pixels:
        return side, side, 1
    wanted = f" (the network takes {tuple(input_shape)})" if input_shape is not None else ""
    raise DataError(f"{path}: {pixels} pixels in a row are no square picture{wanted}.")


def list_image_folder(root: Path) -> list[tuple[Path, str]]:
    """(file, label) pairs of a folder of `label/image.png`, in order of label and file name.

    Raises:
        DataError: there is no picture in any sub-folder.
    """
    pairs = [
        (file, folder.name)
        for folder in sorted(root.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in IMAGE_SUFFIXES
    ]
    if not pairs:
        raise DataError(f"{root}: no pictures found. Expected one sub-folder per label with .png or .jpg files in it.")
    return pairs


def read_image(path: Path, channels: int) -> NDArray[np.uint8]:
    """Picture uint8 (H, W, C), grey for channels=1 and RGB for channels=3.

    Raises:
        DataError: the file is no readable picture.
        MissingExtraError: OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError("Reading pictures needs OpenCV: pip install 'edgenet[train]'") from error
    raw = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR) if raw.size else None
    if image is None:
        raise DataError(f"{path}: not a readable picture ({raw.size} bytes). Remove it or replace it.")
    result: NDArray[np.uint8] = image[..., None] if channels == 1 else image[..., ::-1]
    return result

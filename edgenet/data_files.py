"""Readers of data set files: each returns arrays, or raises a DataError that names the file."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device.digit_sets import NPZ_ERRORS
from device.picture_file import read_picture
from edgenet.errors import DataError, MissingExtraError

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Names = NDArray[np.str_]

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
    except NPZ_ERRORS as error:
        raise DataError(f"{path}: can't be read as .npz ({error}). {_REFETCH}") from error


def read_csv(path: Path, input_shape: Sequence[int] | None) -> tuple[Images, Labels | Names]:
    """Images (N, H, W, C) and labels (N,) of a CSV with the label first and then one column per pixel, 0 to 255.

    Labels are numbers, or words where one of them is no number. A first line whose pixels are not numbers, or whose
    label is a word above numbers alone, is taken as a header. Pixels are in row order; without input_shape (H, W, C)
    the number of columns has to be a square.

    Raises:
        DataError: a line is ragged, a pixel is no number from 0 to 255, or the number of pixels does not fit.
    """
    rows = list(_csv_rows(path))
    if len(rows) > 1 and not _is_number(rows[0][0]) and all(_is_number(label) for label, _ in rows[1:]):
        del rows[0]
    if not rows:
        raise DataError(f"{path}: no rows. Expected lines of label,pixel,pixel,...")
    pixels = np.frombuffer(b"".join(row for _, row in rows), np.uint8).reshape(len(rows), -1)
    return pixels.reshape(len(rows), *_csv_shape(path, pixels.shape[1], input_shape)), _csv_labels(path, rows)


def _csv_rows(path: Path) -> Iterable[tuple[str, bytes]]:
    """The label and the pixels of each line."""
    width = None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if not row or (number == 1 and not all(map(_is_number, row[1:]))):
                    continue
                width = width or len(row)
                if len(row) != width:
                    raise DataError(f"{path}: line {number} has {len(row)} columns, the lines before have {width}.")
                yield row[0].strip(), _csv_pixels(path, number, row[1:])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: can't be read as CSV ({error}).") from error


def _csv_pixels(path: Path, number: int, cells: Sequence[str]) -> bytes:
    try:
        if cells:
            return bytes(map(int, cells))
    except ValueError:
        pass
    raise DataError(
        f"{path}: line {number}: pixels must be whole numbers from 0 to 255 in the columns after the label."
    )


def _csv_labels(path: Path, rows: Sequence[tuple[str, bytes]]) -> Labels | Names:
    labels = [label for label, _ in rows]
    if not all(map(_is_number, labels)):
        return np.array(labels)
    try:
        return np.array([int(label) for label in labels], np.int64)
    except (OverflowError, ValueError) as error:
        raise DataError(
            f"{path}: a label is a number of {max(map(len, labels))} digits. Expected 0 to 9999."
        ) from error


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"\s*-?[0-9]+\s*", cell) is not None


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
        image = read_picture(path, gray=channels == 1)
    except ImportError as error:
        raise MissingExtraError("Reading pictures needs OpenCV: pip install 'edgenet[train]'") from error
    if image is None:
        size = path.stat().st_size
        raise DataError(f"{path}: not a readable picture ({size} bytes). Remove it or replace it.")
    result: NDArray[np.uint8] = image[..., None] if channels == 1 else image[..., ::-1]
    return result

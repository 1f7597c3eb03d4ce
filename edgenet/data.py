"""Data sets by name or path: `load_splits("mnist")`, `load_split("my/folder", "test")`.

A name is looked for in the folder that EDGENET_DATA names, in the user's cache folder, in Keras's own download; where
none of these answers, the 1,797 real handwritten digits inside scikit-learn stand in, and `Dataset.source` says so.
A path is a folder of `label/image.png` (with `train/` and `test/` above it if you like), an `.npz` or a `.csv`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgenet import data_files
from edgenet.errors import DataError, DataMissingError
from edgenet.keras_library import import_keras

NAMES = ("mnist", "sklearn-digits")
SPLITS = ("train", "validation", "test")
DIGITS = tuple("0123456789")
_MNIST_TERMS = "MNIST (LeCun, Cortes, Burges); its authors state no licence, it is commonly given as CC BY-SA 3.0"
_SKLEARN_TERMS = (
    "UCI Optical Recognition of Handwritten Digits (Alpaydin, Kaynak), CC BY 4.0, as shipped in scikit-learn"
)
_USER_TERMS = "the user's own data"
_SPLIT_SEED = 20260101
_DOWNLOAD_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures.

    Attributes:
        name: which data set this really is, e.g. "mnist"; a fallback has its own name.
        images: uint8 (N, H, W, C).
        labels: int64 (N,), indices into class_names.
        class_names: one name per class.
        source: a sentence that says which data was used and from where.
        terms: what the data's source states about its use.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    source: str
    terms: str

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64] | slice) -> Dataset:
        """The same data set with only these samples."""
        return replace(self, images=self.images[index], labels=self.labels[index])


@dataclass(frozen=True)
class Splits:
    """A data set cut in three; validation comes out of the training part and test is never tuned on."""

    train: Dataset
    validation: Dataset
    test: Dataset


def load_splits(
    name_or_path: str | Path,
    *,
    input_shape: Sequence[int] | None = None,
    validation: int | None = None,
    seed: int = 0,
    download: bool = True,
) -> Splits:
    """Train, validation and test part of a data set.

    Args:
        name_or_path: "mnist", "sklearn-digits", or a folder, `.npz` or `.csv`.
        input_shape: (H, W, C) that pictures are brought to; default: as they are.
        validation: how many training samples become the validation part; default and at most a twelfth of them.
        seed: of the draw of the validation part.
        download: whether Keras may fetch a data set that is not on this machine.

    Raises:
        DataError: unknown name, missing or damaged file, or pictures that do not fit.
    """
    train, test = _load(name_or_path, input_shape, download)
    order = np.random.default_rng(seed).permutation(len(train))
    most = max(1, len(train) // 12)
    cut = min(validation or most, most)
    return Splits(train.take(np.sort(order[cut:])), train.take(np.sort(order[:cut])), test)


def load_split(
    name_or_path: str | Path, split: str = "test", *, input_shape: Sequence[int] | None = None, download: bool = True
) -> Dataset:
    """One part of a data set: "train", "validation" or "test". See load_splits."""
    if split not in SPLITS:
        raise DataError(f"{split!r} is no part of a data set. Choose one of {', '.join(SPLITS)}.")
    splits = load_splits(name_or_path, input_shape=input_shape, download=download)
    return {"train": splits.train, "validation": splits.validation, "test": splits.test}[split]


def _load(name_or_path: str | Path, input_shape: Sequence[int] | None, download: bool) -> tuple[Dataset, Dataset]:
    text = str(name_or_path)
    if text == "mnist":
        train, test = _load_mnist(download)
    elif text == "sklearn-digits":
        train, test = _load_sklearn("asked for by name")
    else:
        train, test = _load_path(Path(text), input_shape)
    if input_shape is None:
        return train, test
    return _fit(train, input_shape), _fit(test, input_shape)


def _fit(dataset: Dataset, input_shape: Sequence[int]) -> Dataset:
    from device.preprocess import resize, to_gray

    height, width, channels = input_shape
    images = dataset.images
    if images.shape[3] == 3 and channels == 1:
        images = np.stack([to_gray(image[..., ::-1])[..., None] for image in images])
    if images.shape[3] != channels:
        raise DataError(f"{dataset.name}: pictures have {images.shape[3]} channels, the network takes {channels}.")
    if images.shape[1:3] != (height, width):
        images = np.stack([resize(image, (height, width)).reshape(height, width, channels) for image in images])
    return replace(dataset, images=images)


# --- MNIST and its stand-in ------------------------------------------------------------------------------------------


def data_folder() -> Path | None:
    """The folder that EDGENET_DATA names, or None when it is not set.

    Raises:
        DataError: EDGENET_DATA names no folder.
    """
    value = os.environ.get("EDGENET_DATA")
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise DataError(f"EDGENET_DATA={value}: no such folder. Set it to the folder that holds mnist/, or unset it.")
    return folder


def cache_folder() -> Path:
    """The user's cache folder for data sets: $XDG_CACHE_HOME/edgenet or ~/.cache/edgenet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgenet"


def _load_mnist(download: bool) -> tuple[Dataset, Dataset]:
    named = data_folder()
    for place, folder in (("EDGENET_DATA", named), ("the cache folder", cache_folder())):
        if folder is not None and (folder / "mnist").is_dir():
            return _mnist_from_idx(folder / "mnist", place)
    arrays = _keras_mnist(download)
    if arrays is not None:
        return arrays
    return _load_sklearn("MNIST was not found: EDGENET_DATA, the cache folder and Keras's download had none")


def _mnist_from_idx(folder: Path, place: str) -> tuple[Dataset, Dataset]:
    parts = []
    for prefix, part in (("train", "training"), ("t10k", "test")):
        images = data_files.read_idx(_idx_path(folder, f"{prefix}-images-idx3-ubyte"))
        labels = data_files.read_idx(_idx_path(folder, f"{prefix}-labels-idx1-ubyte"))
        parts.append(_mnist_part(images, labels, f"MNIST's {part} part from {place}", str(folder)))
    return parts[0], parts[1]


def _idx_path(folder: Path, stem: str) -> Path:
    for path in (folder / f"{stem}.gz", folder / stem):
        if path.is_file():
            return path
    raise DataError(f"{folder}: {stem}.gz is missing. Expected MNIST's four IDX files: fetch it or remove the folder.")


def _mnist_part(images: NDArray[np.uint8], labels: NDArray[np.uint8], source: str, where: str) -> Dataset:
    if images.ndim != 3 or images.shape[1:] != (28, 28) or labels.shape != (len(images),) or labels.max(initial=0) > 9:
        raise DataError(
            f"{where}: images {images.shape} and labels {labels.shape} are not MNIST's. "
            "Expected (N, 28, 28) and (N,) with labels 0 to 9: fetch the files again."
        )
    return Dataset("mnist", images[..., None], labels.astype(np.int64), DIGITS, source, _MNIST_TERMS)


def _keras_mnist(download: bool) -> tuple[Dataset, Dataset] | None:
    """MNIST from Keras's download (kept in ~/.keras/datasets), or None where Keras or the network does not answer."""
    kept = Path.home() / ".keras" / "datasets" / "mnist.npz"
    if not kept.exists() and not (download and _download()):
        return None
    arrays = data_files.read_npz(kept)
    missing = {"x_train", "y_train", "x_test", "y_test"} - arrays.keys()
    if missing:
        raise DataError(f"{kept}: {', '.join(sorted(missing))} missing. Delete the file to have it fetched again.")
    parts = [
        _mnist_part(
            arrays[f"x_{part}"].astype(np.uint8),
            arrays[f"y_{part}"].astype(np.uint8),
            f"MNIST's {words} part from Keras's download",
            str(kept),
        )
        for part, words in (("train", "training"), ("test", "test"))
    ]
    return parts[0], parts[1]


def _download() -> bool:
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_TIMEOUT_S)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # where Keras says that it downloads
            import_keras().datasets.mnist.load_data()
    except Exception:  # no keras, no network, a proxy's page instead of the file: the stand-in answers and says so
        return False
    finally:
        socket.setdefaulttimeout(timeout)
    return True


def _load_sklearn(why: str) -> tuple[Dataset, Dataset]:
    from device.preprocess import fit_digit

    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataMissingError(
            f"{why}, and scikit-learn, whose digits would stand in, is not installed. "
            "Run pip install 'edgenet[train]', or set EDGENET_DATA to a folder that holds mnist/."
        ) from error
    bunch = load_digits()
    images = np.stack([fit_digit((image * 15.9375).astype(np.uint8)) for image in bunch.images])[..., None]
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(images))
    full = Dataset(
        "sklearn-digits",
        images,
        bunch.target.astype(np.int64),
        DIGITS,
        f"scikit-learn's 1,797 digits, 8x8 brought to 28x28 ({why}); no MNIST figure",
        _SKLEARN_TERMS,
    )
    return full.take(np.sort(order[360:])), full.take(np.sort(order[:360]))


# --- the user's own data ---------------------------------------------------------------------------------------------


def card_data(name: object, given: str | None, where: str) -> str:
    """The data set to use for a model: the one on the command line, or that of its card where that is still found.

    Raises:
        DataError: the card's data was the user's own and is not here.
    """
    if given is not None:
        return given
    if name in NAMES or (isinstance(name, str) and name and Path(name).exists()):
        return str(name)
    if not name:
        raise DataMissingError(f"{where}: its card names no data set. Say which with --data.")
    raise DataMissingError(
        f"{where}: was made with the data {name!r}, which is not here. Say where it is with --data PATH."
    )


def _load_path(path: Path, input_shape: Sequence[int] | None) -> tuple[Dataset, Dataset]:
    if path.is_dir():
        return _load_folder(path, input_shape)
    if not path.exists():
        raise DataMissingError(
            f"{path}: no data set of this name and no such file. Names: {', '.join(NAMES)}; "
            "paths: a folder of label/image.png, an .npz or a .csv."
        )
    readers: dict[str, Callable[[Path, Sequence[int] | None], tuple[Dataset, Dataset]]]
    readers = {".npz": _load_npz, ".csv": _load_csv}
    if path.suffix.lower() not in readers:
        raise DataError(f"{path}: unknown kind of data file {path.suffix!r}. Expected a folder, .npz or .csv.")
    return readers[path.suffix.lower()](path, input_shape)


def _load_folder(path: Path, input_shape: Sequence[int] | None) -> tuple[Dataset, Dataset]:
    if (path / "train").is_dir() and (path / "test").is_dir():
        names = _natural({label for part in ("train", "test") for _, label in _listing(path / part)})
        return _pictures(path / "train", names, input_shape), _pictures(path / "test", names, input_shape)
    return _cut(_pictures(path, _natural({label for _, label in _listing(path)}), input_shape))


_listing = data_files.list_image_folder


def _pictures(root: Path, names: tuple[str, ...], input_shape: Sequence[int] | None) -> Dataset:
    from device.preprocess import resize

    channels = 3 if input_shape is None else input_shape[2]
    pictures: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for file, label in _listing(root):
        picture = data_files.read_image(file, channels)
        size = pictures[0].shape[:2] if pictures and input_shape is None else picture.shape[:2]
        height, width = size if input_shape is None else (input_shape[0], input_shape[1])
        pictures.append(resize(picture, (height, width)).reshape(height, width, channels))
        labels.append(names.index(label))
    return _user_dataset(root, np.stack(pictures), np.array(labels, np.int64), names)


def _load_csv(path: Path, input_shape: Sequence[int] | None) -> tuple[Dataset, Dataset]:
    images, labels = data_files.read_csv(path, input_shape)
    return _cut(_user_dataset(path, images, *_classes(path, labels)))


def _load_npz(path: Path, input_shape: Sequence[int] | None) -> tuple[Dataset, Dataset]:
    del input_shape
    arrays = data_files.read_npz(path)
    if {"x_train", "y_train", "x_test", "y_test"} <= arrays.keys():
        labels, names = _classes(path, np.concatenate([arrays["y_train"].ravel(), arrays["y_test"].ravel()]))
        cut = arrays["y_train"].size
        train = _user_dataset(path, _npz_images(path, arrays["x_train"]), labels[:cut], names)
        return train, _user_dataset(path, _npz_images(path, arrays["x_test"]), labels[cut:], names)
    if not {"images", "labels"} <= arrays.keys():
        raise DataError(
            f"{path}: has arrays {', '.join(sorted(arrays)) or 'none'}. "
            "Expected images and labels, or x_train, y_train, x_test and y_test."
        )
    return _cut(_user_dataset(path, _npz_images(path, arrays["images"]), *_classes(path, arrays["labels"].ravel())))


def _npz_images(path: Path, array: NDArray[np.generic]) -> NDArray[np.uint8]:
    if array.dtype != np.uint8 or array.ndim not in (3, 4):
        raise DataError(f"{path}: images are {array.dtype} {array.shape}. Expected uint8 (N, H, W) or (N, H, W, C).")
    images: NDArray[np.uint8] = array if array.ndim == 4 else array[..., None]  # type: ignore[assignment]
    return images


def _classes(path: Path, labels: NDArray[np.generic]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels as indices (N,) and the class names; whole numbers from 0 keep their value, so gaps stay gaps."""
    if np.issubdtype(labels.dtype, np.integer):
        numbers = labels.astype(np.int64)
        if numbers.min(initial=0) < 0 or numbers.max(initial=0) > 9999:
            raise DataError(f"{path}: labels go from {numbers.min()} to {numbers.max()}. Expected 0 to 9999.")
        return numbers, tuple(str(n) for n in range(int(numbers.max(initial=0)) + 1))
    names = _natural({str(label) for label in labels})
    return np.array([names.index(str(label)) for label in labels], np.int64), names


def _natural(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (0, int(name), name) if name.isdigit() else (1, 0, name)))


def _user_dataset(path: Path, images: NDArray[np.uint8], labels: NDArray[np.int64], names: tuple[str, ...]) -> Dataset:
    if len(images) != len(labels) or len(images) == 0:
        raise DataError(f"{path}: {len(images)} pictures and {len(labels)} labels. Expected as many, and at least one.")
    name = path.stem or path.name
    return Dataset(name, images, labels, names, f"{path.name} ({len(images):,} samples)", _USER_TERMS)


def _cut(dataset: Dataset) -> tuple[Dataset, Dataset]:
    """Train and test part: one in ten is test, drawn with a fixed seed; a set below 20 samples is used for both."""
    if len(dataset) < 20:
        return dataset, dataset
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(dataset))
    cut = len(dataset) // 10
    return dataset.take(np.sort(order[cut:])), dataset.take(np.sort(order[:cut]))

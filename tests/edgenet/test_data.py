"""Data sets by name and by path, and damaged files that are named and refused."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgenet import data
from edgenet.data import load_split, load_splits
from edgenet.data_files import read_idx
from edgenet.errors import DataError


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any data set: no EDGENET_DATA, an empty cache and home, no network."""
    monkeypatch.delenv("EDGENET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(data, "_download", lambda: False)
    return tmp_path


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def write_small_mnist(folder: Path, train: int = 48, test: int = 10) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for prefix, count in (("train", train), ("t10k", test)):
        write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", rng.integers(0, 256, (count, 28, 28)))
        write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", np.arange(count) % 10)


def test_mnist_is_the_published_one(mnist_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGENET_DATA", str(mnist_dir.parent))
    splits = load_splits("mnist", validation=5000)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (55000, 5000, 10000)
    assert np.bincount(splits.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # md5 of the unpacked t10k images is known; the 16 bytes of header come first
    header = bytes([0, 0, 8, 3]) + np.array([10000, 28, 28], ">u4").tobytes()
    assert hashlib.md5(header + splits.test.images.tobytes()).hexdigest() == "2646ac647ad5339dbf082846283269ea"
    assert "EDGENET_DATA" in splits.test.source


def test_validation_is_cut_from_training_alone_and_by_seed(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small_mnist(nowhere / "data" / "mnist", train=240)
    monkeypatch.setenv("EDGENET_DATA", str(nowhere / "data"))
    first, again, other = (load_splits("mnist", validation=20, seed=seed) for seed in (3, 3, 4))
    assert (len(first.train), len(first.validation)) == (220, 20)
    assert np.array_equal(first.validation.images, again.validation.images)
    assert not np.array_equal(first.validation.images, other.validation.images)
    keys = [{image.tobytes() for image in part.images} for part in (first.train, first.validation, first.test)]
    assert keys[0].isdisjoint(keys[1])
    assert keys[0].isdisjoint(keys[2])


def test_cache_folder_answers_when_edgenet_data_has_no_mnist(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "data").mkdir()
    monkeypatch.setenv("EDGENET_DATA", str(nowhere / "data"))
    write_small_mnist(nowhere / "cache" / "edgenet" / "mnist")
    assert "the cache folder" in load_split("mnist").source


def test_keras_download_answers_next(nowhere: Path) -> None:
    kept = nowhere / ".keras" / "datasets"
    kept.mkdir(parents=True)
    images, labels = np.zeros((12, 28, 28), np.uint8), np.arange(12, dtype=np.uint8) % 10
    np.savez(kept / "mnist.npz", x_train=images, y_train=labels, x_test=images[:5], y_test=labels[:5])
    assert "Keras" in load_split("mnist").source


def test_sklearn_digits_stand_in_and_say_so(nowhere: Path) -> None:
    splits = load_splits("mnist")
    assert splits.test.name == "sklearn-digits"
    assert "no MNIST figure" in splits.test.source
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 1797
    assert splits.train.images.shape[1:] == (28, 28, 1)
    # as MNIST: the centre of mass lies near pixel (14, 14)
    ys, xs = np.mgrid[:28, :28]
    mass = splits.test.images[..., 0].astype(float)
    centre_y = (mass * ys).sum((1, 2)) / mass.sum((1, 2))
    centre_x = (mass * xs).sum((1, 2)) / mass.sum((1, 2))
    assert np.abs(np.stack([centre_x, centre_y]) - 14).max() < 0.75


def test_missing_edgenet_data_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDGENET_DATA", str(tmp_path / "nope"))
    with pytest.raises(DataError, match="nope: no such folder"):
        load_split("mnist")


@pytest.mark.parametrize("keep", [0, 3, 10, 200, -1, -9])
def test_half_downloaded_idx_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    write_idx(path, np.arange(28 * 28 * 3).reshape(3, 28, 28) % 251)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz"):
        read_idx(path)


def test_flipped_bit_in_idx_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    write_idx(path, np.random.default_rng(0).integers(0, 256, (9, 28, 28)))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 4
    path.write_bytes(bytes(raw))
    with pytest.raises(DataError, match="t10k-images"):
        read_idx(path)


def test_missing_idx_file_is_named(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small_mnist(nowhere / "data" / "mnist")
    (nowhere / "data" / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("EDGENET_DATA", str(nowhere / "data"))
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte"):
        load_split("mnist")


def make_folder(root: Path, labels: Sequence[str] = "abc", each: int = 8, size: tuple[int, int] = (30, 20)) -> None:
    rng = np.random.default_rng(1)
    for label in labels:
        (root / label).mkdir(parents=True)
        for i in range(each):
            cv2.imwrite(str(root / label / f"{i}.png"), rng.integers(0, 256, (*size, 3), np.uint8))


def test_folder_of_pictures(tmp_path: Path) -> None:
    make_folder(tmp_path)
    splits = load_splits(tmp_path, input_shape=(16, 16, 1))
    assert splits.train.class_names == ("a", "b", "c")
    assert splits.train.images.shape[1:] == (16, 16, 1)
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 24


def test_folder_with_train_and_test_keeps_them_apart(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", ["1", "10", "2"], 5)
    make_folder(tmp_path / "test", ["1", "10", "2"], 2)
    splits = load_splits(tmp_path, input_shape=(8, 8, 3))
    assert splits.test.class_names == ("1", "2", "10")
    assert len(splits.test) == 6
    picture = cv2.imread(str(tmp_path / "test" / "1" / "0.png"))[..., ::-1]
    assert abs(float(splits.test.images[0].mean()) - float(picture.mean())) < 6


def test_broken_picture_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_folder(tmp_path)
    picture = tmp_path / "b" / "3.png"
    for damaged in (b"\x89PNG nothing more", picture.read_bytes()[:600], b""):
        picture.write_bytes(damaged)
        with pytest.raises(DataError, match=r"3\.png: not a readable picture"):
            load_split(tmp_path, input_shape=(8, 8, 1))
    assert capfd.readouterr().err == ""  # OpenCV has its own to say


def test_csv_with_header_and_label_first(tmp_path: Path) -> None:
    rows = ["label," + ",".join(f"p{i}" for i in range(16))]
    rows += [f"{i % 3}," + ",".join(str((i + j) % 256) for j in range(16)) for i in range(30)]
    path = tmp_path / "digits.csv"
    path.write_text("\n".join(rows))
    splits = load_splits(path)
    assert splits.train.images.shape[1:] == (4, 4, 1)
    assert splits.train.class_names == ("0", "1", "2")


@pytest.mark.parametrize("header", ["", "label,p0,p1,p2,p3\n", "label,0,1,2,x\n"])
def test_csv_labels_may_be_words(tmp_path: Path, header: str) -> None:
    path = tmp_path / "names.csv"
    path.write_text(header + "three,1,2,3,4\ntwo,5,6,7,8\n 3 ,9,9,9,9\n")
    test = load_split(path)
    assert [test.class_names[label] for label in test.labels] == ["three", "two", "3"]
    assert test.images[1].ravel().tolist() == [5, 6, 7, 8]


def test_csv_header_may_number_the_pixels(tmp_path: Path) -> None:
    path = tmp_path / "numbered.csv"
    path.write_text("label,0,1,2,3\n7,1,2,3,4\n2,5,6,7,8\n")
    test = load_split(path)
    assert test.labels.tolist() == [7, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [("1,2,3,4,5\n1,2,3\n", "line 2 has 3 columns"), ("1,2,3,4,999\n", "0 to 255"), ("", "no rows"),
     ("1,2,3,4,5\n1,2,3,x,5\n", "line 2: pixels must be whole numbers"), ("1,2,3,4\n", "no square"),
     ("1,2,3,4,-5\n", "0 to 255"), ("1\n2\n", "columns after the label"), ("-1,2,3,4,5\n", "labels go from -1"),
     ("99999999999999999999,1,2,3,4\n", r"bad\.csv: a label is a number of 20 digits"),
     ("1,1,2,3,99999999999999999999\n", "0 to 255"), ("10000,1,2,3,4\n", "Expected 0 to 9999")],
)  # fmt: skip
def test_bad_csv_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        load_split(path)


def test_npz_of_images_and_labels(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 12), np.uint8)
    np.savez(tmp_path / "mine.npz", images=images, labels=np.arange(40) % 4)
    splits = load_splits(tmp_path / "mine.npz")
    assert splits.train.images.shape[1:] == (12, 12, 1)
    assert len(splits.test) == 4


def test_damaged_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    images = np.random.default_rng(0).integers(0, 256, (40, 12, 12), np.uint8)
    np.savez_compressed(path, images=images, labels=np.arange(40))
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(DataError, match=r"mine\.npz"):
        load_split(path)


@pytest.mark.parametrize("name", ["imagenet", "no/such/folder"])
def test_unknown_data_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(DataError, match=r"mnist, sklearn-digits"):
        load_split(name)


def test_real_file_cut_short_is_refused(mnist_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mnist").mkdir()
    for path in mnist_dir.iterdir():
        shutil.copyfile(path, tmp_path / "mnist" / path.name)
    half = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    monkeypatch.setenv("EDGENET_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz.*fetch it again"):
        load_split("mnist")

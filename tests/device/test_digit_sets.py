"""The digits that the simulation shows: which set is used, and damaged ones."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from device.digit_sets import DigitSet, load_digits
from device.errors import DeviceError
from device.strokes import draw_digits


def write_idx(folder: Path, images: np.ndarray, labels: np.ndarray, pack: bool) -> None:
    for name, magic, array in (("images-idx3", 2051, images), ("labels-idx1", 2049, labels)):
        content = np.array([magic, *array.shape], ">i4").tobytes() + array.astype(np.uint8).tobytes()
        path = folder / f"t10k-{name}-ubyte{'.gz' if pack else ''}"
        path.write_bytes(gzip.compress(content) if pack else content)


def test_a_file_comes_first(tmp_path: Path, drawn: DigitSet) -> None:
    np.savez(tmp_path / "mine.npz", images=drawn.images, labels=drawn.labels)
    digits = load_digits(tmp_path / "mine.npz")
    assert (digits.images == drawn.images).all()
    assert digits.name == "mine.npz"


@pytest.mark.parametrize("pack", [True, False])
def test_then_mnist(tmp_path: Path, drawn: DigitSet, monkeypatch: pytest.MonkeyPatch, pack: bool) -> None:
    (tmp_path / "mnist").mkdir()
    write_idx(tmp_path / "mnist", drawn.images, drawn.labels, pack)
    monkeypatch.setenv("EDGENET_DATA", str(tmp_path))
    digits = load_digits()
    assert digits.name == "MNIST's test part"
    assert (digits.images == drawn.images).all()
    assert (digits.labels == drawn.labels).all()


def test_then_scikit_learn_then_drawn_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGENET_DATA", str(tmp_path))
    pytest.importorskip("sklearn")
    digits = load_digits()
    assert "scikit-learn" in digits.name
    assert digits.images.shape == (1797, 28, 28)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    monkeypatch.delenv("EDGENET_DATA")
    digits = load_digits(seed=3)
    assert "stroke generator" in digits.name
    assert np.bincount(digits.labels).tolist() == [50] * 10


def test_damaged_sets_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeviceError, match=r"expected an \.npz file"):
        load_digits(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(DeviceError, match=r"expected an \.npz file"):
        load_digits(tmp_path / "text.npz")
    np.savez(tmp_path / "small.npz", images=np.zeros((3, 8, 8), np.uint8), labels=np.zeros(3))
    with pytest.raises(DeviceError, match=r"got uint8 \(3, 8, 8\)"):
        load_digits(tmp_path / "small.npz")
    (tmp_path / "mnist").mkdir()
    write_idx(tmp_path / "mnist", np.zeros((2, 28, 28)), np.zeros(2), pack=True)
    packed = tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-9])
    monkeypatch.setenv("EDGENET_DATA", str(tmp_path))
    with pytest.raises(DeviceError, match="damaged IDX file"):
        load_digits()


@pytest.mark.parametrize("keep", [1, 100, 5000, -1, -50])
@pytest.mark.parametrize("pack", [np.savez, np.savez_compressed], ids=["plain", "packed"])
def test_a_file_that_is_cut_short_is_one_line(
    tmp_path: Path, drawn: DigitSet, keep: int, pack: Callable[..., None]
) -> None:
    pack(tmp_path / "cut.npz", images=drawn.images, labels=drawn.labels)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:keep])
    with pytest.raises(DeviceError, match=r"cut\.npz: expected an \.npz file"):
        load_digits(tmp_path / "cut.npz")


@pytest.mark.parametrize("labels", [["one"] * 3, [0, 1, 10], [-1, 0, 1], [0.5] * 3, [[1], [2], [3]], [1, 2]], ids=str)
def test_labels_that_are_no_digits_are_one_line(tmp_path: Path, labels: list[object]) -> None:
    np.savez(tmp_path / "odd.npz", images=np.zeros((3, 28, 28), np.uint8), labels=np.array(labels))
    with pytest.raises(DeviceError, match=r"N labels from 0 to 9, got"):
        load_digits(tmp_path / "odd.npz")


def test_drawn_digits_are_the_same_for_the_same_seed_and_differ_among_themselves() -> None:
    images, labels = draw_digits(20, seed=1)
    assert (images == draw_digits(20, seed=1)[0]).all()
    assert (images != draw_digits(20, seed=2)[0]).any()
    assert labels.tolist() == [*range(10), *range(10)]
    assert (images[:10] != images[10:]).any(axis=(1, 2)).all()

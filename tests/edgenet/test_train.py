"""Training: what a recipe promises."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgenet.data import Splits, load_splits
from edgenet.errors import RecipeError
from edgenet.recipe import AugmentRecipe, DataRecipe, Recipe, TrainRecipe, read_recipe
from edgenet.train import distort

ROOT = Path(__file__).resolve().parents[2]
RECIPE = Recipe(
    name="tiny",
    network="lenet5",
    seed=5,
    data=DataRecipe("sklearn-digits", 100),
    augment=AugmentRecipe(rotate_degrees=5, shift_pixels=1),
    train=TrainRecipe(epochs=3, batch_size=64, learning_rate=0.003, samples=600),
)


def blob(x: float, y: float) -> np.ndarray:
    """A round spot at (x, y) in a 28x28 picture."""
    ys, xs = np.mgrid[:28, :28]
    spot = 255 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 8)
    return spot.astype(np.uint8)[None, ..., None]


def centre(image: np.ndarray) -> tuple[float, float]:
    mass = image[..., 0].astype(float)
    ys, xs = np.mgrid[: mass.shape[0], : mass.shape[1]]
    return float((mass * xs).sum() / mass.sum()), float((mass * ys).sum() / mass.sum())


def test_no_distortion_changes_nothing() -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 28, 28, 1), np.uint8)
    assert np.array_equal(distort(images, np.random.default_rng(1), AugmentRecipe()), images)


def test_rotation_turns_about_the_centre_within_its_limit() -> None:
    images = np.repeat(blob(20.5, 13.5), 400, axis=0)  # 7 pixels right of the centre
    turned = distort(images, np.random.default_rng(1), AugmentRecipe(rotate_degrees=30))
    offsets = np.array([centre(image) for image in turned]) - 13.5
    angles = np.degrees(np.arctan2(offsets[:, 1], offsets[:, 0]))
    assert np.allclose(np.hypot(offsets[:, 0], offsets[:, 1]), 7, atol=0.1)
    assert 27 < angles.max() < 30.5
    assert -30.5 < angles.min() < -27


def test_shift_moves_within_its_limit_on_both_axes() -> None:
    images = np.repeat(blob(13.5, 13.5), 400, axis=0)
    moved = np.array([centre(i) for i in distort(images, np.random.default_rng(1), AugmentRecipe(shift_pixels=3))])
    assert np.abs(moved - 13.5).max() < 3.05
    assert (moved.max(0) > 16).all()
    assert (moved.min(0) < 11).all()


@pytest.mark.parametrize("module", ["edgenet/networks.py", "edgenet/train.py"])
def test_networks_and_training_speak_keras_only(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in names if name.split(".")[0] in ("tensorflow", "tf", "jax", "torch")}


class Untouchable:
    """Stands where the test part is: any look at it fails."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"training looked at the test part ({name})")


@pytest.mark.slow
def test_fit_learns_repeats_itself_and_keeps_the_best_epoch() -> None:
    from edgenet.train import fit

    splits = load_splits("sklearn-digits", validation=100, seed=RECIPE.seed)
    blind = Splits(splits.train, splits.validation, Untouchable())  # type: ignore[arg-type]
    lines: list[str] = []
    first, second = fit(RECIPE, blind, lines.append), fit(RECIPE, blind)
    assert len(lines) == 3
    best = first.history["epochs"][first.history["best_epoch"] - 1]
    assert best["val_accuracy"] == max(epoch["val_accuracy"] for epoch in first.history["epochs"]) > 0.8
    said = first.model.predict(splits.validation.images.astype(np.float32) / 255, verbose=0).argmax(1)
    assert (said == splits.validation.labels).mean() == pytest.approx(best["val_accuracy"], abs=1e-6)
    assert [e["val_accuracy"] for e in first.history["epochs"]] == [e["val_accuracy"] for e in second.history["epochs"]]
    assert first.history["train_samples"] == 600


@pytest.mark.slow
def test_the_demo_learns_where_there_is_no_mnist() -> None:
    from edgenet.train import fit

    recipe = read_recipe(ROOT / "models" / "digits" / "recipe.toml", "quick")
    splits = load_splits("sklearn-digits", validation=recipe.data.validation, seed=recipe.seed)
    lines: list[str] = []
    trained = fit(recipe, splits, lines.append)
    said = trained.model.predict(splits.test.images.astype(np.float32) / 255, verbose=0).argmax(1)
    assert (said == splits.test.labels).mean() > 0.96
    assert len(trained.history["epochs"]) > 50  # 1,318 pictures: many short epochs
    assert len(lines) <= 26


@pytest.mark.slow
def test_networks_have_the_published_sizes() -> None:
    from edgenet.networks import build_network

    # LeNet-5 with full connections between its feature maps: 61,706 weights, as usually given
    assert build_network("lenet5", (28, 28, 1), 10).count_params() == 61706
    with pytest.raises(RecipeError, match="small_cnn, lenet5"):
        build_network("resnet152", (28, 28, 1), 10)

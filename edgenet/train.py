"""Train a network by its recipe: fixed seeds, random affine distortion, the epoch best on validation data kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgenet.data import Dataset, Splits
from edgenet.keras_library import import_keras
from edgenet.networks import build_network
from edgenet.recipe import AugmentRecipe, Recipe

Progress = Callable[[str], None]
MOST_PROGRESS_LINES = 25


@dataclass(frozen=True)
class Trained:
    """A trained keras.Model and how it came about (see history.json)."""

    model: Any
    history: dict[str, Any]


def fit(recipe: Recipe, splits: Splits, on_progress: Progress = lambda line: None) -> Trained:
    """The network of a recipe, trained on splits.train, with the weights of the epoch best on splits.validation.

    Pictures enter as float32 pixel / 255. Nothing here looks at splits.test.

    Raises:
        RecipeError: the recipe names an unknown network.
        MissingExtraError: keras is not installed.
    """
    keras = import_keras()
    keras.utils.set_random_seed(recipe.seed)
    train = _limited(splits.train, recipe)
    model = build_network(recipe.network, recipe.input_shape, len(train.class_names))
    batches = -(-len(train) // recipe.train.batch_size)
    epochs = max(recipe.train.epochs, -(-recipe.train.min_steps // batches))
    model.compile(
        optimizer=_optimizer(keras, recipe, epochs, batches),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.train.label_smoothing),
        metrics=["accuracy"],
        # XLA is slower than TensorFlow's own kernels for networks of this size on a CPU; JAX needs it.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    keeper = _keeper(keras, epochs, on_progress)
    validation = (_as_input(splits.validation.images), _one_hot(splits.validation))
    sequence = _batches(keras, recipe, train)
    model.fit(sequence, epochs=epochs, validation_data=validation, verbose=0, callbacks=[keeper])
    model.set_weights(keeper.best_weights)
    return Trained(model, _history(recipe, train, splits, keeper))


def _limited(train: Dataset, recipe: Recipe) -> Dataset:
    samples = recipe.train.samples
    if samples is None or samples >= len(train):
        return train
    return train.take(np.sort(np.random.default_rng(recipe.seed).permutation(len(train))[:samples]))


def _as_input(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images.astype(np.float32) / np.float32(255)


def _one_hot(dataset: Dataset) -> NDArray[np.float32]:
    return np.eye(len(dataset.class_names), dtype=np.float32)[dataset.labels]


def _optimizer(keras: Any, recipe: Recipe, epochs: int, batches: int) -> Any:
    """AdamW with a linear warm-up and a cosine decay."""
    total = epochs * batches
    warmup = min(total - 1, max(0, round(recipe.train.warmup_epochs * batches)))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.train.learning_rate / 20 if warmup else recipe.train.learning_rate,
        decay_steps=max(1, total - warmup),
        alpha=0.005,
        warmup_target=recipe.train.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(schedule, weight_decay=recipe.train.weight_decay)


def distort(images: NDArray[np.uint8], rng: np.random.Generator, augment: AugmentRecipe) -> NDArray[np.uint8]:
    """The pictures (N, H, W, C) uint8, each under its own random rotation, scale, shear and shift about its centre."""
    import cv2

    height, width = images.shape[1:3]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    out = np.empty_like(images)
    for target, image, matrix in zip(out, images, _matrices(len(images), rng, augment), strict=True):
        shift = matrix[:, 2] + centre - matrix[:, :2] @ centre
        warped = cv2.warpAffine(image, np.column_stack([matrix[:, :2], shift]), (width, height))
        target[...] = warped.reshape(target.shape)
    return out


def _matrices(count: int, rng: np.random.Generator, augment: AugmentRecipe) -> Iterator[NDArray[np.float64]]:
    angle, shear, scale_x, scale_y, x, y = rng.uniform(-1, 1, (6, count))
    angle = np.radians(angle * augment.rotate_degrees)
    for i in range(count):
        c, s = math.cos(angle[i]), math.sin(angle[i])
        turn = np.array([[c, -s], [s, c]]) @ np.array([[1.0, shear[i] * augment.shear], [0.0, 1.0]])
        turn = turn @ np.diag([1 + scale_x[i] * augment.scale, 1 + scale_y[i] * augment.scale])
        yield np.column_stack([turn, [x[i] * augment.shift_pixels, y[i] * augment.shift_pixels]])


def _batches(keras: Any, recipe: Recipe, train: Dataset) -> Any:
    """A keras PyDataset: shuffled and distorted anew each epoch, by the recipe's seed alone."""
    targets, size = _one_hot(train), recipe.train.batch_size
    distorted = recipe.augment != AugmentRecipe()

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(workers=1, use_multiprocessing=False)
            self.epoch = -1
            self.on_epoch_end()

        def on_epoch_end(self) -> None:
            self.epoch += 1
            self.order = np.random.default_rng((recipe.seed, self.epoch)).permutation(len(train))

        def __len__(self) -> int:
            return -(-len(train) // size)

        def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            chosen = self.order[index * size : (index + 1) * size]
            images = train.images[chosen]
            if distorted:
                images = distort(images, np.random.default_rng((recipe.seed, self.epoch, index)), recipe.augment)
            return _as_input(images), targets[chosen]

    return Batches()


def _keeper(keras: Any, epochs: int, on_progress: Progress) -> Any:
    """A callback that keeps the best weights (accuracy, then loss, on validation data) and reports each epoch."""

    class Keeper(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.best: tuple[float, float] = (-1.0, -math.inf)
            self.best_epoch = 0
            self.best_weights: list[NDArray[np.float32]] = []
            self.epochs: list[dict[str, float]] = []
            self.began = time.monotonic()

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            values = {key: round(float(value), 6) for key, value in (logs or {}).items()}
            rank = (values["val_accuracy"], -values["val_loss"])
            if rank > self.best:
                self.best, self.best_epoch, self.best_weights = rank, epoch + 1, self.model.get_weights()
            rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
            self.epochs.append({"epoch": epoch + 1, **values, "learning_rate": round(rate, 8)})
            if (epoch + 1) % -(-epochs // MOST_PROGRESS_LINES) == 0 or epoch + 1 == epochs:
                on_progress(_epoch_line(epoch + 1, epochs, values, time.monotonic() - self.began))

    return Keeper()


def _epoch_line(epoch: int, epochs: int, values: dict[str, float], seconds: float) -> str:
    return (
        f"epoch {epoch:2d}/{epochs}  loss {values['loss']:.4f}  accuracy {values['accuracy']:.2%}  "
        f"validation {values['val_accuracy']:.2%}  {seconds:.0f} s"
    )


def _history(recipe: Recipe, train: Dataset, splits: Splits, keeper: Any) -> dict[str, Any]:
    return {
        "recipe": recipe.name,
        "network": recipe.network,
        "preset": recipe.preset,
        "seed": recipe.seed,
        "data": train.name,
        "data_source": train.source,
        "data_terms": train.terms,
        "class_names": list(train.class_names),
        "train_samples": len(train),
        "validation_samples": len(splits.validation),
        "parameters": keeper.model.count_params(),
        "best_epoch": keeper.best_epoch,
        "seconds": round(time.monotonic() - keeper.began, 1),
        "epochs": keeper.epochs,
    }

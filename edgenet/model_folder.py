"""The files of a model folder: found, read, and written one by one beside their place and then renamed."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from device.card import ModelCard
from device.errors import DeviceError
from edgenet.errors import EdgenetError, RecipeError
from edgenet.quantize import MODEL_FILE, CardFacts, Quantized
from edgenet.recipe import Recipe
from edgenet.train import Trained
from firmware_export.files import write_file

RECIPE_FILE, KERAS_FILE, HISTORY_FILE, LABELS_FILE, CARD_FILE = (
    "recipe.toml", "model.keras", "history.json", "labels.txt", "card.json",
)  # fmt: skip


def model_roots() -> tuple[Path, ...]:
    """Folders with models: the checkout's, then the installed package's."""
    here = Path(__file__).resolve().parents[1]
    return here / "models", here / "device" / "models"


def find_recipe(thing: str) -> Path:
    """The recipe.toml of a model name, a model folder, or itself.

    Raises:
        RecipeError: there is none.
    """
    path = Path(thing)
    candidates = [path, path / RECIPE_FILE, *(root / thing / RECIPE_FILE for root in model_roots())]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    known = sorted({recipe.parent.name for root in model_roots() for recipe in root.glob(f"*/{RECIPE_FILE}")})
    raise RecipeError(f"{thing}: no recipe found. Give a folder with a {RECIPE_FILE}, or one of: {', '.join(known)}.")


def _make_folder(folder: Path) -> Path:
    """The folder, made if need be and known to take files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise EdgenetError(
            f"{folder}: can't write there ({error.strerror}). Choose another folder with --out."
        ) from error
    return folder


@contextlib.contextmanager
def output_folder(folder: Path) -> Iterator[Path]:
    """The folder, made if need be; whichever folder it made is removed again where an error left it empty.

    Raises:
        EdgenetError: it can't be made or written to.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield _make_folder(folder)
    except BaseException:
        with contextlib.suppress(OSError):  # of the first that is not empty, so that those above stay too
            for path in made:
                path.rmdir()
        raise


def write_json(path: Path, value: Any) -> None:
    """Writes a value as JSON, whole or not at all."""
    write_file(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def write_trained(folder: Path, trained: Trained, recipe_path: Path) -> Path:
    """Writes model.keras, history.json and a copy of the recipe; returns the path of the model."""
    target, copy = folder / KERAS_FILE, folder / RECIPE_FILE
    if recipe_path.resolve() != copy.resolve():
        write_file(copy, recipe_path.read_bytes())
    with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as work:
        trained.model.save(Path(work) / KERAS_FILE)
        os.replace(Path(work) / KERAS_FILE, target)
    write_json(folder / HISTORY_FILE, trained.history)
    return target


def write_quantized(folder: Path, quantized: Quantized) -> Path:
    """Writes the .tflite, labels.txt and card.json; returns the path of the .tflite.

    Figures on a card that is there already stay if they belong to this very model.
    """
    card = quantized.card
    with contextlib.suppress(DeviceError):
        before = ModelCard.load(folder)
        card = replace(card, metrics=before.metrics if before.sha256 == card.sha256 else card.metrics)
    write_file(folder / MODEL_FILE, quantized.tflite)
    write_file(folder / LABELS_FILE, ("\n".join(card.labels) + "\n").encode())
    write_json(folder / CARD_FILE, card.to_json())
    return folder / MODEL_FILE


def write_float(folder: Path, model_path: Path, quantized: Quantized) -> None:
    """Puts the float model that the int8 one equals beside it as model.keras, so that check and prove find it."""
    target = folder / KERAS_FILE
    if quantized.keras is not None:
        write_file(target, quantized.keras)
    elif model_path.resolve() != target.resolve():
        write_file(target, model_path.read_bytes())


def read_history(folder: Path) -> dict[str, Any] | None:
    """What edgenet train wrote of a training, or None where the model came from elsewhere.

    Raises:
        EdgenetError: the file is damaged.
    """
    path = folder / HISTORY_FILE
    if not path.is_file():
        return None
    try:
        history: dict[str, Any] = json.loads(path.read_text("utf-8"))
        numbers = [row["epoch"] for row in history["epochs"]]
    except (ValueError, KeyError, TypeError) as error:
        raise EdgenetError(
            f"{path}: not a training history ({type(error).__name__}: {error}). Delete it, or run: edgenet train"
        ) from error
    return history if numbers else None


def card_facts(recipe: Recipe, history: dict[str, Any] | None) -> CardFacts:
    """What the card says of a network trained by a recipe."""
    data = None
    if history is not None:
        data = {
            "name": history["data"],
            "source": history["data_source"],
            "terms": history["data_terms"],
            "train_samples": history["train_samples"],
            "validation_samples": history["validation_samples"],
            "preset": history["preset"],
        }
    return CardFacts(recipe.name, recipe.preprocessing, recipe.licence, data=data)

"""Recipes: how a network is trained and quantized, read from `models/<name>/recipe.toml`. Unknown keys are errors."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgenet.errors import RecipeError


@dataclass(frozen=True)
class DataRecipe:
    """Which data set, and how many of its training samples become the validation part."""

    name: str = "mnist"
    validation: int = 5000


@dataclass(frozen=True)
class AugmentRecipe:
    """Random affine distortion of training pictures: each value is the largest change in either direction."""

    rotate_degrees: float = 0.0
    shift_pixels: float = 0.0
    scale: float = 0.0
    shear: float = 0.0


@dataclass(frozen=True)
class TrainRecipe:
    """Adam with a linear warm-up and a cosine decay of the learning rate.

    min_steps is for small data sets: they get as many epochs as it takes for that many steps.
    """

    epochs: int = 10
    min_steps: int = 0
    batch_size: int = 64
    learning_rate: float = 0.002
    warmup_epochs: float = 0.5
    label_smoothing: float = 0.0
    weight_decay: float = 0.0
    samples: int | None = None


@dataclass(frozen=True)
class QuantizeRecipe:
    """How many training pictures calibrate the activation ranges."""

    calibration: int = 500


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a trained network will be."""

    name: str
    network: str
    input_shape: tuple[int, ...] = (28, 28, 1)
    preprocessing: str = "digit-box"
    seed: int = 1
    licence: str = "Apache-2.0"
    preset: str = "full"
    data: DataRecipe = field(default_factory=DataRecipe)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)
    train: TrainRecipe = field(default_factory=TrainRecipe)
    quantize: QuantizeRecipe = field(default_factory=QuantizeRecipe)


def read_recipe(path: Path, preset: str = "full") -> Recipe:
    """The recipe in a TOML file, with the changes of `[preset.NAME]` applied unless the preset is "full".

    Raises:
        RecipeError: the file is missing or no TOML, a key is unknown, a value has the wrong type or makes no sense.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise RecipeError(f"{path}: no such recipe. A model folder holds a recipe.toml.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path}: can't be read as TOML ({error}).") from error
    presets = table.pop("preset", {})
    if preset != "full":
        if preset not in presets:
            known = ", ".join(["full", *presets])
            raise RecipeError(f"{path}: has no preset {preset!r}. Choose one of {known}.")
        table = _merge(table, presets[preset]) | {"preset": preset}
    recipe = _build(Recipe, table, str(path), "")
    _sane(recipe, str(path))
    return typing.cast(Recipe, recipe)


def _merge(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _build(cls: type, table: dict[str, Any], where: str, prefix: str) -> Any:
    hints = typing.get_type_hints(cls)
    for key in table:
        if key not in hints:
            close = difflib.get_close_matches(key, hints, 1)
            hint = f" Did you mean {prefix}{close[0]}?" if close else f" Known: {', '.join(hints)}."
            raise RecipeError(f"{where}: unknown key {prefix}{key}.{hint}")
    needed = [f.name for f in dataclasses.fields(cls) if _required(f) and f.name not in table]
    if needed:
        raise RecipeError(f"{where}: {prefix}{needed[0]} is missing.")
    return cls(**{key: _value(hints[key], value, where, prefix + key) for key, value in table.items()})


def _required(item: dataclasses.Field[Any]) -> bool:
    return item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING


def _value(hint: Any, value: Any, where: str, key: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise RecipeError(f"{where}: {key} is {value!r}. Expected a table [{key}].")
        return _build(typing.cast(type, hint), value, where, f"{key}.")
    if typing.get_origin(hint) is tuple:
        if isinstance(value, list) and value and all(type(item) is int for item in value):
            return tuple(value)
        raise RecipeError(f"{where}: {key} is {value!r}. Expected whole numbers such as [28, 28, 1].")
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if float in kinds and type(value) is int:
        return float(value)
    if type(value) not in kinds:
        names = " or ".join(kind.__name__ for kind in kinds if kind is not type(None))
        raise RecipeError(f"{where}: {key} is {value!r}. Expected {names}.")
    return value


def _sane(recipe: Recipe, where: str) -> None:
    train, augment = recipe.train, recipe.augment
    rules = (
        (train.epochs >= 1, "train.epochs", train.epochs, "1 or more"),
        (train.min_steps >= 0, "train.min_steps", train.min_steps, "0 or more"),
        (train.batch_size >= 1, "train.batch_size", train.batch_size, "1 or more"),
        (0 < train.learning_rate < 10, "train.learning_rate", train.learning_rate, "between 0 and 10"),
        (0 <= train.label_smoothing < 1, "train.label_smoothing", train.label_smoothing, "from 0 to below 1"),
        (train.samples is None or train.samples >= 1, "train.samples", train.samples, "1 or more"),
        (0 <= augment.scale < 1, "augment.scale", augment.scale, "from 0 to below 1"),
        (recipe.data.validation >= 1, "data.validation", recipe.data.validation, "1 or more"),
        (recipe.quantize.calibration >= 1, "quantize.calibration", recipe.quantize.calibration, "1 or more"),
        (len(recipe.input_shape) == 3, "input_shape", list(recipe.input_shape), "[height, width, channels]"),
        (recipe.preprocessing in ("digit-box", "resize"), "preprocessing", recipe.preprocessing, "digit-box or resize"),
    )
    for holds, key, got, expected in rules:
        if not holds:
            raise RecipeError(f"{where}: {key} is {got!r}. Expected {expected}.")

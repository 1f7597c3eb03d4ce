"""Recipes: how a network is trained and quantized, read from `models/<name>/recipe.toml`. Unknown keys are errors."""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
import types
import typing
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgenet.errors import RecipeError
from edgenet.networks import NETWORKS

MOST_PIXELS = 4096
"""Of a picture's side."""


@dataclass(frozen=True)
class _Rule:
    """Which values make sense, and the same in words for the message."""

    holds: Callable[[Any], bool]
    words: str


def is_name(text: str) -> bool:
    """Whether a network can be called this: its name becomes that of a folder and a C identifier."""
    return re.fullmatch(r"\w[\w .+()-]{0,99}", text) is not None


def _from(low: float, high: float, default: Any) -> Any:
    """A field that takes `low` to `high`."""
    rule = _Rule(lambda value: value is None or low <= value <= high, f"{low:,} to {high:,}")
    return field(default=default, metadata={"rule": rule})


def _between(low: float, high: float, default: float, lowest: bool = False) -> Any:
    """A field that takes what lies between `low` and `high`, with `lowest` also `low` itself."""
    words = f"from {low} to below {high}" if lowest else f"between {low} and {high}"
    rule = _Rule(lambda value: (low <= value if lowest else low < value) and value < high, words)
    return field(default=default, metadata={"rule": rule})


def _ruled(holds: Callable[[Any], bool], words: str, default: Any = dataclasses.MISSING) -> Any:
    """A field with a rule of its own."""
    return field(default=default, metadata={"rule": _Rule(holds, words)})


def _one_of(choices: Collection[str], default: Any = dataclasses.MISSING) -> Any:
    """A field that takes one of these words."""
    return _ruled(lambda value: value in choices, " or ".join(choices), default)


@dataclass(frozen=True)
class DataRecipe:
    """Which data set, and how many of its training samples become the validation part (a twelfth at most)."""

    name: str = "mnist"
    validation: int = _from(1, 1_000_000, 5000)


@dataclass(frozen=True)
class AugmentRecipe:
    """Random affine distortion of training pictures: each value is the largest change in either direction."""

    rotate_degrees: float = _from(0, 180, 0.0)
    shift_pixels: float = _from(0, MOST_PIXELS, 0.0)
    scale: float = _between(0, 1, 0.0, lowest=True)
    shear: float = _from(0, 10, 0.0)


@dataclass(frozen=True)
class TrainRecipe:
    """Adam with a linear warm-up and a cosine decay of the learning rate.

    min_steps is for small data sets: they get as many epochs as it takes for that many steps.
    """

    epochs: int = _from(1, 100_000, 10)
    min_steps: int = _from(0, 1_000_000_000, 0)
    batch_size: int = _from(1, 1_000_000, 64)
    learning_rate: float = _between(0, 10, 0.002)
    warmup_epochs: float = _from(0, 100_000, 0.5)
    label_smoothing: float = _between(0, 1, 0.0, lowest=True)
    weight_decay: float = _between(0, 1, 0.0, lowest=True)
    samples: int | None = _from(1, 1_000_000_000, None)


@dataclass(frozen=True)
class QuantizeRecipe:
    """How many training pictures calibrate the activation ranges."""

    calibration: int = _from(1, 1_000_000, 500)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a trained network will be."""

    name: str = _ruled(is_name, "letters, digits, spaces and _.+()-, not a path")
    network: str = _one_of(NETWORKS)
    input_shape: tuple[int, ...] = _ruled(
        lambda shape: len(shape) == 3 and all(1 <= side <= MOST_PIXELS for side in shape) and shape[2] in (1, 3),
        f"[height, width, channels] with 1 to {MOST_PIXELS:,} pixels and 1 or 3 channels",
        (28, 28, 1),
    )
    preprocessing: str = _one_of(("digit-box", "resize"), "digit-box")
    seed: int = _from(0, 2**32 - 1, 1)
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
    presets = _presets(table.pop("preset", {}), str(path))
    if preset != "full":
        if preset not in presets:
            known = ", ".join(["full", *presets])
            raise RecipeError(f"{path}: has no preset {preset!r}. Choose one of {known}.")
        table = _merge(table, presets[preset]) | {"preset": preset}
    return typing.cast(Recipe, _build(Recipe, table, str(path), ""))


def _presets(presets: Any, where: str) -> dict[str, dict[str, Any]]:
    """The presets of a recipe by name, all checked, whichever is used."""
    if not isinstance(presets, dict):
        raise RecipeError(f"{where}: preset is {presets!r}. Expected tables such as [preset.quick.train].")
    for name, change in presets.items():
        if not isinstance(change, dict) or name == "full":
            got = "is what the recipe is without a preset" if name == "full" else f"is {change!r}"
            raise RecipeError(f"{where}: preset.{name} {got}. Expected tables such as [preset.quick.train].")
        _values(Recipe, change, where, f"preset.{name}.")
    return presets


def _merge(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _build(cls: type, table: dict[str, Any], where: str, prefix: str) -> Any:
    """An object of a recipe class from a table that has all that is required."""
    values = _values(cls, table, where, prefix)
    needed = [f.name for f in dataclasses.fields(cls) if _required(f) and f.name not in table]
    if needed:
        raise RecipeError(f"{where}: {prefix}{needed[0]} is missing.")
    return cls(**values)


def _values(cls: type, table: dict[str, Any], where: str, prefix: str) -> dict[str, Any]:
    """The values of a table by key; each key known, each value of the right type and as its field's rule wants it."""
    hints = typing.get_type_hints(cls)
    rules = {item.name: item.metadata.get("rule") for item in dataclasses.fields(cls)}
    values = {}
    for key, given in table.items():
        if key not in hints:
            close = difflib.get_close_matches(key, hints, 1)
            hint = f" Did you mean {prefix}{close[0]}?" if close else f" Known: {', '.join(hints)}."
            raise RecipeError(f"{where}: unknown key {prefix}{key}.{hint}")
        values[key] = _value(hints[key], given, where, prefix + key)
        rule = rules[key]
        if rule is not None and not rule.holds(values[key]):
            raise RecipeError(f"{where}: {prefix}{key} is {given!r}. Expected {rule.words}.")
    return values


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

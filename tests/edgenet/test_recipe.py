"""Recipes: what is read, and how a mistake is named."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from edgenet.errors import RecipeError
from edgenet.recipe import Recipe, read_recipe

ROOT = Path(__file__).resolve().parents[2]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(ROOT.glob("models/*/recipe.toml")), ids=lambda path: path.parent.name)
def test_our_recipes_are_sound_and_have_a_quick_preset(path: Path) -> None:
    full, quick = read_recipe(path), read_recipe(path, "quick")
    assert full.name == path.parent.name
    assert (full.preset, quick.preset) == ("full", "quick")
    assert quick.train.epochs < full.train.epochs


def test_a_preset_changes_only_what_it_names(tmp_path: Path) -> None:
    path = write(
        tmp_path, 'name="n"\nnetwork="lenet5"\n[train]\nepochs=9\nbatch_size=32\n[preset.tiny.train]\nepochs=1'
    )
    assert read_recipe(path).train.epochs == 9
    tiny = read_recipe(path, "tiny")
    assert (tiny.train.epochs, tiny.train.batch_size) == (1, 32)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name="n"\nnetwork="lenet5"\nepocs=3', "unknown key epocs"),
        ('name="n"\nnetwork="lenet5"\n[train]\nepocs=3', r"unknown key train\.epocs\. Did you mean train\.epochs"),
        (
            'name="n"\nnetwork="lenet5"\n[preset.quick.train]\nepocs=3',
            r"recipe\.toml: unknown key preset\.quick\.train\.epocs",
        ),
        ('name="n"', "network is missing"),
        ('name="n"\nnetwork="lenet5"\n[train]\nepochs="3"', r"train\.epochs is '3'. Expected int"),
        ('name="n"\nnetwork="lenet5"\n[train]\nepochs=true', r"train\.epochs is True. Expected int"),
        ('name="n"\nnetwork="lenet5"\n[train]\nepochs=0', r"train\.epochs is 0. Expected 1 to 100,000"),
        ('name="n"\nnetwork="lenet5"\ntrain=3', r"Expected a table \[train\]"),
        ('name="n"\nnetwork="lenet5"\ninput_shape=[28,28]', "input_shape is"),
        ('name="n"\nnetwork="lenet5"\npreprocessing="magic"', "preprocessing is 'magic'"),
        ("name = = 1", "can't be read as TOML"),
        (
            'name="n"\nnetwork="lenet5"\n[preset.unused.trian]\nepochs=3',
            r"unknown key preset\.unused\.trian\. Did you mean",
        ),
        ('name="n"\nnetwork="lenet5"\n[preset.unused.train]\nepochs=0', r"preset\.unused\.train\.epochs is 0"),
        ('name="n"\nnetwork="lenet5"\n[preset]\nquick=3', r"preset\.quick is 3. Expected tables"),
        ('preset=3\nname="n"\nnetwork="lenet5"', "preset is 3. Expected tables"),
        ('name="n"\nnetwork="lenet5"\n[preset.full.train]\nepochs=3', r"preset\.full is what the recipe is without"),
        ('name="n"\nnetwork="lenet5"\nseed=-1', "seed is -1. Expected 0 to"),
        ('name="n"\nnetwork="lenet5"\ninput_shape=[0, 28, 1]', "input_shape is .0, 28, 1.. Expected"),
        ('name="n"\nnetwork="lenet5"\ninput_shape=[28, 28, 2]', "1 or 3 channels"),
        ('name="../../x"\nnetwork="lenet5"', "name is '../../x'. Expected letters"),
        ('name="n"\nnetwork="lenet6"', "network is 'lenet6'. Expected small_cnn or lenet5"),
        ('name="n"\nnetwork="lenet5"\n[data]\nvalidation=100000000', r"data\.validation is 100000000"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        read_recipe(write(tmp_path, text), "quick" if "quick" in text else "full")


def test_unknown_preset_lists_the_known(tmp_path: Path) -> None:
    path = write(tmp_path, 'name="n"\nnetwork="lenet5"\n[preset.quick.train]\nepochs=1')
    with pytest.raises(RecipeError, match="full, quick"):
        read_recipe(path, "slow")


def test_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such recipe"):
        read_recipe(tmp_path / "recipe.toml")


def numbers() -> list[str]:
    """Every setting of a recipe that is a number, as table.key."""
    return [
        f"{table.name}.{item.name}"
        for table in fields(Recipe)
        if is_dataclass(table.default_factory)
        for item in fields(table.default_factory)  # type: ignore[arg-type]
        if "int" in str(item.type) or "float" in str(item.type)
    ]


@pytest.mark.parametrize("key", numbers())
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "-1.0", "1e30"])
def test_no_number_makes_sense_as_this(tmp_path: Path, key: str, value: str) -> None:
    table, name = key.split(".")
    text = f'name="n"\nnetwork="lenet5"\n[{table}]\n{name}={value}'
    with pytest.raises(RecipeError, match=rf"recipe\.toml: {table}\.{name} is "):
        read_recipe(write(tmp_path, text))

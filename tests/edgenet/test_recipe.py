"""Recipes: what is read, and how a mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgenet.errors import RecipeError
from edgenet.recipe import read_recipe

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
        ('name="n"\nnetwork="lenet5"\n[preset.quick.train]\nepocs=3', r"unknown key train\.epocs"),
        ('name="n"', "network is missing"),
        ('name="n"\nnetwork="lenet5"\n[train]\nepochs="3"', r"train\.epochs is '3'. Expected int"),
        ('name="n"\nnetwork="lenet5"\n[train]\nepochs=true', r"train\.epochs is True. Expected int"),
        ('name="n"\nnetwork="lenet5"\n[train]\nepochs=0', r"train\.epochs is 0. Expected 1 or more"),
        ('name="n"\nnetwork="lenet5"\ntrain=3', r"Expected a table \[train\]"),
        ('name="n"\nnetwork="lenet5"\ninput_shape=[28,28]', "input_shape is"),
        ('name="n"\nnetwork="lenet5"\npreprocessing="magic"', "preprocessing is 'magic'"),
        ("name = = 1", "can't be read as TOML"),
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

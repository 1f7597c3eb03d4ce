"""The files of a model folder."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from edgenet.errors import EdgenetError, RecipeError
from edgenet.model_folder import find_recipe, output_folder, read_history

HISTORY = {"preset": "full", "best_epoch": 1, "epochs": [{"epoch": 1, "loss": 0.5}]}


def test_history_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    assert read_history(tmp_path) is None
    path.write_text(json.dumps(HISTORY))
    assert read_history(tmp_path) == HISTORY
    path.write_text(json.dumps({"epochs": []}))
    assert read_history(tmp_path) is None
    for wrong in ("{", "[]", '{"epochs": [{}]}', '{"epochs": 3}', "{}"):
        path.write_text(wrong)
        with pytest.raises(EdgenetError, match=r"history\.json: not a training history"):
            read_history(tmp_path)


def test_recipes_are_found_by_name_folder_and_file(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("")
    assert find_recipe(str(tmp_path)) == find_recipe(str(tmp_path / "recipe.toml")) == tmp_path / "recipe.toml"
    assert find_recipe("digits").parent.name == "digits"
    with pytest.raises(RecipeError, match="digits, lenet5"):
        find_recipe("nonsense")


def test_a_folder_that_takes_no_files_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgenetError, match="--out"), output_folder(tmp_path / "file" / "below"):
        pytest.fail("it can't be made")


def test_an_error_leaves_no_empty_folder_and_nothing_else_goes(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for given, file, left in (
        ("a/b/c", "", ["there"]),
        ("there", "", ["there"]),
        ("there/d", "", ["there"]),
        ("a/b", "a/kept", ["a", "a/kept", "there"]),
        ("a/e", "a/e/kept", ["a", "a/e", "a/e/kept", "a/kept", "there"]),
    ):
        with suppress(KeyboardInterrupt), output_folder(tmp_path / given):
            if file:
                (tmp_path / file).write_text("")
            raise KeyboardInterrupt
        assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == left

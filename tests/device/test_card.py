"""card.json: read back as written, and every mistake named."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device.card import ModelCard, check_fit, check_model, find_model, released_models
from device.errors import DeviceError


@pytest.fixture
def content(model_dir: Path) -> dict[str, Any]:
    return json.loads((model_dir / "card.json").read_text())


def test_a_card_is_read_back_as_it_was_written(content: dict[str, Any]) -> None:
    card = ModelCard.from_json(copy.deepcopy(content))
    assert card.to_json() == content
    assert list(card.to_json()) == list(content)
    assert card.input.shape == (1, 28, 28, 1)
    assert card.labels == tuple("0123456789")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("labels"), "key 'labels' is missing"),
        (lambda c: c["input"].pop("zero_point"), "input: key 'zero_point' is missing"),
        (lambda c: c.update(format=2), "card format 2 is not known"),
        (lambda c: c.update(name=3), "name should be a text, got 3"),
        (lambda c: c["input"].update(zero_point=True), "zero_point should be a whole number, got True"),
        (lambda c: c["input"].update(shape=[1, 28, "x", 1]), "shape should be whole numbers"),
        (lambda c: c["input"].update(shape=[]), "shape should be whole numbers"),
        (lambda c: c["output"].update(scale=0), "scale should be above 0"),
        (lambda c: c["output"].update(kind="votes"), "'votes' is not known. Known: probabilities, logits"),
        (lambda c: c["preprocessing"].update(name="magic"), "'magic' is not known. Known: digit-box, resize"),
        (lambda c: c["preprocessing"].update(divide_by=-1), "divide_by should be above 0"),
        (lambda c: c["labels"].append("10"), "11 labels, but the output has 10 values"),
        (lambda c: c.update(colour="red"), "unknown key 'colour'"),
        (lambda c: c.update(input=[1]), "input should be an object"),
    ],
)
def test_mistakes_in_a_card_are_named(content: dict[str, Any], change: Any, message: str) -> None:
    change(content)
    with pytest.raises(DeviceError) as error:
        ModelCard.from_json(content, "here/card.json")
    assert message in str(error.value)
    assert str(error.value).startswith("here/card.json")


def test_metrics_may_be_absent(content: dict[str, Any]) -> None:
    del content["metrics"]
    assert ModelCard.from_json(content).metrics == {}


def test_a_card_that_is_no_object_or_no_json_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="expected an object"):
        ModelCard.from_json([1, 2])
    (tmp_path / "card.json").write_text("{ not json")
    with pytest.raises(DeviceError, match="not a JSON file"):
        ModelCard.load(tmp_path)
    with pytest.raises(DeviceError, match="can't be read"):
        ModelCard.load(tmp_path / "absent" / "card.json")


def test_check_model_compares_the_sha256(model_dir: Path, tmp_path: Path) -> None:
    card = ModelCard.load(model_dir)
    check_model(card, model_dir / card.model)
    other = tmp_path / card.model
    other.write_bytes((model_dir / card.model).read_bytes() + b"\0")
    with pytest.raises(DeviceError, match="do not belong together"):
        check_model(card, other)
    with pytest.raises(DeviceError, match="can't be read"):
        check_model(card, tmp_path / "absent.tflite")


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("input", {"shape": (1, 32, 32, 3)}, "model's input is int8 (1, 28, 28, 1)"),
        ("input", {"scale": 0.5}, "card says int8 (1, 28, 28, 1) (scale 0.5,"),
        ("output", {"zero_point": 0}, "zero point 0)"),
    ],
)
def test_a_card_that_does_not_fit_names_got_and_expected(
    model_dir: Path, part: str, change: dict[str, Any], said: str
) -> None:
    card = ModelCard.load(model_dir)
    check_fit(card, card.input, card.output, "m/card.json")
    wrong = replace(card, **{part: replace(getattr(card, part), **change)})
    with pytest.raises(DeviceError) as error:
        check_fit(wrong, card.input, card.output, "m/card.json")
    assert said in str(error.value)
    assert "Run: edgenet quantize m" in str(error.value)


def test_find_model_by_folder_card_tflite_and_name(model_dir: Path) -> None:
    card = ModelCard.load(model_dir)
    for way in (model_dir, model_dir / "card.json", model_dir / card.model, "digits"):
        assert find_model(way) == model_dir
    assert released_models()["digits"] == model_dir


def test_find_model_says_what_is_known_or_missing(model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"no model 'nope'.*Released: .*digits"):
        find_model("nope")
    with pytest.raises(DeviceError, match=r"no card\.json in the folder /"):
        find_model(tmp_path)
    shutil.copy(model_dir / "card.json", tmp_path)
    (tmp_path / "other.tflite").write_bytes(b"")
    with pytest.raises(DeviceError, match=r"is for model_int8\.tflite"):
        find_model(tmp_path / "other.tflite")

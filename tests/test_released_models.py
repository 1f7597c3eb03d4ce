"""The released models are what their cards say, and as good as promised."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.card import ModelCard, check_model
from edgenet.data import load_splits
from edgenet.recipe import read_recipe
from firmware_export import export_c
from firmware_export.graph import Graph
from firmware_export.reader import read_tflite
from firmware_export.tflm import measure_arena

ROOT = Path(__file__).resolve().parents[1]
RELEASED = sorted(card.parent for card in ROOT.glob("models/*/card.json"))
DIGITS = ROOT / "models" / "digits"


@pytest.mark.parametrize("folder", RELEASED, ids=lambda folder: folder.name)
def test_card_labels_and_model_belong_together(folder: Path) -> None:
    card = ModelCard.load(folder)
    check_model(card, folder / card.model)
    assert (folder / "labels.txt").read_text().splitlines() == list(card.labels)
    assert read_recipe(folder / "recipe.toml").name == card.name
    assert (folder / "model.keras").is_file()


@pytest.mark.parametrize("folder", RELEASED, ids=lambda folder: folder.name)
def test_released_models_are_trained_in_full_on_mnist_and_every_figure_has_its_command(folder: Path) -> None:
    card = ModelCard.load(folder)
    history = json.loads((folder / "history.json").read_text())
    assert (history["preset"], history["data"], history["train_samples"]) == ("full", "mnist", 55000)
    assert card.data["name"] == "mnist"
    assert len(card.metrics) > 8
    assert all("command" in metric and "value" in metric for metric in card.metrics.values())


def test_digits_is_small_enough(tmp_path: Path) -> None:
    model = DIGITS / "model_int8.tflite"
    assert model.stat().st_size <= 40 * 1024
    assert export_c(model, tmp_path / "c").arena_bytes <= 16 * 1024
    graph = read_tflite(model.read_bytes(), model.name)
    assert {tensor.dtype for tensor in graph.tensors} <= {"int8", "int32"}
    assert ModelCard.load(DIGITS).metrics["train_seconds"]["value"] <= 360


@pytest.mark.slow
def test_arena_is_no_larger_than_tflms(tmp_path: Path) -> None:
    model = DIGITS / "model_int8.tflite"
    assert export_c(model, tmp_path / "c").arena_bytes < measure_arena(model.read_bytes(), model.name)


@pytest.mark.slow
def test_digits_is_as_good_as_its_card_says(mnist_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgenet.check import check

    monkeypatch.setenv("EDGENET_DATA", str(mnist_dir.parent))
    test = load_splits("mnist").test
    result = check(DIGITS / "model.keras", DIGITS / "model_int8.tflite", test)
    metrics = ModelCard.load(DIGITS).metrics
    assert result.count == 10_000
    assert result.int8_accuracy.value >= 0.993
    assert abs(result.drop) <= 0.1
    # XNNPACK picks other kernels on other processors: a few pictures of 10,000 may flip
    assert result.int8_accuracy.value == pytest.approx(metrics["int8_accuracy"]["value"], abs=0.0005)
    assert result.float_accuracy.value == pytest.approx(metrics["float_accuracy"]["value"], abs=0.0005)


@pytest.mark.slow
def test_digits_c_is_bit_exact_on_all_of_mnists_test_images(mnist_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgenet.certificate import quantized_images
    from firmware_export.prove import prove

    monkeypatch.setenv("EDGENET_DATA", str(mnist_dir.parent))
    card = ModelCard.load(DIGITS)
    inputs = quantized_images(load_splits("mnist").test.images, card)
    proof = prove(DIGITS / card.model, inputs=inputs, count=1, cortex_count=100)
    assert proof.proved, proof.message
    assert proof.given_inputs == 10_000
    assert proof.runtime("host").inputs >= 10_000
    assert proof.runtime("cortex-m4").inputs >= 100
    assert proof.informative_share >= 0.3
    cost = proof.runtime("cortex-m4").cost
    assert cost is not None
    assert cost.instructions == card.metrics["cortex_m4_instructions"]["value"]


@pytest.mark.full
def test_the_recipe_gives_the_released_model(mnist_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgenet.check import check
    from edgenet.model_folder import card_facts, write_quantized, write_trained
    from edgenet.quantize import quantize
    from edgenet.train import fit

    monkeypatch.setenv("EDGENET_DATA", str(mnist_dir.parent))
    recipe = read_recipe(DIGITS / "recipe.toml")
    splits = load_splits("mnist", validation=recipe.data.validation, seed=recipe.seed)
    trained = fit(recipe, splits)
    path = write_trained(tmp_path, trained, DIGITS / "recipe.toml")
    facts = card_facts(recipe, trained.history)
    int8 = write_quantized(tmp_path, quantize(path, splits.train, facts, recipe.quantize.calibration))
    accuracy = check(path, int8, splits.test).int8_accuracy.value
    assert accuracy == pytest.approx(ModelCard.load(DIGITS).metrics["int8_accuracy"]["value"], abs=0.0015)


@pytest.mark.slow
def test_quantizing_again_gives_the_released_model_and_keeps_its_card(
    mnist_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another processor sums floats in another order, so a scale may move in its last bits and a weight by one."""
    from edgenet.cli import main

    monkeypatch.setenv("EDGENET_DATA", str(mnist_dir.parent))
    (tmp_path / "digits").mkdir()
    for path in DIGITS.iterdir():
        shutil.copyfile(path, tmp_path / "digits" / path.name)
    assert main(["quantize", str(tmp_path / "digits")]) == 0
    again, released = ModelCard.load(tmp_path / "digits"), ModelCard.load(DIGITS)
    assert again.sha256 != released.sha256 or again == released
    assert replace(again, sha256="", metrics={}, input=released.input) == replace(released, sha256="", metrics={})
    assert (tmp_path / "digits" / "labels.txt").read_bytes() == (DIGITS / "labels.txt").read_bytes()
    assert_same_network(
        *(read_tflite((folder / again.model).read_bytes(), "m") for folder in (tmp_path / "digits", DIGITS))
    )


def assert_same_network(again: Graph, released: Graph) -> None:
    assert [op.type for op in again.ops] == [op.type for op in released.ops]
    for got, expected in zip(again.tensors, released.tensors, strict=True):
        assert (got.name, got.dtype, got.shape) == (expected.name, expected.dtype, expected.shape)
        if expected.quant is not None and got.quant is not None:
            assert got.quant.scale == pytest.approx(expected.quant.scale, rel=1e-4), expected.name
            assert got.quant.zero_point == expected.quant.zero_point, expected.name
        if expected.data is not None and got.data is not None:
            difference = np.abs(got.data.astype(np.int64) - expected.data)
            allowed = 1 + np.abs(expected.data.astype(np.int64)) // 10_000
            assert (difference <= allowed).all(), expected.name

"""`edgenet quantize THING`: a float Keras model to model_int8.tflite, labels.txt and card.json."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from device.arguments import count
from device.card import released_models
from edgenet.commands.train import progress
from edgenet.data import NAMES, load_splits
from edgenet.errors import QuantizeError
from edgenet.keras_file import read_facts
from edgenet.model_folder import (
    KERAS_FILE,
    RECIPE_FILE,
    card_facts,
    output_folder,
    read_history,
    write_float,
    write_quantized,
)
from edgenet.quantize import CardFacts, Quantized, quantize
from edgenet.recipe import Recipe, is_name, read_recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the verb."""
    parser.add_argument("thing", type=Path, help="a folder with a model.keras, a .keras file, or a released model")
    parser.add_argument("--data", help="pictures to calibrate with: mnist, sklearn-digits, a folder, .npz or .csv")
    parser.add_argument("--calibration", type=count, help="how many pictures (default: the recipe's, or 500)")
    parser.add_argument("--divide-by", type=_positive, help="the network sees pixel / this (default: 255, or 1 if it "
                        "rescales by itself)")  # fmt: skip
    parser.add_argument("--name", type=_name, help="the name on its card (default: the recipe's, or the file's)")
    parser.add_argument("--preprocessing", choices=("digit-box", "resize"), help="how a camera picture becomes the "
                        "input (default: the recipe's, or resize)")  # fmt: skip
    parser.add_argument("--licence", help="licence of the model for its card")
    parser.add_argument("--out", type=Path, help="folder to write to (default: the model's folder; a .keras file "
                        "outside a model folder goes to out/NAME)")  # fmt: skip


def _positive(text: str) -> float:
    """A number above 0, and not infinite."""
    if not 0 < (value := float(text)) < math.inf:
        raise ValueError(text)
    return value


def _name(text: str) -> str:
    """A name that can be that of a folder."""
    if not is_name(text):
        raise ValueError(text)
    return text


_positive.__name__, _name.__name__ = "number above 0", "name (letters, digits, spaces and _.+()-)"


def run(args: argparse.Namespace) -> int:
    """Quantizes and writes; the result says where and how large."""
    thing = released_models().get(str(args.thing), args.thing) if not args.thing.exists() else args.thing
    model_path = thing / KERAS_FILE if thing.is_dir() else thing
    model = read_facts(model_path)
    recipe = _recipe(model_path.parent)
    facts = _facts(args, model_path, recipe)
    if args.divide_by is not None:
        facts = replace(facts, fold_rescaling=False)
    elif model.rescales:
        facts = replace(facts, divide_by=1.0)
    source = args.data or _data_name(model_path.parent, recipe)
    if source is None:
        raise QuantizeError(
            f"{model_path}: no recipe beside it says which data. Add --data FOLDER (or .npz, .csv, mnist)."
        )
    splits = load_splits(
        source,
        input_shape=model.input_shape,
        validation=recipe.data.validation if recipe else None,
        seed=recipe.seed if recipe else 0,
    )
    calibration = args.calibration or (recipe.quantize.calibration if recipe else 500)
    target = args.out or (thing if thing is args.thing and thing.is_dir() else Path("out") / facts.name)
    with output_folder(target) as folder:
        quantized = quantize(model_path, splits.train, facts, calibration, progress)
        write_float(folder, model_path, quantized)
        path = write_quantized(folder, quantized)
    _report(args.json, path, quantized)
    return 0


def _data_name(folder: Path, recipe: Recipe | None) -> str | None:
    """The data set that the model was trained on, where the files beside it name one that has a name."""
    history = read_history(folder)
    if history is not None and history.get("data") in NAMES:
        return str(history["data"])
    return recipe.data.name if recipe else None


def _recipe(folder: Path) -> Recipe | None:
    return read_recipe(folder / RECIPE_FILE) if (folder / RECIPE_FILE).is_file() else None


def _facts(args: argparse.Namespace, model_path: Path, recipe: Recipe | None) -> CardFacts:
    history = read_history(model_path.parent)
    stem = model_path.parent.name if model_path.name == KERAS_FILE else model_path.stem
    facts = CardFacts(stem, "resize", "not stated") if recipe is None else card_facts(recipe, history)
    if recipe is None and history is not None and model_path.name == KERAS_FILE:
        facts = replace(facts, name=str(history["recipe"]))
    chosen: dict[str, Any] = {
        "name": args.name,
        "preprocessing": args.preprocessing,
        "licence": args.licence,
        "divide_by": args.divide_by,
    }
    return replace(facts, **{key: value for key, value in chosen.items() if value is not None})


def _report(as_json: bool, path: Path, quantized: Quantized) -> None:
    obstacle, size = export_obstacle(quantized.tflite, path.name), len(quantized.tflite)
    if as_json:
        card = quantized.card.to_json()
        print(json.dumps({"model": str(path), "bytes": size, "card": card, "export_obstacle": obstacle}, indent=2))
        return
    print(f"{path}: {size:,} bytes, every tensor int8 or int32")
    c_verbs = "" if obstacle else f"    edgenet export {path}    edgenet prove {path}"
    print(f"Next: edgenet check {path.parent}{c_verbs}")
    if obstacle:
        print(f"It can't become C: {obstacle}")


def export_obstacle(tflite: bytes, name: str) -> str | None:
    """Why a model can't become C; None where it can."""
    from firmware_export.errors import ExportError
    from firmware_export.project import compile_graph
    from firmware_export.reader import read_tflite

    try:
        compile_graph(read_tflite(tflite, name))
    except ExportError as error:
        return str(error)
    return None

"""`edgenet train THING`: a recipe to model.keras and history.json."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from edgenet.data import load_splits
from edgenet.model_folder import find_recipe, output_folder, write_trained
from edgenet.recipe import read_recipe
from edgenet.train import fit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the verb."""
    parser.add_argument("thing", help="a model name, a folder with a recipe.toml, or a recipe file")
    parser.add_argument("--preset", default="full", help="full (default), or a preset of the recipe such as quick")
    parser.add_argument(
        "--data", help="another data set than the recipe's: mnist, sklearn-digits, a folder, .npz, .csv"
    )
    parser.add_argument("--out", type=Path, help="folder to write to (default: out/NAME)")


def run(args: argparse.Namespace) -> int:
    """Trains and writes; the result says where and how good on validation data."""
    recipe_path = find_recipe(args.thing)
    recipe = read_recipe(recipe_path, args.preset)
    splits = load_splits(
        args.data or recipe.data.name,
        input_shape=recipe.input_shape,
        validation=recipe.data.validation,
        seed=recipe.seed,
    )
    with output_folder(args.out or Path("out") / recipe.name) as folder:
        progress(splits.train.source)
        trained = fit(recipe, splits, progress)
        path = write_trained(folder, trained, recipe_path)
    best = trained.history["epochs"][trained.history["best_epoch"] - 1]
    result = {"model": str(path), "best_epoch": best["epoch"], "validation_accuracy": best["val_accuracy"]}
    if args.json:
        print(json.dumps(result | {"history": trained.history}, indent=2))
    else:
        print(f"{path}: epoch {best['epoch']} is best, {best['val_accuracy']:.2%} on validation data")
        print(f"Next: edgenet quantize {folder}")
    return 0


def progress(line: str) -> None:
    """Shows a line of progress on stderr."""
    print(line, file=sys.stderr, flush=True)

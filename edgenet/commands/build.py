"""`edgenet build THING`: the whole chain, with a table, a report and the files at the end."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from device.arguments import count, natural
from edgenet.build import BuildOptions, build
from edgenet.build_report import page, render, to_json
from edgenet.commands.train import progress
from edgenet.model_folder import find_recipe, write_json
from edgenet.recipe import read_recipe
from firmware_export.files import write_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the verb."""
    parser.add_argument("thing", help="a model name (digits, lenet5), a folder with a recipe.toml, or a recipe file")
    parser.add_argument("--preset", default="full", help="full (default), or a preset of the recipe such as quick")
    parser.add_argument(
        "--data", help="another data set than the recipe's: mnist, sklearn-digits, a folder, .npz, .csv"
    )
    parser.add_argument("--out", type=Path, help="folder for all that is made (default: out/NAME)")
    parser.add_argument("--model-dir", type=Path, help="folder for the model's own files (default: OUT/model)")
    parser.add_argument("--frames", type=count, default=250, help="frames of the simulated camera (default: 250)")
    parser.add_argument("--seed", type=natural, default=0, help="of the simulated camera (default: 0)")
    parser.add_argument("--proof-inputs", type=count, default=200, help="pictures to prove on (default: 200)")
    parser.add_argument("--cortex-inputs", type=count, default=20, help="inputs on the emulated core (default: 20)")


def run(args: argparse.Namespace) -> int:
    """Builds; exit code 0 when the proof holds, 1 when it does not."""
    out = args.out or Path("out") / read_recipe(find_recipe(args.thing), args.preset).name
    options = BuildOptions(
        thing=args.thing,
        out=out,
        model_dir=args.model_dir or out / "model",
        preset=args.preset,
        data=args.data,
        frames=args.frames,
        seed=args.seed,
        proof_inputs=args.proof_inputs,
        cortex_inputs=args.cortex_inputs,
    )
    result = build(options, progress)
    write_json(result.files.results, to_json(result))
    write_file(result.files.report, page(result).encode())
    print(json.dumps(to_json(result), indent=2) if args.json else "\n" + render(result))
    return 0 if result.certificate.proof.proved else 1

"""`edgenet prove THING`: the proof of firmware_export, on real pictures, with the Keras and LiteRT sides beside it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from device.arguments import natural
from edgenet.certificate import Certificate, certify
from edgenet.commands.train import progress
from edgenet.data import Dataset, card_data, load_split
from edgenet.errors import DataMissingError, EdgenetError
from edgenet.things import ModelThing, find_thing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the verb: those of firmware_export, and which pictures to prove on."""
    from firmware_export.prove import add_prove_arguments

    add_prove_arguments(parser)
    parser.add_argument(
        "--data", help="pictures to prove on (default: the card's data set): mnist, a folder, .npz, .csv"
    )
    parser.add_argument("--pictures", type=natural, default=100, help="how many of its test part (default: 100)")


def run(args: argparse.Namespace) -> int:
    """Proves; exit code 0 if proved, 1 if not."""
    from firmware_export.prove import check_files, run_prove, write_files

    thing = find_thing(str(args.model))
    args.model = thing.path
    check_files(args, thing.float_path, None if args.data is None else Path(args.data))
    args.name = args.name or (thing.identifier if args.project is None else None)
    dataset = None if args.inputs is not None or args.pictures == 0 else _pictures(args, thing)
    if dataset is None:
        return run_prove(args)
    certificate = _certify(args, thing, dataset)
    write_files(args, certificate.proof)
    print(json.dumps(certificate.to_json(), indent=2) if args.json else render(certificate))
    return 0 if certificate.proof.proved else 1


def _pictures(args: argparse.Namespace, thing: ModelThing) -> Dataset | None:
    """The pictures to prove on; None for a model without a card, or whose data is not on this machine (and says so).

    Raises:
        DataError: the data is damaged or does not fit, or --data names none.
    """
    if thing.card is None:
        return None
    try:
        source = card_data(thing.card.data.get("name"), args.data, thing.path.name)
        return load_split(source, "test", input_shape=thing.card.input.shape[1:], download=False)
    except DataMissingError as error:
        if args.data is not None:
            raise
        progress(f"{error} Proving on generated inputs alone.")
        return None


def _certify(args: argparse.Namespace, thing: ModelThing, dataset: Dataset) -> Certificate:
    from firmware_export.target_options import target_of

    if thing.card is None:
        raise EdgenetError(f"{thing.path}: has no card.")
    return certify(
        thing.path,
        thing.card,
        dataset.take(slice(0, args.pictures)),
        float_path=thing.float_path,
        project=args.project,
        name=args.name,
        count=args.count,
        cortex_count=args.cortex_count,
        runtimes=args.runtimes,
        seed=args.seed,
        tflite_python=args.tflite_python,
        target=target_of(args),
        requant=args.requant,
        on_progress=progress,
    )


def render(certificate: Certificate) -> str:
    """The certificate as text for a terminal."""
    from firmware_export.prove import render as render_proof

    lines = [f"on {certificate.pictures}", render_proof(certificate.proof), "", "beside the proved bits:"]
    for side in certificate.sides:
        values = (
            "" if side.same_values is None else f", {side.same_values.percent:.2f} % of output values the same bits"
        )
        unit = "in a score" if side.same_values is None else "quanta"
        lines.append(
            f"  {side.name}: same class on {side.same_class.correct} of {side.same_class.total}{values}, "
            f"largest difference {side.largest_difference:g} {unit}"
        )
    return "\n".join(lines)

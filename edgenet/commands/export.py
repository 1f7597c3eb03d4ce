"""`edgenet export THING`: an int8 .tflite to C, with the name and labels of its card."""

from __future__ import annotations

import argparse
from pathlib import Path

from edgenet.things import find_thing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the verb: those of firmware_export, where the model may also be a name or a folder."""
    from firmware_export.cli import add_export_arguments

    add_export_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Exports."""
    from firmware_export.cli import run_export

    thing = find_thing(str(args.model))
    args.model = Path(thing.path)
    args.name = args.name or thing.identifier
    return int(run_export(args))

"""`python -m firmware_export`: parse, call one function, print, exit code (0 ok, 1 failed, 2 usage)."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__
from .errors import ExportError
from .project import ExportSummary, c_identifier, export_c

if TYPE_CHECKING:
    from .array import ArraySummary


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of the command line `argv` (by default the process's)."""
    args = parser().parse_args(argv)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        print("interrupted; nothing half-written is left.", file=sys.stderr)
        return 130
    except ExportError as error:
        if args.debug:
            raise
        print(error, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The whole command line; `args.run` is the function to call."""
    top = argparse.ArgumentParser("firmware_export", description="Turn an int8 .tflite into C, and prove the C right.")
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(metavar="VERB", required=True)
    export = verbs.add_parser("export", help="write a C project", description="Write an int8 .tflite as C.")
    add_export_arguments(export)
    export.set_defaults(run=run_export)
    _add_prove(verbs.add_parser("prove", help="compare all runtimes", description="Prove the C right, bit by bit."))
    return top


def _add_prove(verb: argparse.ArgumentParser) -> None:
    """The verb `prove`; its module is loaded here because `--help` needs it."""
    from .prove import add_prove_arguments, run_prove

    add_prove_arguments(verb)
    verb.set_defaults(run=run_prove)


def add_export_arguments(verb: argparse.ArgumentParser) -> None:
    """What `export` takes, added to `verb`."""
    verb.add_argument("model", type=Path, metavar="MODEL.tflite", help="an int8 network")
    verb.add_argument("--out", type=Path, metavar="DIR", help="folder to write (default: NAME_c in this folder)")
    verb.add_argument("--name", help="the network's C identifier (default: made from the file name)")
    verb.add_argument(
        "--format",
        choices=("c", "array"),
        default="c",
        help="c: a project that needs no library (default); array: the .tflite as an array for TFLite Micro",
    )
    verb.add_argument("--json", action="store_true", help="print the result as JSON")
    verb.add_argument("--debug", action="store_true", help="show the traceback of an error")


def run_export(args: argparse.Namespace) -> int:
    """Writes what `args` (of `add_export_arguments`) asks for and prints what came out. Raises ExportError."""
    name = args.name or c_identifier(args.model)
    out_dir = args.out or Path(f"{name}_{args.format}")
    if args.format == "array":
        from .array import export_array

        array = export_array(args.model, out_dir, name=name)
        print(_as_json(array) if args.json else _array_as_text(args.model, out_dir, array))
        return 0
    summary = export_c(args.model, out_dir, name=name)
    print(_as_json(summary) if args.json else _as_text(args.model, summary))
    return 0


def _as_json(result: object) -> str:
    """A frozen dataclass as JSON; paths as text."""
    if not dataclasses.is_dataclass(result) or isinstance(result, type):
        return json.dumps(result, default=str, indent=2)
    return json.dumps(dataclasses.asdict(result), default=str, indent=2)


def _array_as_text(model: Path, out_dir: Path, array: ArraySummary) -> str:
    """Two lines for people."""
    arena = "arena" if array.arena_bytes is None else f"arena {array.arena_bytes:,} bytes,"
    return (
        f"{model.name} -> {out_dir}: {array.name}_model[{array.model_bytes}] for TFLite Micro, "
        f"{len(array.operators)} operators in the resolver\n{arena} {array.arena_note}"
    )


def _as_text(model: Path, summary: ExportSummary) -> str:
    """Three lines for people."""
    state = f"state {summary.state_bytes:,} bytes, " if summary.state_bytes else ""
    return (
        f"{model.name} -> {summary.out_dir}: {summary.name}_run, {len(summary.operators)} operators\n"
        f"arena {summary.arena_bytes:,} bytes, {state}constants {summary.weights_bytes:,} bytes, "
        f"{summary.macs:,} MACs\n"
        f"try it: make -C {summary.out_dir} test"
    )

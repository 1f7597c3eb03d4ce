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
from .errors import ExportError, printable
from .files import Output, check_outputs, message, same_place, write_file
from .kernel_facts import choice_lines
from .project import REPORT, ExportSummary, c_identifier, compile_graph, export_c, read_model
from .target_options import add_target_arguments, target_of
from .targets import ANY_TARGET, Target

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from .array import ArraySummary
    from .report import Report


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
        print(message(str(error), args), file=sys.stderr)
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
    _add_report(verbs.add_parser("report", help="draw the memory plan", description="Show what flash and RAM go to."))
    _add_operators(verbs.add_parser("operators", help="what is supported", description="List the operators."))
    return top


def _add_prove(verb: argparse.ArgumentParser) -> None:
    """The verb `prove`; its module is loaded here because `--help` needs it."""
    from .prove import add_prove_arguments, run_prove

    add_prove_arguments(verb)
    verb.set_defaults(run=run_prove)


def _add_report(verb: argparse.ArgumentParser) -> None:
    """The verb `report`."""
    verb.add_argument("model", type=Path, metavar="MODEL.tflite", help="an int8 network")
    verb.add_argument(
        "--out", type=Path, metavar="FILE.html", help="page to write (default: NAME_report.html in this folder)"
    )
    add_target_arguments(verb)
    verb.add_argument("--json", action="store_true", help="print the facts as JSON; a page only where --out says so")
    verb.add_argument("--debug", action="store_true", help="show the traceback of an error")
    verb.set_defaults(run=run_report)


def _add_operators(verb: argparse.ArgumentParser) -> None:
    """The verb `operators`."""
    form = verb.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="print the page docs/operators.md")
    form.add_argument("--json", action="store_true", help="print the operators and their rules as JSON")
    verb.set_defaults(run=run_operators, debug=False)


def run_operators(args: argparse.Namespace) -> int:
    """Prints the operators that a file may have."""
    from .operators_page import markdown, operator_rules

    if args.markdown:
        print(markdown(), end="")
    elif args.json:
        print(json.dumps([dataclasses.asdict(one) for one in operator_rules()], indent=2))
    else:
        print("\n".join(one.type for one in operator_rules()))
    return 0


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
    add_target_arguments(verb)
    verb.add_argument(
        "--report", type=Path, metavar="FILE.html", help="draw the memory plan, and what flash and RAM go to"
    )
    verb.add_argument("--json", action="store_true", help="print the result as JSON")
    verb.add_argument("--debug", action="store_true", help="show the traceback of an error")


def run_export(args: argparse.Namespace) -> int:
    """Writes what `args` (of `add_export_arguments`) asks for and prints what came out. Raises ExportError."""
    name = args.name or c_identifier(args.model)
    out_dir = args.out or Path(f"{name}_{args.format}")
    if args.format == "array":
        return _run_array(args, out_dir, name)
    target = target_of(args)
    _check_report(args, out_dir)
    summary = export_c(args.model, out_dir, name=name, target=target)
    report = None if args.report is None else _write_report(args.model, args.report, target)
    if args.json:
        print(_as_json(summary, report))
    else:
        print(_as_text(args.model, summary) + (f"\nmemory plan: {printable(str(args.report))}" if report else ""))
    return 0


def _check_report(args: argparse.Namespace, out_dir: Path) -> None:
    """Raises ExportError unless the page that `args` asks for can be written, in the project as NAME.html at most."""
    report: Path | None = args.report
    if report is None:
        return
    check_outputs([Output("--report", report, REPORT)], [args.model])
    above = [folder for folder in (out_dir, *out_dir.absolute().parents) if same_place(folder, report)]
    if above or (same_place(report.absolute().parent, out_dir) and report.suffix != ".html"):
        raise ExportError(
            f"{report}: would take the place of the C project or a file of it; give --report a NAME.html."
        )


def _run_array(args: argparse.Namespace, out_dir: Path, name: str) -> int:
    """Writes the .tflite as an array."""
    from .array import export_array

    if args.report is not None:
        raise ExportError("--report draws the memory of the generated C; leave out --format array.")
    array = export_array(args.model, out_dir, name=name)
    print(_as_json(array) if args.json else _array_as_text(args.model, out_dir, array))
    return 0


def run_report(args: argparse.Namespace) -> int:
    """Writes the page that `args` asks for, and prints where it is, or the facts. Raises ExportError."""
    out = args.out if args.out is not None or args.json else Path(f"{c_identifier(args.model)}_report.html")
    target = target_of(args)
    if out is not None:
        check_outputs([Output("--out", out, REPORT)], [args.model])
    report = _write_report(args.model, out, target)
    if args.json:
        print(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        where, count = printable(str(out)), len(report.layers)
        print(f"{report.model} -> {where}: arena {report.arena_bytes:,} bytes, {count} operators")
    return 0


def _write_report(model: Path, out: Path | None, target: Target = ANY_TARGET) -> Report:
    """The memory report of a model, written as a page unless `out` is None."""
    from .code_size import measure_code
    from .report import make_report
    from .report_page import page

    program = compile_graph(read_model(model), target)
    report = make_report(program, measure_code(program))
    if out is not None:
        write_file(out, page(report).encode())
    return report


def _as_json(result: DataclassInstance, report: Report | None = None) -> str:
    """A frozen dataclass as JSON, with a report under "report" if there is one; paths as text."""
    facts = dataclasses.asdict(result)
    if report is not None:
        facts["report"] = report.to_json()
    return json.dumps(facts, default=str, indent=2)


def _array_as_text(model: Path, out_dir: Path, array: ArraySummary) -> str:
    """Two lines for people."""
    arena = "arena" if array.arena_bytes is None else f"arena {array.arena_bytes:,} bytes,"
    return (
        f"{printable(f'{model.name} -> {out_dir}')}: {array.name}_model[{array.model_bytes}] for TFLite Micro, "
        f"{len(array.operators)} operators in the resolver\n{arena} {array.arena_note}"
    )


def _as_text(model: Path, summary: ExportSummary) -> str:
    """Some lines for people."""
    state = f"state {summary.state_bytes:,} bytes, " if summary.state_bytes else ""
    chosen = "".join(f"{line}\n" for line in choice_lines(summary.kernels)) if summary.kernels else ""
    return (
        f"{printable(f'{model.name} -> {summary.out_dir}')}: {summary.name}_run, {len(summary.operators)} operators\n"
        f"arena {summary.arena_bytes:,} bytes, {state}constants {summary.weights_bytes:,} bytes, "
        f"{summary.macs:,} MACs\n{chosen}"
        f"try it: make -C {printable(str(summary.out_dir))} test"
    )

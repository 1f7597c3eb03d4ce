"""What generated C costs on Cortex-M: exact instructions, flash, arena and stack, beside TensorFlow Lite Micro's.

    python benchmarks/mcu.py [--models FILE ...] [--build BUILD ...] [--compiler gcc|zig] [--layers] [--json]
    python benchmarks/mcu.py --check     exit code 1 if a count grew by more than 1 % over baseline_mcu.json
    python benchmarks/mcu.py --update    write the figures into baseline_mcu.json

A build is a core and how the C was exported: cortex-m4 alone is plain C, as `--target host` gives it; cortex-m4/speed,
/balanced and /size are `--target cortex-m4 --optimize speed` and so on.
Networks: the .tflite files in EDGENET_DATA/tflite and models/digits, or those given. Each is exported, compiled with
-O2 for the core and run in an emulator that counts every instruction; no time is taken, so the figures are the same on
every machine with the same compiler. The compiler is arm-none-eabi-gcc where it is installed, else zig.
TensorFlow Lite Micro's figures are fixed data: reference/tflm_mcu.json says where they come from.
Code is all flash but weights, biases and the constants that requantize channels.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from firmware_export.batch import NotAvailableError
from firmware_export.emulate import gcc_for, zig_for
from firmware_export.errors import ExportError
from firmware_export.profile import Profile, profile
from firmware_export.targets import ANY_TARGET, CORES, OPTIMIZE, Target, find_core, find_target
from firmware_export.toolchain import Compiler

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / "benchmarks" / "baseline_mcu.json"
REFERENCE = ROOT / "benchmarks" / "reference" / "tflm_mcu.json"
DEFAULT_BUILDS = ("cortex-m4/speed", "cortex-m4/size", "cortex-m4", "cortex-m3/speed", "cortex-m0plus/speed")
CHECKED = ("instructions", "code_bytes", "constant_bytes", "arena_bytes", "stack_bytes")
TOLERANCE = 0.01
Baseline = dict[str, Any]
"""sha256 of the model -> {"model": its name, "figures": compiler -> build -> name of a figure -> number}."""


@dataclass(frozen=True)
class Row:
    """One network in one build, with what TensorFlow Lite Micro needs; None where that is not known."""

    model: str
    sha256: str
    build: str
    profile: Profile
    reference_instructions: int | None
    cmsis_nn_instructions: int | None
    reference_code_bytes: int | None
    reference_arena_bytes: int | None


def parse_build(text: str) -> tuple[str, Target]:
    """The core to run on, and what the C is exported for. Raises ArgumentTypeError where there is no such build."""
    core, _, optimize = text.partition("/")
    if core not in CORES or optimize not in ("", *OPTIMIZE):
        known = f"{', '.join(CORES)}, alone or with /{', /'.join(OPTIMIZE)}"
        raise argparse.ArgumentTypeError(f"{text!r} is no build. Known: {known}")
    return core, find_target(core, optimize) if optimize else ANY_TARGET


def measure(path: Path, build: str, wanted: str | None) -> Row:
    """The figures of one network in one build, by gcc or zig."""
    core, target = parse_build(build)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    models = json.loads(REFERENCE.read_text(encoding="utf-8"))["models"].values()
    known = next((model for model in models if model["sha256"] == sha256), None)
    found = profile(path, core, choose_compiler(core, wanted), target)
    if known is None:
        return Row(_name(path), sha256, build, found, None, None, None, None)
    core = "cortex-m0" if core == "cortex-m0plus" else core
    return Row(
        _name(path),
        sha256,
        build,
        found,
        known["reference_kernels"].get(core),
        known["cmsis_nn"].get(core),
        known["code_bytes"]["O2"] if core == "cortex-m4" else None,
        known["arena_bytes"],
    )


def _name(path: Path) -> str:
    """The file's name, or its folder's where all files are called the same."""
    return path.parent.name if path.stem == "model_int8" else path.stem


def choose_compiler(core: str, wanted: str | None) -> Compiler:
    """gcc or zig, whichever is wanted; by default gcc where it is installed."""
    gcc = gcc_for(find_core(core)) if wanted != "zig" else None
    if gcc is not None:
        return gcc
    if wanted == "gcc":
        raise NotAvailableError("arm-none-eabi-gcc is not installed: apt install gcc-arm-none-eabi")
    return zig_for(find_core(core))


def default_models() -> list[Path]:
    """The networks in EDGENET_DATA, by default beside the repository, and our own."""
    data = Path(os.environ.get("EDGENET_DATA", ROOT.parent / "shared" / "data"))
    found = sorted(data.glob("tflite/*.tflite"))
    if not found:
        print(f"no networks in {data / 'tflite'}: set EDGENET_DATA, or give --models", file=sys.stderr)
    return [*found, ROOT / "models" / "digits" / "model_int8.tflite"]


def figures(row: Row) -> dict[str, int]:
    """What is compared with the baseline."""
    return {name: getattr(row.profile, name) for name in CHECKED}


def baseline_figures(row: Row, baseline: Baseline) -> dict[str, int] | None:
    """The committed figures of this network, build and compiler; None where there are none."""
    found: dict[str, int] | None = (
        baseline.get(row.sha256, {}).get("figures", {}).get(row.profile.compiler, {}).get(row.build)
    )
    return found


def regressions(rows: Iterable[Row], baseline: Baseline) -> list[str]:
    """A line for each figure that grew by more than the tolerance."""
    lines = []
    for row in rows:
        before = baseline_figures(row, baseline) or {}
        for name, now in figures(row).items():
            if name in before and now > before[name] * (1 + TOLERANCE):
                change = f"{before[name]:,} -> {now:,} (+{100 * (now / max(1, before[name]) - 1):.1f} %)"
                lines.append(f"{row.model} on {row.build}: {name} {change}")
    return lines


def updated(baseline: Baseline, rows: Iterable[Row]) -> Baseline:
    """`baseline` with the figures of `rows`."""
    result: Baseline = json.loads(json.dumps(baseline))
    for row in rows:
        entry = result.setdefault(row.sha256, {"model": row.model, "figures": {}})
        entry["figures"].setdefault(row.profile.compiler, {})[row.build] = figures(row)
    return dict(sorted(result.items(), key=lambda item: item[1]["model"]))


def read_baseline(path: Path) -> Baseline:
    """The committed figures, or nothing."""
    baseline: Baseline = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return baseline


COLUMNS = (
    "network",
    "build",
    "instructions",
    "/MAC",
    "x ref",
    "x CMSIS-NN",
    "arena",
    "TFLM",
    "stack",
    "code",
    "TFLM",
    "constants",
)


def table(rows: Sequence[Row], *, layers: bool) -> str:
    """The figures in columns, under each network its operators if asked for."""
    lines = [COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    texts = ["  ".join(_aligned(cell, widths[i], i) for i, cell in enumerate(line)).rstrip() for line in lines]
    for number in range(len(rows), 0, -1) if layers else ():
        texts[number + 1 : number + 1] = _layers(rows[number - 1])
    compilers = sorted({row.profile.compiler for row in rows})
    return "\n".join([*texts, "", f"compiler: {', '.join(compilers)}; ref, CMSIS-NN and TFLM: {REFERENCE.name}"])


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)


def _cells(row: Row) -> tuple[str, ...]:
    found, macs = row.profile, sum(operator.macs for operator in row.profile.operators)
    return (
        row.model,
        row.build,
        f"{found.instructions:,}",
        f"{found.instructions / macs:.2f}" if macs else "",
        *(
            f"{theirs / found.instructions:.2f}" if theirs else ""
            for theirs in (row.reference_instructions, row.cmsis_nn_instructions)
        ),
        f"{found.arena_bytes:,}",
        f"{row.reference_arena_bytes:,}" if row.reference_arena_bytes else "",
        f"{found.stack_bytes:,}",
        f"{found.code_bytes:,}",
        f"{row.reference_code_bytes:,}" if row.reference_code_bytes else "",
        f"{found.constant_bytes:,}",
    )


def _layers(row: Row) -> list[str]:
    """A line for each operator."""
    lines = []
    for operator in row.profile.operators:
        rate = f"{operator.instructions / operator.macs:8.2f} /MAC" if operator.macs else ""
        lines.append(f"    {operator.index:4} {operator.type:<24} {operator.instructions:>12,} {rate}")
    return lines


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="What generated C costs on Cortex-M, beside TensorFlow Lite Micro.")
    parser.add_argument("--models", nargs="+", type=Path, metavar="FILE", help=".tflite files (default: those we have)")
    parser.add_argument(
        "--build",
        nargs="+",
        default=list(DEFAULT_BUILDS),
        metavar="BUILD",
        help=f"a core, alone or with /{', /'.join(OPTIMIZE)} (default: {' '.join(DEFAULT_BUILDS)})",
    )
    parser.add_argument("--compiler", choices=("gcc", "zig"), help="default: gcc where it is installed")
    parser.add_argument("--layers", action="store_true", help="instructions of every operator too")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--baseline", type=Path, default=BASELINE, metavar="FILE", help="default: benchmarks/baseline_mcu.json"
    )
    parser.add_argument("--check", action="store_true", help="compare with the baseline; exit code 1 if a figure grew")
    parser.add_argument("--update", action="store_true", help="write the figures into the baseline")
    args = parser.parse_args(argv)
    for build in args.build:
        try:
            parse_build(build)
        except argparse.ArgumentTypeError as error:
            parser.error(str(error))
    return args


def compare(rows: Sequence[Row], baseline: Baseline) -> int:
    """Says on standard error what grew; the exit code. That nothing could be compared is a failure too."""
    unknown = [row for row in rows if baseline_figures(row, baseline) is None]
    for row in unknown:
        print(f"{row.model} on {row.build}: no baseline for {row.profile.compiler}", file=sys.stderr)
    grown = regressions(rows, baseline)
    print("\n".join(grown) or f"{len(rows) - len(unknown)} of {len(rows)} within 1 % of the baseline", file=sys.stderr)
    return 1 if grown or len(unknown) == len(rows) else 0


def run(args: argparse.Namespace) -> int:
    """Measures, prints, and compares or writes the baseline; the exit code."""
    rows = []
    for path in args.models or default_models():
        for build in args.build:
            print(f"{path.name} on {build} ...", file=sys.stderr)
            rows.append(measure(path, build, args.compiler))
    print(json.dumps([asdict(row) for row in rows], indent=2) if args.json else table(rows, layers=args.layers))
    if args.update:
        text = json.dumps(updated(read_baseline(args.baseline), rows), indent=1)
        args.baseline.write_text(f"{text}\n", encoding="utf-8")
    return compare(rows, read_baseline(args.baseline)) if args.check else 0


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of the command line `argv`."""
    try:
        return run(parse(argv))
    except (ExportError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

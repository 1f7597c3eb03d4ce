"""The options that say what C is made for, which several verbs have; and the same from a project's manifest."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .errors import ExportError
from .targets import ANY_TARGET, CORES, HOST, OPTIMIZE, Target, find_target

UNITS = {"": 1, "k": 1024, "kb": 1024, "kib": 1024, "m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20}


def add_target_arguments(verb: argparse.ArgumentParser) -> None:
    """Adds --target, --optimize, --max-flash and --max-ram."""
    verb.add_argument(
        "--target",
        default=HOST,
        metavar="CORE",
        help=f"choose kernels for this core: {', '.join(CORES)}; default: {HOST}, plain C for any",
    )
    verb.add_argument(
        "--optimize", choices=OPTIMIZE, default=ANY_TARGET.optimize, help=f"default: {ANY_TARGET.optimize}"
    )
    verb.add_argument("--max-flash", type=size, metavar="BYTES", help="code and constants, about; 64k is 65,536")
    verb.add_argument("--max-ram", type=size, metavar="BYTES", help="arena and state; likewise")


def target_of(args: argparse.Namespace) -> Target:
    """What the options say. Raises ExportError where there is no such core, or a budget of flash without one."""
    if args.max_flash is not None and args.target == HOST:
        raise ExportError(
            f"--max-flash: how big code becomes depends on the core; name one with --target ({', '.join(CORES)})."
        )
    return find_target(args.target, args.optimize, args.max_flash, args.max_ram)


def project_target(manifest: Path) -> Target:
    """What the C beside a MANIFEST.json was made for; any core where it does not say."""
    try:
        options = json.loads(manifest.read_text(encoding="utf-8"))["options"]
        budgets = (options.get("max_flash"), options.get("max_ram"))
        return find_target(options.get("target", HOST), options.get("optimize", ANY_TARGET.optimize), *budgets)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ANY_TARGET


def size(text: str) -> int:
    """Bytes of "65536", "64k" or "64 KiB"."""
    digits = text.strip().lower().rstrip("kmib ")
    unit = text.strip().lower()[len(digits) :].strip()
    if not digits.isdigit() or unit not in UNITS or int(digits) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes like 65536 or 64k")
    return int(digits) * UNITS[unit]

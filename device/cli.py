"""`python -m device`: parse, call one function, exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from device.arguments import add_run_arguments
from device.errors import DeviceError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0 ok, 1 failed; wrong usage exits with 2."""
    parser = argparse.ArgumentParser(prog="python -m device", description="Read digits with a camera.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    add_run_arguments(verbs.add_parser("run", help="read digits from a camera, a file or the simulation"))
    args = parser.parse_args(argv)
    try:
        from device.run import run_digits

        return run_digits(args)
    except DeviceError as error:
        if args.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:  # before the loop began, or a second time while files were being closed
        print("stopped", file=sys.stderr)
    return 1

"""The `edgenet` command: parse, call one function, print, exit code (0 ok, 1 failed or check not met, 2 usage)."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from edgenet import __version__

# The one list of verbs; each is a module edgenet/commands/<verb>.py, imported only when it is used.
VERBS = {
    "build": "all of it: train, quantize, check, export, prove and run, with a report",
    "train": "train a network by its recipe",
    "quantize": "turn a float Keras model into a full int8 .tflite with its card",
    "check": "what int8 cost: accuracy of float and int8, and the samples that flipped",
    "export": "turn an int8 .tflite into C",
    "prove": "show that TFLite Micro, numpy, C on the host and C on a Cortex-M give the same bits",
    "run": "read digits from a camera, a video, pictures or a simulated camera",
    "doctor": "what is installed here, and what is missing for which verb",
}
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _interrupt_quietly()
    try:
        args = _parser(arguments).parse_args(arguments)
        if args.verb is None:
            _parser([]).print_help()
            return 2
        return _guarded(args)
    except SystemExit as stop:  # argparse has printed help (0) or a usage error (2)
        return int(stop.code or 0)
    except KeyboardInterrupt:
        print("edgenet: interrupted; nothing half-written is left.", file=sys.stderr)
        return INTERRUPTED


def _interrupt_quietly() -> None:
    """Lets Ctrl-C end the process without the complaints of objects that it caught half built.

    TensorFlow's destructors raise AttributeError when a KeyboardInterrupt left their __init__ in the middle; Python
    prints such tracebacks through `sys.unraisablehook`, whichever moment the garbage collector picks.
    """

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        sys.unraisablehook = lambda _complaint: None
        raise KeyboardInterrupt

    main_thread = threading.current_thread() is threading.main_thread()
    if main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgenet", description="From Keras to a microcontroller or a Raspberry Pi, with proof."
    )
    parser.add_argument("--version", action="version", version=f"edgenet {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    for verb, text in VERBS.items():
        sub = verbs.add_parser(verb, help=text, description=text[0].upper() + text[1:] + ".", allow_abbrev=False)
        if verb == chosen:
            importlib.import_module(f"edgenet.commands.{verb}").add_arguments(sub)
            _common(sub)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    known = {option for action in parser._actions for option in action.option_strings}
    for option, text in (("--json", "print the result as JSON"), ("--debug", "show the traceback of an error")):
        if option not in known:
            parser.add_argument(option, action="store_true", help=text)


def _guarded(args: argparse.Namespace) -> int:
    from device.errors import DeviceError
    from edgenet.errors import EdgenetError
    from firmware_export.errors import ExportError
    from firmware_export.files import message

    try:
        return int(importlib.import_module(f"edgenet.commands.{args.verb}").run(args))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (EdgenetError, ExportError, DeviceError, OSError) as error:
        if args.debug:
            raise
        print(f"edgenet: {message(_words(error), args)}", file=sys.stderr)
        return 1


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}. Check the path and its permissions."
    return str(error)

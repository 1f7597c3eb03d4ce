"""The arguments of `run`, for `python -m device` and `edgenet`; imports nothing heavy, so that --help is instant."""

from __future__ import annotations

import argparse

BACKEND_NAMES = ("auto", "litert", "tflite-runtime", "c")
SIM_FRAMES = 250  # of the simulation where --frames is not given: ten seconds


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `run` to a command's parser."""
    add = parser.add_argument
    add("thing", choices=["digits"], help="what to read")
    add("--source", default="auto", metavar="SOURCE",
        help="camera number, picamera, video file, picture, folder of pictures, http or rtsp address, sim, or auto: "
        "the first camera that answers, else sim (default: auto)")  # fmt: skip
    add(
        "--model", default="digits", metavar="MODEL", help="a released model's name or a model folder (default: digits)"
    )
    add("--frames", type=count, metavar="N", help=f"stop after N frames (default: all; sim: {SIM_FRAMES})")
    add("--seed", type=natural, default=0, metavar="S", help="of the simulation (default: 0)")
    add("--digits", metavar="FILE", help="digits for the simulation: .npz with images (N, 28, 28) and labels")
    add(
        "--ink",
        choices=["dark", "light"],
        default="dark",
        help="dark ink on light, or light on dark (default: dark; a picture that one digit fills is read either way)",
    )
    add("--min-confidence", type=share, default=0.5, metavar="P", help="leave out less sure readings (default: 0.5)")
    add("--backend", choices=BACKEND_NAMES, default="auto", help="interpreter, or c: the exported C (default: auto)")
    add("--c-project", metavar="DIR", help="the model's exported C, for the backend c (default: a folder beside it)")
    add("--out", metavar="FILE", help="write an annotated video, .mp4 or .avi")
    add("--csv", metavar="FILE", help="write one line per digit")
    add("--jsonl", metavar="FILE", help="write one JSON object per frame")
    add("--json", action="store_true", help="print the summary as JSON")
    add("--debug", action="store_true", help="show the traceback of an error")


def count(text: str) -> int:
    """A whole number of 1 and more."""
    if (value := int(text)) < 1:
        raise ValueError(text)
    return value


def natural(text: str) -> int:
    """A whole number of 0 and more."""
    if (value := int(text)) < 0:
        raise ValueError(text)
    return value


def share(text: str) -> float:
    """A number from 0 to 1."""
    if not 0 <= (value := float(text)) <= 1:
        raise ValueError(text)
    return value


# argparse names them in errors
count.__name__, natural.__name__ = "whole number of 1 and more", "whole number of 0 and more"
share.__name__ = "number from 0 to 1"

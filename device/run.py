"""`run digits`: from command-line arguments to a summary; used by `python -m device` and by `edgenet run`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.arguments import SIM_FRAMES
from device.digit_sets import DigitSet, load_digits
from device.errors import DeviceError
from device.finder import MIN_SIDE
from device.pipeline import Tally, run
from device.reader import DigitReader
from device.score import Score
from device.sim import SimCamera
from device.sinks import CsvSink, JsonlSink, ScoreSink, Sink, VideoSink
from device.sources import Source, open_source


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    Attributes:
        source: the name of the source.
        model: the name on the model's card.
        backend: the interpreter.
        frames: how many frames were read.
        digits: how many digits were read in them.
        seconds: wall time from the first frame to the last, with source and sinks.
        read_ms: mean time to find and read the digits of a frame, in milliseconds.
        interrupted: whether Ctrl-C ended it.
        score: counts against the truth, where there is one: on the simulation.
    """

    source: str
    model: str
    backend: str
    frames: int
    digits: int
    seconds: float
    read_ms: float
    interrupted: bool
    score: Score | None

    @property
    def frames_per_second(self) -> float:
        """Frames a second, with source and sinks."""
        return self.frames / self.seconds if self.seconds else 0.0

    @property
    def digits_per_second(self) -> float:
        """Digits read a second, with source and sinks."""
        return self.digits / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """The summary as json.dump wants it."""
        values = asdict(self)
        values |= {"frames_per_second": self.frames_per_second, "digits_per_second": self.digits_per_second}
        if self.score is not None:
            values["score"] |= {"precision": self.score.precision, "recall": self.score.recall}
        return values

    def to_text(self) -> str:
        """The summary as lines to read."""
        lines = [
            f"source              {self.source}" + (" (ended by Ctrl-C)" if self.interrupted else ""),
            f"model               {self.model} ({self.backend})",
            f"frames              {self.frames} in {self.seconds:.1f} s",
            f"frames per second   {self.frames_per_second:.1f} (finding and reading: {self.read_ms:.1f} ms a frame)",
            f"digits read         {self.digits}",
            f"digits per second   {self.digits_per_second:.0f}",
        ]
        if self.score is not None:
            right, read, true = self.score.right, self.score.read, self.score.true
            lines.append(f"precision           {self.score.precision:.4f} ({right} right of {read} read)")
            lines.append(f"recall              {self.score.recall:.4f} ({right} right of {true} in the frames)")
        return "\n".join(lines)


def run_digits(args: argparse.Namespace, digits: DigitSet | None = None) -> int:
    """Runs `run digits` and prints its summary on stdout; returns the exit code 0.

    Args:
        args: what device.arguments.add_run_arguments parsed.
        digits: what the simulation shows; default: --digits or the first set at hand.

    Raises:
        DeviceError: no such source or model, or a file that can't be written.
    """
    reader = DigitReader(args.model, args.backend, args.min_confidence, args.ink, args.c_project)
    if digits is None and args.source in ("sim", "auto"):
        digits = load_digits(args.digits, args.seed)
    with open_source(args.source, digits, args.seed) as source:
        frames = args.frames
        if isinstance(source, SimCamera):
            frames = frames or SIM_FRAMES
            _say(f"sim shows {digits.name}" if digits else "sim")
        if args.source == "auto":
            _say("no camera answers, so this is the simulation" if source.name == "sim" else f"reading {source.name}")
        summary = _run(source, reader, _sinks(args, source, reader), frames)
    for note in (source.note, _hint(summary)):
        if note:
            _say(note)
    print(json.dumps(summary.to_json(), indent=2) if args.json else summary.to_text())
    return 0


def run_sim(
    model: str | Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    frames: int = 1000,
    seed: int = 0,
    out: str | Path | None = None,
    min_confidence: float = 0.5,
) -> RunSummary:
    """Reads the simulated camera and scores it.

    Args:
        model: a released model's name or a model folder.
        images: digits uint8 (N, 28, 28) that the simulation shows.
        labels: int (N,).
        frames: how many frames.
        seed: decides everything in the simulation.
        out: where an annotated video goes, .mp4 or .avi.
        min_confidence: 0 to 1; less sure readings are left out.

    Raises:
        DeviceError: no such model, digits of another shape, or a video that can't be written.
    """
    reader = DigitReader(model, min_confidence=min_confidence)
    with SimCamera(images, labels, seed, frames=frames) as camera:
        sinks: list[Sink] = [VideoSink(out, camera.frames_per_second)] if out else []
        return _run(camera, reader, sinks, frames)


def _run(source: Source | SimCamera, reader: DigitReader, sinks: list[Sink], frames: int | None) -> RunSummary:
    """Runs the loop, scores it where there is a truth, and sums up."""
    scorer = ScoreSink(source) if isinstance(source, SimCamera) else None
    tally = run(source, reader, [*sinks, scorer] if scorer else sinks, frames)
    return _summary(source.name, reader, tally, scorer.score if scorer else None)


def _summary(source: str, reader: DigitReader, tally: Tally, score: Score | None) -> RunSummary:
    """A summary of a run."""
    return RunSummary(
        source=source,
        model=reader.card.name,
        backend=reader.interpreter.backend,
        frames=tally.frames,
        digits=tally.digits,
        seconds=tally.seconds,
        read_ms=1000 * tally.read_seconds / max(1, tally.frames),
        interrupted=tally.interrupted,
        score=score,
    )


def _hint(summary: RunSummary) -> str:
    """What to try where nothing was read in the user's own pictures."""
    if summary.digits or not summary.frames or summary.score is not None:
        return ""
    return (
        f"no digit was read: they have to be whole, at least {MIN_SIDE} pixels high, and dark on light paper "
        "(--ink light for the other way); --min-confidence 0 shows the doubtful ones too."
    )


def _sinks(args: argparse.Namespace, source: Source | SimCamera, reader: DigitReader) -> list[Sink]:
    """The files that were asked for."""
    paths = [Path(path).resolve() for path in (args.out, args.csv, args.jsonl) if path]
    if len(set(paths)) < len(paths):
        raise DeviceError("--out, --csv and --jsonl name the same file; give each its own.")
    given = (*source.files, *reader.files, *map(Path, [args.digits] if args.digits else []))
    read = {path.resolve() for path in given}
    if lost := read.intersection(paths):
        raise DeviceError(f"{lost.pop()}: is read, and would be overwritten. Write to another file.")
    sinks: list[Sink] = []
    if args.out:
        sinks.append(VideoSink(args.out, source.frames_per_second))
    if args.csv:
        sinks.append(CsvSink(args.csv))
    if args.jsonl:
        sinks.append(JsonlSink(args.jsonl))
    return sinks


def _say(text: str) -> None:
    """Tells the user, on stderr."""
    print(text, file=sys.stderr)

"""run(source, reader, sinks): the loop. Everything is built before it and closed by `with`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from device.frame import Frame
from device.results import Digit
from device.sinks import Sink


class Reader(Protocol):
    """Reads frames."""

    def read(self, frame: Frame) -> list[Digit]:
        """What is in a frame."""


@dataclass
class Tally:
    """What a run did; counts up while it runs."""

    frames: int = 0
    digits: int = 0
    seconds: float = 0.0
    read_seconds: float = 0.0
    interrupted: bool = False


def run(source: Iterable[Frame], reader: Reader, sinks: Sequence[Sink], frames: int | None = None) -> Tally:
    """Reads every frame of a source, at most `frames`, and gives the readings to every sink; Ctrl-C ends it well."""
    tally, start = Tally(), time.perf_counter()
    with ExitStack() as stack:
        opened = [stack.enter_context(sink) for sink in sinks]
        try:
            for frame in islice(source, frames):
                before = time.perf_counter()
                digits = reader.read(frame)
                tally.read_seconds += time.perf_counter() - before
                for sink in opened:
                    sink.write(frame, digits)
                tally.frames, tally.digits = tally.frames + 1, tally.digits + len(digits)
        except KeyboardInterrupt:
            tally.interrupted = True
        tally.seconds = time.perf_counter() - start
    return tally

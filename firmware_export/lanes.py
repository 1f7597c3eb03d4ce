"""The runtimes of a proof on their way through the samples: each next to the oracle, plain and with its taps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from firmware_export.agreement import LiteRtSide
from firmware_export.batch import Batch, NotAvailableError, RuntimeFaultError
from firmware_export.compare import Counts, Information, Tally, select
from firmware_export.emulate import CortexRuntime, Measurement
from firmware_export.errors import ExportError
from firmware_export.evidence import Digests
from firmware_export.graph import ITEM_BYTES, Array, Graph
from firmware_export.oracle import Defect, oracle_name
from firmware_export.qemu import QemuRuntime
from firmware_export.runtimes import HOST, Started, needs_c
from firmware_export.samples import typical_sample

CHUNK_SAMPLES, CHUNK_BYTES = 64, 64 * 1024 * 1024
Progress = Callable[[str], None]


@dataclass
class Lane:
    """One runtime on its way through the samples.

    Attributes:
        name: of the runtime.
        started: it, or why it does not run.
        wanted: whether there is no proof without it.
        picked: numbers of the samples that it runs.
        tapped: how many of these, the first ones, are also run with taps.
        tally: what comparing it gave so far.
        sequence: whether each sample depends on those before it in its chunk.
        digests: of its outputs; set before the first run.
        done: samples that it ran.
        fault: how it broke; empty otherwise.
        cost: of one inference, on an emulated core.
        compared: whether it was compared with another.
        runs: whether it started and did not break as an oracle.
    """

    name: str
    started: Started
    wanted: bool
    picked: Counts
    tapped: int
    tally: Tally
    sequence: bool = False
    digests: Digests = field(default_factory=lambda: Digests(np.empty(0, np.int64)))
    done: int = 0
    fault: str = ""
    cost: Measurement | None = None
    compared: bool = False
    runs: bool = field(init=False)

    def __post_init__(self) -> None:
        self.runs = self.started.runtime is not None

    @property
    def reason(self) -> str:
        """Why it does not run, or how it broke; empty otherwise."""
        return self.started.reason or self.fault


@dataclass(frozen=True)
class Race:
    """What runs through which samples.

    Attributes:
        graph: the model as it was read.
        lanes: one per runtime.
        samples: (N, *shape) per input.
        asked: how many samples are run in any case; those behind look for a rare difference, and are left out once
            there is one.
        defects: operators that TFLite Micro can't be the oracle of.
        side: LiteRT, beside the proof.
        say: gets a short line now and then.
    """

    graph: Graph
    lanes: Sequence[Lane]
    samples: Sequence[Array]
    asked: int
    defects: Sequence[Defect]
    side: LiteRtSide
    say: Progress

    def oracle(self) -> str:
        """The name of the runtime that the others are compared with."""
        return oracle_name([lane.name for lane in self.lanes if lane.runs], self.defects)

    def run(self) -> Information:
        """Runs all samples chunk by chunk, compares each with the oracle, and measures the cores."""
        information = Information()
        total = len(self.samples[0])
        for numbers in np.array_split(np.arange(total), -(-total // _chunk(self.graph))):
            oracle, expected = self._expect(numbers)
            if oracle is None:
                break
            information.add(expected)
            if numbers[0] == 0:
                first = expected
            others = [lane for lane in self.lanes if lane.runs and lane is not oracle]
            for lane in others:
                _compare(lane, expected, self.samples, numbers)
            self.side.add([values[numbers] for values in self.samples], expected.outputs)
            if 10 * (numbers[-1] + 1) // total > 10 * numbers[0] // total:
                self.say(f"{numbers[-1] + 1} of {total} inputs")
            if numbers[-1] + 1 >= self.asked and any(lane.fault or lane.tally.difference() for lane in others):
                break
        else:
            _repeat(self.lanes, first, self.samples)
        for lane in self.lanes:
            _measure(lane, self.graph)
        return information

    def _expect(self, numbers: Counts) -> tuple[Lane | None, Batch]:
        """What the oracle answers, and which runtime that is: where one crashes, the next one goes on in its place."""
        inputs = [values[numbers] for values in self.samples]
        while any(lane.runs for lane in self.lanes):
            oracle = next(lane for lane in self.lanes if lane.name == self.oracle())
            try:
                expected = _answer(oracle, inputs, tap=True)
            except NotAvailableError as error:
                oracle.runs, oracle.fault = False, str(error)
                continue
            oracle.digests.add(expected, numbers)
            oracle.done += len(numbers)
            return oracle, expected
        return None, Batch(())


def _measure(lane: Lane, graph: Graph) -> None:
    """The cost of one inference, where the runtime is an emulated core."""
    if isinstance(lane.started.runtime, CortexRuntime | QemuRuntime) and not lane.fault:
        try:
            lane.cost = lane.started.runtime.measure(typical_sample(graph))
        except NotAvailableError:
            return
        except RuntimeFaultError as error:
            lane.fault = str(error)


def _repeat(lanes: Sequence[Lane], first: Batch, samples: Sequence[Array]) -> None:
    """Runs the first samples once more on this machine, backwards: what C keeps between runs must not matter.

    With variables it runs them in their order, after a reset.
    """
    for lane in lanes:
        if lane.name == HOST and lane.tally.values and not lane.fault:
            numbers = np.arange(len(first.outputs[0]))[:: 1 if lane.sequence else -1]
            try:
                again = _answer(lane, [values[numbers] for values in samples], tap=False)
                lane.tally.add(select(first, numbers), again, numbers)
            except RuntimeFaultError as error:
                lane.fault = str(error)


def _chunk(graph: Graph) -> int:
    """How many samples are run at a time: as many as keep the tapped outputs small."""
    computed = [tensor for tensor in graph.tensors if tensor.data is None and tensor.dtype in ITEM_BYTES]
    sample_bytes = sum(tensor.size_bytes for tensor in computed)
    return max(1, min(CHUNK_SAMPLES, CHUNK_BYTES // max(sample_bytes, 1)))


def _answer(lane: Lane, inputs: Sequence[Array], *, tap: bool) -> Batch:
    if lane.started.runtime is None:
        raise ExportError(f"{lane.name} does not run.")
    return lane.started.runtime.run(inputs, tap=tap)


def _compare(lane: Lane, expected: Batch, samples: Sequence[Array], numbers: Counts) -> None:
    """Runs those of a chunk's samples that a runtime takes, plain and tapped; what fails is run tapped again.

    With variables a chunk is a sequence, so that what fails is run again with all that comes before it.
    """
    lane.compared = True
    rows = np.flatnonzero(np.isin(numbers, lane.picked))
    if len(rows) == 0 or lane.fault:
        return
    try:
        taken = [values[numbers[rows]] for values in samples]
        wrong: Counts = np.empty(0, np.int64)
        if needs_c(lane.name):
            wrong = lane.tally.add(select(expected, rows), _answer(lane, taken, tap=False), numbers[rows])
        tapped = np.union1d(np.arange(max(0, min(len(rows), lane.tapped - lane.done))), wrong)
        if lane.sequence and len(tapped):
            tapped = np.arange(tapped[-1] + 1)
        if len(tapped):
            again = _answer(lane, [values[tapped] for values in taken], tap=True)
            lane.tally.add(select(expected, rows[tapped]), again, numbers[rows[tapped]])
            lane.digests.add(again, numbers[rows[tapped]])
        lane.done += len(rows)
    except NotAvailableError as error:
        lane.runs, lane.fault = False, str(error)
    except RuntimeFaultError as error:
        lane.fault = str(error)

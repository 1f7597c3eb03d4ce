"""Proves that TFLite Micro, numpy, the C on this machine and the C on an emulated core give the same bits."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from firmware_export.batch import Batch, NotAvailableError, RuntimeFaultError
from firmware_export.compare import Counts, Information, Tally, select
from firmware_export.cproject import CProject, edited_files, exported_from, read_project
from firmware_export.emulate import CortexRuntime, Measurement
from firmware_export.errors import ExportError
from firmware_export.graph import Array, Graph
from firmware_export.passes import apply_passes
from firmware_export.proof import DIFFERS, NOT_RUN, OK, Proof, RuntimeReport, render
from firmware_export.reader import read_tflite
from firmware_export.runtimes import (
    DEFAULT_RUNTIMES,
    HOST,
    KNOWN,
    NUMPY,
    TFLM,
    Started,
    Subject,
    check_names,
    needs_c,
    start,
)
from firmware_export.samples import load_inputs, make_samples, spread, typical_sample
from firmware_export.targets import CORES
from firmware_export.verdict import find_gap, judge

__all__ = ["RUNTIMES", "Proof", "add_prove_arguments", "prove", "render", "run_prove"]

RUNTIMES = DEFAULT_RUNTIMES
DEFAULT_COUNT = 64
CORTEX_COUNT = 32
CORTEX_TAPPED = 8
EDITED_SAMPLES, EDITED_VALUES = 4096, 100_000_000
CHUNK_SAMPLES, CHUNK_BYTES = 64, 64 * 1024 * 1024
Progress = Callable[[str], None]


@dataclass
class _Lane:
    """One runtime on its way through the samples."""

    name: str
    started: Started
    picked: Counts
    tapped: int
    tally: Tally
    sequence: bool = False
    done: int = 0
    fault: str = ""
    cost: Measurement | None = None
    compared: bool = False
    runs: bool = field(init=False)

    def __post_init__(self) -> None:
        self.runs = self.started.runtime is not None


def prove(
    model_path: Path,
    *,
    project: Path | None = None,
    name: str | None = None,
    inputs: Array | Sequence[Array] | None = None,
    count: int = DEFAULT_COUNT,
    runtimes: Sequence[str] = RUNTIMES,
    cortex_count: int | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Proof:
    """Whether all runtimes give the same bits for the same inputs, operator by operator.

    Args:
        model_path: the .tflite.
        project: a folder with C for it, compiled as it is; without it, C is exported to a temporary folder. If it was
            edited since its export, up to 4096 more samples are run where that is fast (TFLM and this machine).
        name: the model's C identifier, where the project holds several models.
        inputs: the user's samples, (N, *shape) int8; for several inputs, one array each.
        count: how many samples are generated beside them.
        runtimes: names out of `runtimes.KNOWN`. TFLM is the oracle.
        cortex_count: how many of the samples an emulated core runs; None: up to 32.
        seed: of the generated noise.
        on_progress: gets a short line now and then.

    Raises:
        ExportError: the model can't be read or exported, the inputs do not fit, or the C does not compile.
    """
    check_names(runtimes)
    data = _read(model_path)
    graph = read_tflite(data, model_path.name)
    given = () if inputs is None else (inputs,) if isinstance(inputs, np.ndarray) else tuple(inputs)
    extra = _extra(graph) if project is not None and edited_files(project) else 0
    samples = make_samples(graph, given, count + extra, seed)
    limit = CORTEX_COUNT if cortex_count is None else cortex_count
    say = on_progress or (lambda line: None)
    with tempfile.TemporaryDirectory(prefix="edgenet-prove-") as scratch:
        build = Path(scratch) / "build"
        subject = Subject(data, graph, _project(model_path, project, name, runtimes, Path(scratch)), build)
        numbers = len(samples[0]), extra, len(given[0]) if given else 0
        lanes = [_lane(one, subject, numbers, limit, say) for one in runtimes]
        information = _run(graph, lanes, samples, len(samples[0]) - extra, say)
    return _conclude(graph, lanes, samples, given, information, project)


def add_prove_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `prove` to a parser."""
    parser.add_argument("model", type=Path, help="the int8 .tflite")
    parser.add_argument("--project", type=Path, metavar="DIR", help="prove the C in this folder, as it is now")
    parser.add_argument("--name", help="the model's C identifier, where the folder holds several")
    parser.add_argument("--inputs", type=Path, metavar="FILE", help="int8 samples (N, ...): .npy, or .npz with input_0")
    parser.add_argument("--count", type=_positive, default=DEFAULT_COUNT, help="samples to generate (default: 64)")
    parser.add_argument(
        "--cortex-count", type=_positive, metavar="N", help=f"samples on an emulated core (default: {CORTEX_COUNT})"
    )
    parser.add_argument(
        "--runtimes", default=",".join(RUNTIMES), metavar="LIST", help=f"comma-separated: {', '.join(KNOWN)}"
    )
    parser.add_argument("--seed", type=_natural, default=0, help="of the generated samples (default: 0)")
    parser.add_argument("--json", action="store_true", help="print the proof as JSON")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def run_prove(args: argparse.Namespace) -> int:
    """Runs `prove` for parsed arguments and prints the proof; exit code 0 if proved, 1 if not, 2 for wrong usage."""
    names = [name.strip() for name in args.runtimes.split(",") if name.strip()]
    try:
        check_names(names)
    except ExportError as error:
        print(f"--runtimes {args.runtimes}: {error}", file=sys.stderr)
        return 2
    try:
        proof = _prove(args, names)
    except ExportError as error:
        if args.debug:
            raise
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(proof.to_json(), indent=2, ensure_ascii=False) if args.json else render(proof))
    return 0 if proof.proved else 1


def _prove(args: argparse.Namespace, names: Sequence[str]) -> Proof:
    return prove(
        args.model,
        project=args.project,
        name=args.name,
        inputs=_given(args),
        count=args.count,
        runtimes=names,
        cortex_count=args.cortex_count,
        seed=args.seed,
        on_progress=lambda line: print(line, file=sys.stderr),
    )


def _given(args: argparse.Namespace) -> tuple[Array, ...] | None:
    """The arrays of --inputs, or None."""
    if args.inputs is None:
        return None
    graph = read_tflite(args.model.read_bytes(), args.model.name) if args.model.is_file() else None
    return load_inputs(args.inputs, len(graph.inputs) if graph else 1)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative")
    return value


def _read(model_path: Path) -> bytes:
    try:
        return model_path.read_bytes()
    except OSError as error:
        raise ExportError(f"{model_path}: can't be read ({error.strerror}).") from error


def _extra(graph: Graph) -> int:
    """How many more samples this machine runs when someone edited the project: small changes show rarely."""
    values = sum(tensor.size for tensor in graph.tensors if tensor.data is None)
    return min(EDITED_SAMPLES, EDITED_VALUES // max(values, 1))


def _project(
    model_path: Path, project: Path | None, name: str | None, runtimes: Sequence[str], scratch: Path
) -> CProject | None:
    """The C that is proved: the user's, else a fresh export; None where no runtime needs any."""
    if project is None and any(map(needs_c, runtimes)):
        from firmware_export.project import export_c

        project = scratch / "project"
        export_c(model_path, project, name=name, labels=[])
    return None if project is None else read_project(project, name)


def _lane(name: str, subject: Subject, numbers: tuple[int, int, int], cortex_count: int, say: Progress) -> _Lane:
    """A runtime, started, with the samples that it will run.

    `numbers` of samples: in all; the extra ones, only for what is fast; and the given ones.
    """
    say(f"{name}: starting")
    started = start(name, subject)
    total, core = numbers[0], name in CORES
    usual = total if name in (TFLM, HOST) else total - numbers[1]
    limit = cortex_count if core else None
    # The samples of a network with variables are a sequence: some of them can only be those that it begins with.
    picked = np.arange(usual)[:limit] if subject.graph.variables else spread(usual, limit, numbers[2])
    tapped = CORTEX_TAPPED if core else total
    return _Lane(name, started, picked, tapped, Tally(subject.graph), bool(subject.graph.variables))


def _run(graph: Graph, lanes: Sequence[_Lane], samples: Sequence[Array], asked: int, say: Progress) -> Information:
    """Runs all samples chunk by chunk, compares each with the oracle, and measures the cores.

    What comes after the first `asked` samples looks for a rare difference: it is left out once there is one.
    """
    information = Information()
    total = len(samples[0])
    for numbers in np.array_split(np.arange(total), -(-total // _chunk(graph))):
        oracle, expected = _expect(lanes, [values[numbers] for values in samples])
        if oracle is None:
            break
        information.add(expected)
        if numbers[0] == 0:
            first = expected
        others = [lane for lane in lanes if lane.runs and lane is not oracle]
        for lane in others:
            _compare(lane, expected, samples, numbers)
        if 10 * (numbers[-1] + 1) // total > 10 * numbers[0] // total:
            say(f"{numbers[-1] + 1} of {total} inputs")
        if numbers[-1] + 1 >= asked and any(lane.fault or lane.tally.difference() for lane in others):
            break
    else:
        _repeat(lanes, first, samples)
    for lane in lanes:
        if isinstance(lane.started.runtime, CortexRuntime) and not lane.fault:
            try:
                lane.cost = lane.started.runtime.measure(typical_sample(graph))
            except RuntimeFaultError as error:
                lane.fault = str(error)
    return information


def _expect(lanes: Sequence[_Lane], inputs: Sequence[Array]) -> tuple[_Lane | None, Batch]:
    """What the oracle answers, and which runtime that is: where TFLM crashes, the next one goes on in its place."""
    while any(lane.runs for lane in lanes):
        oracle = next(lane for lane in lanes if lane.name == _oracle_name(lanes))
        try:
            expected = _answer(oracle, inputs, tap=True)
        except NotAvailableError as error:
            oracle.runs, oracle.fault = False, str(error)
            continue
        oracle.done += len(inputs[0])
        return oracle, expected
    return None, Batch(())


def _repeat(lanes: Sequence[_Lane], first: Batch, samples: Sequence[Array]) -> None:
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
    sample_bytes = sum(tensor.size_bytes for tensor in graph.tensors if tensor.data is None)
    return max(1, min(CHUNK_SAMPLES, CHUNK_BYTES // max(sample_bytes, 1)))


def _answer(lane: _Lane, inputs: Sequence[Array], *, tap: bool) -> Batch:
    if lane.started.runtime is None:
        raise ExportError(f"{lane.name} does not run.")
    return lane.started.runtime.run(inputs, tap=tap)


def _compare(lane: _Lane, expected: Batch, samples: Sequence[Array], numbers: Counts) -> None:
    """Runs those of a chunk's samples that a runtime takes, plain and tapped; what fails is run tapped again.

    With variables a chunk is a sequence, so that what fails is run again with all that comes before it.
    """
    lane.compared = True
    rows = np.flatnonzero(np.isin(numbers, lane.picked))
    if len(rows) == 0 or lane.fault:
        return
    try:
        taken = [values[numbers[rows]] for values in samples]
        plain = needs_c(lane.name)
        wrong: Counts = np.empty(0, np.int64)
        if plain:
            wrong = lane.tally.add(select(expected, rows), _answer(lane, taken, tap=False), numbers[rows])
        tapped = np.union1d(np.arange(max(0, min(len(rows), lane.tapped - lane.done))), wrong)
        if lane.sequence and len(tapped):
            tapped = np.arange(tapped[-1] + 1)
        if len(tapped):
            again = _answer(lane, [values[tapped] for values in taken], tap=True)
            lane.tally.add(select(expected, rows[tapped]), again, numbers[rows[tapped]])
        lane.done += len(rows)
    except RuntimeFaultError as error:
        lane.fault = str(error)


def _conclude(
    graph: Graph,
    lanes: Sequence[_Lane],
    samples: Sequence[Array],
    given: Sequence[Array],
    information: Information,
    project: Path | None,
) -> Proof:
    """The proof."""
    wanted = _tapped_operators(graph)
    reports = tuple(_report(lane, len(samples[0]), wanted) for lane in lanes)
    verdict, message = judge(reports, information)
    return Proof(
        model=graph.name,
        sha256=graph.sha256,
        verdict=verdict,
        message=message,
        oracle=_oracle_name(lanes),
        inputs=max((lane.done for lane in lanes), default=0),
        given_inputs=len(given[0]) if given else 0,
        operators=len(graph.ops),
        values_compared=sum(report.values_compared for report in reports),
        informative_share=information.share("operator"),
        informative_output_share=information.share("output"),
        edited_files=() if project is None else edited_files(project),
        notes=_notes(graph, reports, project),
        runtimes=reports,
    )


def _oracle_name(lanes: Sequence[_Lane]) -> str:
    """The runtime that the others are compared with: TFLM, else numpy, else the first that runs."""
    running = [lane.name for lane in lanes if lane.runs]
    return next((name for name in (TFLM, NUMPY) if name in running), running[0] if running else "nothing")


def _notes(graph: Graph, reports: Sequence[RuntimeReport], project: Path | None) -> tuple[str, ...]:
    """What helps to understand the verdict."""
    notes = []
    origin = None if project is None else exported_from(project)
    if origin not in (None, graph.sha256):
        notes.append(f"the project was exported from another model: its MANIFEST.json says sha256 {origin}.")
    if any(report.difference is not None and report.difference.type == "RELU6" for report in reports):
        notes.append("TFLite Micro's own RELU6 does not requantize, a defect; edgenet follows TFLite 2.14 there.")
    return tuple(notes)


def _tapped_operators(graph: Graph) -> tuple[int, ...]:
    """The operators that C taps: those that the passes leave."""
    try:
        return tuple(op.index for op in apply_passes(graph).ops)
    except ExportError:
        return tuple(op.index for op in graph.ops)


def _report(lane: _Lane, total: int, operators: Sequence[int]) -> RuntimeReport:
    difference = lane.tally.difference()
    status = NOT_RUN if not lane.runs else DIFFERS if difference is not None or lane.fault else OK
    wanted = operators if needs_c(lane.name) and lane.compared else ()
    return RuntimeReport(
        name=lane.name,
        status=status,
        reason=lane.started.reason or lane.fault,
        version=lane.started.version,
        inputs=lane.done,
        values_compared=lane.tally.values,
        operators_compared=lane.tally.operators,
        difference=difference,
        cost=lane.cost,
        gap=find_gap(lane.done, total, lane.tally.uncompared(wanted), len(wanted)),
    )

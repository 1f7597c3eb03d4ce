"""Proves that TFLite Micro, numpy, the C on this machine and the C on an emulated core give the same bits."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from firmware_export import __version__
from firmware_export.agreement import LiteRtSide
from firmware_export.certificate import JSON, PAGE, write_certificate, write_page
from firmware_export.compare import Information, Tally
from firmware_export.cproject import CProject, edited_files, exported_from, read_project
from firmware_export.errors import ExportError
from firmware_export.evidence import Digests, Sampling, hashed_samples, output_digests, sample_digests
from firmware_export.files import Output, check_outputs
from firmware_export.graph import Array, Graph
from firmware_export.lanes import Lane, Progress, Race
from firmware_export.oracle import TFLITE, TFLM, Defect, refused_operators, tainted, tflite_operators, wrong_operators
from firmware_export.passes import apply_passes, correct_shapes
from firmware_export.project import MANIFEST, compile_graph, export_c
from firmware_export.proof import DIFFERS, KNOWN_DEFECT, NOT_RUN, OK, PROVED, Proof, RuntimeReport, render
from firmware_export.reader import read_tflite
from firmware_export.requant_layers import prove_layers
from firmware_export.runtimes import ALL, DEFAULT_RUNTIMES, HOST, KNOWN, Subject, chosen, is_slow, needs_c, start
from firmware_export.samples import MOST_SAMPLES, check_amount, load_inputs, make_samples, spread
from firmware_export.target_options import add_target_arguments, project_target, target_of
from firmware_export.targets import ANY_TARGET, Target
from firmware_export.verdict import find_gap, judge

__all__ = ["RUNTIMES", "Proof", "add_prove_arguments", "prove", "render", "run_prove"]

RUNTIMES = DEFAULT_RUNTIMES
DEFAULT_COUNT = 64
CORTEX_COUNT = 32
CORTEX_TAPPED = 8
EDITED_SAMPLES, EDITED_VALUES = 4096, 100_000_000


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
    tflite_python: str | None = None,
    target: Target = ANY_TARGET,
    requant: bool = False,
    on_progress: Progress | None = None,
) -> Proof:
    """Whether all runtimes give the same bits for the same inputs, operator by operator.

    Args:
        model_path: the .tflite.
        project: a folder with C for it, compiled as it is; without it, C is exported to a temporary folder. If it was
            edited since its export, up to 4096 more samples are run where that is fast (TFLM and this machine).
        name: the model's C identifier, where the project holds several models.
        inputs: the user's samples, (N, *shape) of the input's dtype; for several inputs, one array each.
        count: how many samples are generated beside them.
        runtimes: names out of `runtimes.KNOWN`, or "all": every one that this machine has. TFLM is the oracle; TFLite
            2.14 comes in by itself for operators that TFLM lacks or gets wrong.
        cortex_count: how many of the samples an emulated core runs; None: up to 32.
        seed: of the generated noise.
        tflite_python: a Python that has TFLite 2.14; default: $EDGENET_TFLITE_PYTHON, else this one.
        target: what C is exported for where there is no project.
        requant: also prove the short forms of requantization that the kernels use, at every threshold.
        on_progress: gets a short line now and then.

    Raises:
        ExportError: the model can't be read or exported, the inputs do not fit or are too many, or the C does not
            compile.
    """
    names, wanted = chosen(runtimes)
    if project is not None and not project.is_dir():
        raise ExportError(f"{project}: no such folder. A C project is what edgenet export writes.")
    data = _read(model_path)
    graph = correct_shapes(read_tflite(data, model_path.name))
    check_amount(graph, count)
    given = () if inputs is None else (inputs,) if isinstance(inputs, np.ndarray) else tuple(inputs)
    extra = _extra(graph) if project is not None and edited_files(project) else 0
    samples = make_samples(graph, given, count + extra, seed)
    limit = CORTEX_COUNT if cortex_count is None else cortex_count
    say = on_progress or (lambda line: None)
    with tempfile.TemporaryDirectory(prefix="edgenet-prove-") as scratch:
        c = _project(model_path, project, name, names, Path(scratch), target)
        subject = Subject(data, graph, c, Path(scratch) / "build", tflite_python)
        numbers = len(samples[0]), extra, len(given[0]) if given else 0
        lanes = [_lane(one, subject, numbers, limit, one in wanted, say) for one in names]
        defects = _defects(graph, lanes)
        if defects and TFLITE not in names:
            lanes.append(_lane(TFLITE, subject, numbers, limit, False, say))
        sampling = _sampling(lanes, samples, numbers, seed)
        race = Race(graph, lanes, samples, numbers[0] - extra, defects, LiteRtSide(data, graph), say)
        proof = _conclude(race, race.run(), sampling, project)
    return _with_requantization(proof, graph, project, target) if requant else proof


def _with_requantization(proof: Proof, graph: Graph, project: Path | None, target: Target) -> Proof:
    """`proof` with that of the short forms of requantization; one that fails is a difference."""
    chosen_for = target if project is None else project_target(project / MANIFEST)
    verdicts = prove_layers(compile_graph(graph, chosen_for))
    if all(verdict.proved for verdict in verdicts):
        return replace(proof, requantization=verdicts)
    message = "a short form of requantization is not proved."
    return replace(proof, requantization=verdicts, verdict=DIFFERS, message=message)


def add_prove_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `prove` to a parser."""
    parser.add_argument("model", type=Path, help="the int8 .tflite")
    parser.add_argument("--project", type=Path, metavar="DIR", help="prove the C in this folder, as it is now")
    parser.add_argument("--name", help="the model's C identifier, where the folder holds several")
    parser.add_argument("--inputs", type=Path, metavar="FILE", help="real samples (N, ...): .npy, or .npz with input_0")
    parser.add_argument("--count", type=_count, default=DEFAULT_COUNT, help="samples to generate (default: 64)")
    parser.add_argument(
        "--cortex-count", type=_count, metavar="N", help=f"samples on an emulated core (default: {CORTEX_COUNT})"
    )
    parser.add_argument(
        "--runtimes",
        type=_runtimes,
        default=RUNTIMES,
        metavar="LIST",
        help=f"comma-separated: {', '.join(KNOWN)}; or {ALL}",
    )
    parser.add_argument(
        "--tflite-python", metavar="PYTHON", help="a Python with TFLite 2.14 (or EDGENET_TFLITE_PYTHON)"
    )
    add_target_arguments(parser)
    parser.add_argument(
        "--requant", action="store_true", help="also prove the short forms of requantization, at every threshold"
    )
    parser.add_argument("--certificate", type=Path, metavar="FILE.json", help="write what was proved, and how, as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE.html", help="write the same as a page")
    parser.add_argument("--seed", type=_natural, default=0, help="of the generated samples (default: 0)")
    parser.add_argument("--json", action="store_true", help="print the proof as JSON")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def run_prove(args: argparse.Namespace) -> int:
    """Runs `prove` for parsed arguments and prints the proof; exit code 0 if proved, 1 if not. Raises ExportError."""
    check_files(args)
    proof = _prove(args)
    write_files(args, proof)
    print(json.dumps(proof.to_json(), indent=2, ensure_ascii=False) if args.json else render(proof))
    return 0 if proof.proved else 1


def check_files(args: argparse.Namespace, *inputs: Path | None) -> None:
    """Raises ExportError unless the files that `args` asks for can be written over nothing; `inputs` are read too."""
    wanted = (("--certificate", args.certificate, JSON), ("--html", args.html, PAGE))
    outputs = [Output(option, path, mark) for option, path, mark in wanted if path is not None]
    check_outputs(outputs, [args.model, args.inputs, *inputs])


def write_files(args: argparse.Namespace, proof: Proof) -> None:
    """Writes the certificate and the page that `args` asks for. Raises ExportError where they can't be written."""
    if args.certificate is not None:
        write_certificate(args.certificate, proof)
    if args.html is not None:
        write_page(args.html, proof)


def _prove(args: argparse.Namespace) -> Proof:
    return prove(
        args.model,
        project=args.project,
        name=args.name,
        inputs=_given(args),
        count=args.count,
        runtimes=args.runtimes,
        cortex_count=args.cortex_count,
        seed=args.seed,
        tflite_python=args.tflite_python,
        target=target_of(args),
        requant=args.requant,
        on_progress=lambda line: print(line, file=sys.stderr),
    )


def _given(args: argparse.Namespace) -> tuple[Array, ...] | None:
    """The arrays of --inputs, or None."""
    if args.inputs is None:
        return None
    graph = read_tflite(args.model.read_bytes(), args.model.name) if args.model.is_file() else None
    return load_inputs(args.inputs, len(graph.inputs) if graph else 1)


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= MOST_SAMPLES:
        raise argparse.ArgumentTypeError(f"{value} is not a number of samples from 1 to {MOST_SAMPLES:,}")
    return value


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative")
    return value


def _runtimes(text: str) -> tuple[str, ...]:
    """The runtimes of a comma-separated list."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    try:
        chosen(names)
    except ExportError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return names


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
    model_path: Path, project: Path | None, name: str | None, runtimes: Sequence[str], scratch: Path, target: Target
) -> CProject | None:
    """The C that is proved: the user's, else a fresh export; None where no runtime needs any."""
    if project is None and any(map(needs_c, runtimes)):
        project = scratch / "project"
        export_c(model_path, project, name=name, labels=[], target=target)
    return None if project is None else read_project(project, name)


def _lane(
    name: str, subject: Subject, numbers: tuple[int, int, int], slow_count: int, wanted: bool, say: Progress
) -> Lane:
    """A runtime, started, with the samples that it will run.

    `numbers` of samples: in all; the extra ones, only for what is fast; and the given ones.
    """
    say(f"{name}: starting")
    started = start(name, subject)
    total, slow = numbers[0], is_slow(name)
    usual = total if name in (TFLM, HOST) else total - numbers[1]
    limit, sequence = slow_count if slow else None, bool(subject.graph.variables)
    # The samples of a network with variables are a sequence: some of them can only be those that it begins with.
    picked = np.arange(usual)[:limit] if sequence else spread(usual, limit, numbers[2])
    return Lane(name, started, wanted, picked, CORTEX_TAPPED if slow else total, Tally(subject.graph), sequence)


def _defects(graph: Graph, lanes: Sequence[Lane]) -> tuple[Defect, ...]:
    """The operators that TFLite Micro, where it was asked for, can't be the oracle of."""
    for lane in lanes:
        if lane.name == TFLM:
            return wrong_operators(graph) if lane.runs else refused_operators(graph, lane.reason)
    return ()


def _sampling(lanes: Sequence[Lane], samples: Sequence[Array], numbers: tuple[int, int, int], seed: int) -> Sampling:
    """Which inputs are run; tells the lanes which of them to hash."""
    usual = np.arange(numbers[0] - numbers[1])
    hashed = hashed_samples([usual, *(lane.picked[: lane.tapped] for lane in lanes if lane.runs)])
    for lane in lanes:
        lane.digests = Digests(hashed)
    shown = tuple(int(number) for number in hashed)
    return Sampling(seed, numbers[0] - numbers[2], numbers[2], shown, sample_digests(samples, hashed))


def _conclude(race: Race, information: Information, sampling: Sampling, project: Path | None) -> Proof:
    """The proof."""
    graph, lanes = race.graph, race.lanes
    reports = tuple(_report(lane, race, _tapped_operators(graph)) for lane in lanes)
    verdict, message = judge(reports, information, race.oracle(), race.defects)
    edited = () if project is None else edited_files(project)
    if edited and verdict == PROVED:
        message = f"{message.rstrip('.')}; but the project is not what was exported ({', '.join(edited)} edited)."
    return Proof(
        model=graph.name,
        sha256=graph.sha256,
        verdict=verdict,
        message=message,
        oracle=race.oracle(),
        inputs=max((lane.done for lane in lanes), default=0),
        given_inputs=sampling.given,
        operators=len(graph.ops),
        values_compared=sum(report.values_compared for report in reports),
        informative_share=information.share("operator"),
        informative_output_share=information.share("output"),
        edited_files=edited,
        notes=_notes(graph, reports, project, edited),
        runtimes=reports,
        tool=f"edgenet {__version__}",
        machine=f"{platform.system()} {platform.machine()}",
        sampling=sampling,
        defects=tuple(race.defects),
        digests=output_digests(graph, {lane.name: lane.digests.result() for lane in lanes if lane.runs}),
        agreement=race.side.result(),
    )


def _notes(
    graph: Graph, reports: Sequence[RuntimeReport], project: Path | None, edited: Sequence[str]
) -> tuple[str, ...]:
    """What helps to understand the verdict."""
    notes = []
    origin = None if project is None else exported_from(project)
    if origin not in (None, graph.sha256):
        notes.append(f"the project was exported from another model: its MANIFEST.json says sha256 {origin}.")
    if edited:
        notes.append(
            "the C was edited since its export: equal bits on these inputs say little of others, where a small change "
            "(1 in a multiplier, say) may show."
        )
    if any(report.name == TFLITE and report.status == KNOWN_DEFECT for report in reports):
        notes += [f"{defect}." for defect in tflite_operators(graph)]
    return tuple(notes)


def _tapped_operators(graph: Graph) -> tuple[int, ...]:
    """The operators that C taps: those that the passes leave."""
    try:
        return tuple(op.index for op in apply_passes(graph).ops)
    except ExportError:
        return tuple(op.index for op in graph.ops)


def _report(lane: Lane, race: Race, operators: Sequence[int]) -> RuntimeReport:
    wanted = operators if needs_c(lane.name) and lane.compared else ()
    report = RuntimeReport(
        name=lane.name,
        status=_status(lane, race),
        reason=lane.reason,
        version=lane.started.version,
        inputs=lane.done,
        values_compared=lane.tally.values,
        operators_compared=lane.tally.operators,
        difference=lane.tally.difference(),
        cost=lane.cost,
        gap=find_gap(lane.done, len(race.samples[0]), lane.tally.uncompared(wanted), len(wanted)),
        flags=lane.started.flags,
        wanted=lane.wanted,
    )
    return report if lane.runs else replace(report, gap="")


def _status(lane: Lane, race: Race) -> str:
    """What a runtime's comparison amounts to."""
    if not lane.runs:
        return NOT_RUN
    if lane.fault:
        return DIFFERS
    differing = lane.tally.differing()
    if not any(differing):
        return OK
    defects = race.defects if lane.name == TFLM else tflite_operators(race.graph) if lane.name == TFLITE else ()
    behind = tainted(race.graph, defects)
    known = all(behind[kind].issuperset(differing[kind]) for kind in range(2))
    return KNOWN_DEFECT if known else DIFFERS

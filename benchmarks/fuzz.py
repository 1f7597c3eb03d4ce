"""Damaged .tflite files: each is refused in one line or becomes C; none crashes, hangs, or takes all memory.

    python benchmarks/fuzz.py [--files 200000] [--seed 1] [--jobs 2] [--minutes M] [--corpus DIR] [--json]
    python benchmarks/fuzz.py --only NUMBER [--keep FILE]     one mutant again, with its traceback
    python benchmarks/fuzz.py --tflm [--files 20000]          numpy beside TFLite Micro, for all that become C
    python benchmarks/fuzz.py --coverage [--files 12000]       branch coverage of what reads and verifies files

Some of the mutants that become C are compiled with address and undefined sanitizers and run: their outputs must be
those of the numpy reference. Prints what came of how many, and the number of every failing mutant; exit code 1 if there
is one.
The mutants depend on the corpus: EDGENET_DATA/tflite, models/, models of one operator (`mutants.py`), and --corpus.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from beside_tflm import DIFFERS, run_tflm
from mutants import Mutator, build_corpus
from sanitized import Sanitized

from firmware_export.errors import ExportError
from firmware_export.graph import Graph
from firmware_export.passes import apply_passes
from firmware_export.planner import plan_memory
from firmware_export.program import Program, lower
from firmware_export.project import project_files
from firmware_export.reader import read_tflite

ROOT = Path(__file__).resolve().parents[1]
NAME = "m.tflite"
SECONDS, GRACE_SECONDS = 5.0, 120.0
"""What one mutant may take, and after how long a worker that says nothing is ended: one that compiles takes longer."""
MEMORY_BYTES = 3 << 30
"""What a worker may take beside what it has at its start."""
LONGEST_MESSAGE = 4000
BLOCK, PROGRESS = 500, 5000
EXPORTED = "exported"
FAILURES = ("crash", "hang", "out of memory", "message", "C differs", "C fails", "killed", DIFFERS)
COVERED = ("reader.py", "tables.py", "verify.py")
LEAST_COVERAGE = 0.90
KINDS = (
    ("damaged", "refused: damaged"),
    ("not a .tflite", "refused: damaged"),
    ("is not supported", "refused: operator not supported"),
    ("is a float model", "refused: float model"),
    ("its output should have shape", "refused: wrong output shape"),
)
"""Words of a message -> what it counts as; else the operator broke a rule."""


Check: TypeAlias = Callable[[bytes, Graph, Program, int], tuple[str, str]]
"""(file, its graph, its program, number of the mutant) -> (outcome, note)."""
Result: TypeAlias = tuple[int, str, str]
"""(number, outcome, note) of one mutant."""


class HangError(BaseException):
    """A mutant took too long."""


@dataclass
class Findings:
    """What came of some mutants: how many of each outcome, and those that failed."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[Result] = field(default_factory=list)

    def add(self, number: int, outcome: str, note: str) -> None:
        """Counts one."""
        self.outcomes[outcome] += 1
        if outcome in FAILURES:
            self.failures.append((number, outcome, note))


@dataclass(frozen=True)
class Plan:
    """Which mutants, and what is done with one of `share` of those that become C."""

    mutator: Mutator
    share: int
    check: Check | None


def compile_mutant(data: bytes) -> tuple[Graph, Program]:
    """The graph as it was read, and the program, of which all files are written into memory."""
    graph = read_tflite(data, NAME)
    reduced = apply_passes(graph)
    program = lower(reduced, plan_memory(reduced))
    project_files(program, "m", [], [])
    return graph, program


def try_mutant(plan: Plan, number: int) -> tuple[str, str]:
    """(outcome, note) of one mutant."""
    mutant = plan.mutator.mutant(number)
    try:
        with _limited_time():
            graph, program = compile_mutant(mutant.data)
    except ExportError as error:
        return _refusal(str(error))
    except HangError:
        return "hang", f"more than {SECONDS} s ({mutant.seed})"
    except MemoryError:
        return "out of memory", mutant.seed
    except Exception as error:
        return "crash", f"{_place(error)} {type(error).__name__}: {error} ({mutant.seed})"
    if plan.check is None or number % plan.share:
        return EXPORTED, ""
    try:
        return plan.check(mutant.data, graph, program, number)
    except Exception as error:
        return "crash", f"{_place(error)} {type(error).__name__}: {error} ({mutant.seed}, while numpy ran it)"


def _refusal(message: str) -> tuple[str, str]:
    """What a refusal counts as; a failure where it is no single line of reasonable length."""
    if "\n" in message or not message.startswith(NAME) or len(message) > LONGEST_MESSAGE or not message.isprintable():
        return "message", message[:200]
    return next((kind for words, kind in KINDS if words in message), "refused: broken rule"), message


def _place(error: BaseException) -> str:
    """The last line of our own code that an error went through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "firmware_export" in f.filename]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


class _limited_time:  # noqa: N801 (used like a function)
    """Raises HangError in the block after SECONDS."""

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)

    def __exit__(self, *error: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    @staticmethod
    def _ring(number: int, frame: object) -> None:
        raise HangError


class _Worker:
    """A process that tries some mutants.

    Attributes:
        results: where (number, outcome, note) of each come out, in order.
        waiting: the numbers that have not come.
    """

    def __init__(self, plan: Plan, numbers: range) -> None:
        """Starts it."""
        self.waiting, self.heard = numbers, time.monotonic()
        context = get_context("fork")
        self.results, sender = context.Pipe(duplex=False)
        self.process = context.Process(target=_work, args=(plan, numbers, sender))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: a worker uses none
            self.process.start()
        sender.close()

    def receive(self) -> Result | None:
        """The next result, "killed" where the process ended before it; None when all have come."""
        try:
            result: Result = self.results.recv()
            self.waiting, self.heard = self.waiting[1:], time.monotonic()
        except EOFError:
            self.process.join()
            if not self.waiting:
                return None
            result = self.waiting[0], "killed", f"the worker ended with exit code {self.process.exitcode}"
            self.waiting = self.waiting[1:]
        return result


def _work(plan: Plan, numbers: range, pipe: Any) -> None:
    """What a worker does."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    for number in numbers:
        pipe.send((number, *try_mutant(plan, number)))
    pipe.close()


def run_all(plan: Plan, numbers: range, jobs: int, until: float) -> Iterator[Result]:
    """(number, outcome, note) of all mutants, by `jobs` workers; none begins a block after the moment `until`."""
    blocks = iter([numbers[n : n + BLOCK] for n in range(0, len(numbers), BLOCK)])
    workers: dict[Any, _Worker] = {}
    while True:
        while len(workers) < jobs and time.monotonic() < until and (block := next(blocks, None)) is not None:
            worker = _Worker(plan, block)
            workers[worker.results] = worker
        if not workers:
            return
        for pipe in wait(list(workers), timeout=1):
            result = workers[pipe].receive()
            if result is not None:
                yield result
            if result is None or result[1] == "killed":
                left = workers.pop(pipe).waiting
                blocks = itertools.chain([left] if left else [], blocks)
        for worker in workers.values():
            if time.monotonic() - worker.heard > GRACE_SECONDS:
                worker.process.kill()


def table(findings: Findings, seconds: float, seed: int) -> str:
    """Counts by outcome, speed, and what failed."""
    total = findings.outcomes.total()
    lines = [f"{'outcome':34} {'files':>9} {'share':>7}"]
    for outcome, count in sorted(findings.outcomes.items(), key=lambda item: (item[0] in FAILURES, -item[1])):
        lines.append(f"{outcome:34} {count:9,} {count / max(total, 1):7.1%}")
    lines.append(f"{'all':34} {total:9,}   seed {seed}, {total / max(seconds, 1e-9):,.0f} a second")
    lines += [f"--only {number}: {outcome}: {note}" for number, outcome, note in findings.failures]
    verdict = f"FAILED: {len(findings.failures)} mutants" if findings.failures else "PASSED: no findings"
    return "\n".join([*lines, verdict])


def show_one(plan: Plan, number: int, keep: Path | None) -> int:
    """Tries one mutant in this process and tells everything about it."""
    mutant = plan.mutator.mutant(number)
    print(f"mutant {number} of {mutant.seed}: {'; '.join(mutant.changes)}")
    if keep is not None:
        keep.write_bytes(mutant.data)
    outcome, note = try_mutant(Plan(plan.mutator, 1, plan.check), number)
    print(f"{outcome}: {note}")
    if outcome == "crash":
        compile_mutant(mutant.data)
    return 1 if outcome in FAILURES else 0


def measure_coverage(args: argparse.Namespace) -> int:
    """Prints the branch coverage of COVERED by mutants in one process; 1 where one is below LEAST_COVERAGE."""
    with tempfile.TemporaryDirectory(prefix="edgenet-fuzz-") as folder:
        data, report = f"--data-file={folder}/data", f"{folder}/report.json"
        include = ",".join(str(ROOT / "firmware_export" / name) for name in COVERED)
        script = [str(Path(__file__)), "--in-process", "--no-compile", f"--files={args.files}", f"--seed={args.seed}"]
        script += [f"--corpus={folder}" for folder in args.corpus]
        run = [sys.executable, "-m", "coverage"]
        subprocess.run([*run, "run", "--branch", f"--include={include}", data, *script], check=True)
        subprocess.run([*run, "json", data, "-q", "-o", report], check=True)
        files = json.loads(Path(report).read_text())["files"]
    least = 1.0
    for name, facts in sorted(files.items()):
        summary = facts["summary"]
        share = summary["covered_branches"] / max(summary["num_branches"], 1)
        least = min(least, share)
        missing = ", ".join(f"{a}->{b}" for a, b in facts["missing_branches"]) or "none"
        print(f"{Path(name).name:12} {share:7.1%} of {summary['num_branches']} branches; not taken: {missing}")
    return 0 if len(files) == len(COVERED) and least >= LEAST_COVERAGE else 1


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--files", type=int, help="how many mutants (default: 200,000; 12,000 with --coverage)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other mutants (default: 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin nothing new after so many minutes")
    parser.add_argument("--corpus", type=Path, action="append", default=[], help="a folder with more .tflite files")
    parser.add_argument("--share", type=int, default=50, help="compile one of so many that become C (default: 50)")
    parser.add_argument("--no-compile", action="store_true", help="compile none")
    parser.add_argument("--tflm", action="store_true", help="compile none, but compare all with TFLite Micro")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="only this mutant")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="with --only: write the mutant there")
    parser.add_argument("--coverage", action="store_true", help="measure the branch coverage of reader and verifier")
    parser.add_argument("--in-process", action="store_true", help="without workers, so that a crash ends all")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    args = parser.parse_args(argv)
    args.files = args.files or (12_000 if args.coverage else 200_000)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Tries all mutants and prints what came of them."""
    args = _arguments(argv)
    warnings.simplefilter("error", RuntimeWarning)  # numpy's: a user would see them
    if args.coverage:
        return measure_coverage(args)
    data = os.environ.get("EDGENET_DATA")
    corpus = build_corpus([*([Path(data) / "tflite"] if data else []), ROOT / "models", *args.corpus])
    with tempfile.TemporaryDirectory(prefix="edgenet-fuzz-") as folder:
        plan = Plan(Mutator(corpus, args.seed), 1 if args.tflm else args.share, _check(args, Path(folder)))
        if args.only is not None:
            return show_one(plan, args.only, args.keep)
        began = time.monotonic()
        findings = _try_all(plan, args, began + 60 * args.minutes)
        seconds = time.monotonic() - began
    facts = {"seed": args.seed, "corpus": sorted(corpus), "seconds": round(seconds, 1), **asdict(findings)}
    print(json.dumps(facts, indent=2) if args.json else table(findings, seconds, args.seed))
    return 1 if findings.failures else 0


def _check(args: argparse.Namespace, folder: Path) -> Check | None:
    """What is done with mutants that become C."""
    if args.tflm:
        return run_tflm
    if args.no_compile:
        return None
    sanitized = Sanitized(folder)
    if args.only is None:
        sanitized.compile_all()
    return sanitized.check


def _try_all(plan: Plan, args: argparse.Namespace, until: float) -> Findings:
    """What came of all mutants, with progress."""
    findings, numbers = Findings(), range(args.files)
    alone = ((number, *try_mutant(plan, number)) for number in numbers)
    for result in alone if args.in_process else run_all(plan, numbers, args.jobs, until):
        findings.add(*result)
        if result[1] in FAILURES:
            print(f"--only {result[0]}: {result[1]}: {result[2]}", file=sys.stderr)
        if (done := findings.outcomes.total()) % PROGRESS == 0:
            print(f"{done:,} of {args.files:,}, {len(findings.failures)} failed", file=sys.stderr)
    findings.failures.sort()
    return findings


if __name__ == "__main__":
    sys.exit(main())

"""Compiles generated C with address and undefined sanitizers, and compares what it computes with numpy."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from firmware_export import emit
from firmware_export.graph import Graph
from firmware_export.program import Program
from firmware_export.vectors import golden_vectors

FLAGS = ("-std=c99", "-g1", "-O1", "-w", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")
KERNELS = Path(emit.__file__).parent / "c" / "kernels"
VECTORS = 4
EQUAL = "compiled, equal to numpy"
MOST_MACS, MOST_VALUES = 3_000_000, 2_000_000
"""Larger networks are not run."""
TIMEOUT_S = 50


class Sanitized:
    """The kernels, compiled once, in a folder in which networks are compiled."""

    def __init__(self, folder: Path) -> None:
        """Raises SystemExit where there is no gcc or clang."""
        compiler = shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            raise SystemExit("no C compiler: apt install gcc, or --no-compile")
        self.folder, self.command = folder, [compiler, *FLAGS, "-I", str(KERNELS)]

    def compile_all(self) -> None:
        """Compiles all kernels that there are."""
        self.objects([path.stem for path in KERNELS.glob("*.c")])

    def objects(self, kernels: Iterable[str]) -> list[str]:
        """The compiled kernels, each compiled once."""
        with ThreadPoolExecutor() as pool:
            return list(pool.map(self._compile, kernels))

    def _compile(self, kernel: str) -> str:
        target = self.folder / f"{kernel}.o"
        if not target.exists():
            subprocess.run([*self.command, "-c", str(KERNELS / f"{kernel}.c"), "-o", str(target)], check=True)
        return str(target)

    def check(self, data: bytes, graph: Graph, program: Program, number: int) -> tuple[str, str]:
        """(outcome, note): whether the C of `program` gives what numpy gives for `graph` and touches only what it may.

        `data` is the file, `number` says which of many this is.
        """
        values = sum(t.size for t in graph.tensors if t.data is None)
        if program.macs > MOST_MACS or values > MOST_VALUES or program.plan.arena_bytes > MOST_VALUES:
            return "exported", "too large to be run here"
        folder = self.folder / str(number)
        folder.mkdir()
        try:
            return _run(self, graph, program, folder)
        finally:
            shutil.rmtree(folder)


def _free_address_space() -> None:
    """Lifts the limit of a fuzzing worker: address sanitizer maps terabytes."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _run(sanitized: Sanitized, graph: Graph, program: Program, folder: Path) -> tuple[str, str]:
    vectors = golden_vectors(graph, (), VECTORS)
    for name, text in emit.emit(program, "m", (), vectors).items():
        (folder / name).write_text(text)
    parts = [*map(str, folder.glob("*.c")), *sanitized.objects(program.kernels)]
    binary = str(folder / "selftest")
    built = subprocess.run([*sanitized.command, *parts, "-o", binary], capture_output=True, text=True)
    if built.returncode:
        return "C fails", f"it does not compile: {built.stderr.strip().splitlines()[0]}"
    try:
        options = {"capture_output": True, "text": True, "timeout": TIMEOUT_S}
        done = subprocess.run([binary], preexec_fn=_free_address_space, **options)
    except subprocess.TimeoutExpired:
        return "C fails", f"it did not end in {TIMEOUT_S} s"
    if done.stderr:
        lines = [line for line in done.stderr.splitlines() if "rror" in line]
        return "C fails", (lines or done.stderr.splitlines())[0]
    return (EQUAL, "") if done.returncode == 0 else ("C differs", done.stdout.strip())

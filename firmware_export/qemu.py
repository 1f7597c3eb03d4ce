"""Compiles a C project with arm-none-eabi-gcc and runs it on the boards that QEMU emulates, Cortex-M55 included."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firmware_export.batch import Batch, NotAvailableError, RuntimeFaultError, split_outputs
from firmware_export.cproject import CProject, check_own_arena, harness_header
from firmware_export.emulate import Measurement
from firmware_export.errors import ExportError
from firmware_export.graph import Array, Graph
from firmware_export.host import read_records
from firmware_export.memory import Bytes, Memory
from firmware_export.toolchain import (
    C_FLAGS,
    HARNESS_FOLDER,
    Compiler,
    compile_objects,
    find_arm_gcc,
    find_qemu,
    run_tool,
)

FOLDER = HARNESS_FOLDER / "qemu"
PLAIN, TAPPED, MEASURE = "plain", "tapped", "measure"
LIBRARY = tuple(FOLDER / name for name in ("semihosting.c", "startup.c", "string.c"))
NO_CALLS_OF_ITSELF = ("-fno-builtin", "-fno-tree-loop-distribute-patterns")
"""Else a compiler would see what memcpy does, and have it done by memcpy."""
INSTALL = "apt install gcc-arm-none-eabi qemu-system-arm"
RUN_TIMEOUT_S = 3600
COARSE, FINE = 0, 10
"""`-icount shift`: an instruction takes 2^shift ns."""
COUNTER_TICKS = 1 << 24
SAMPLES, RESULTS = "samples.bin", "results.bin"


@dataclass(frozen=True)
class Board:
    """A board that QEMU emulates.

    Attributes:
        name: of the runtime.
        machine: the value of `-machine`.
        flags: what the compiler needs to know of its core.
        clock_hz: of the core, by which its timer counts.
        memory: where the linker puts what: names and values of board.ld.
    """

    name: str
    machine: str
    flags: tuple[str, ...]
    clock_hz: int
    memory: tuple[tuple[str, str], ...]


def _memory(vectors: str, code: str, code_bytes: str, data: str, data_bytes: str) -> tuple[tuple[str, str], ...]:
    names = ("VECTORS_AT", "CODE_AT", "CODE_BYTES", "DATA_AT", "DATA_BYTES")
    return tuple(zip(names, (vectors, code, code_bytes, data, data_bytes), strict=True))


_MPS2 = _memory("0x0", "0x21000000", "0x800000", "0x21800000", "0x800000")
BOARDS: dict[str, Board] = {
    board.name: board
    for board in (
        Board("qemu-cortex-m3", "mps2-an385", ("-mcpu=cortex-m3",), 25_000_000, _MPS2),
        Board("qemu-cortex-m4", "mps2-an386", ("-mcpu=cortex-m4",), 25_000_000, _MPS2),
        Board(
            "qemu-cortex-m7", "mps2-an500", ("-mcpu=cortex-m7",), 25_000_000,
            _memory("0x0", "0x60000000", "0x800000", "0x60800000", "0x800000"),
        ),
        Board(
            "qemu-cortex-m33", "mps2-an505", ("-mcpu=cortex-m33",), 20_000_000,
            _memory("0x10000000", "0x10000400", "0x3ffc00", "0x38000000", "0x400000"),
        ),
        Board(
            "qemu-cortex-m55", "mps3-an547", ("-mcpu=cortex-m55", "-mfloat-abi=hard"), 32_000_000,
            _memory("0x0", "0x70000000", "0x4000000", "0x74000000", "0x4000000"),
        ),
    )
}  # fmt: skip


class QemuRuntime:
    """The C project on an emulated board; every batch starts it anew."""

    def __init__(self, project: CProject, graph: Graph, board: Board, build_folder: Path) -> None:
        """Compiles the project.

        Args:
            project: the C.
            graph: the model that it should equal.
            board: what to compile for and to emulate.
            build_folder: where objects, programs and batches are written.

        Raises:
            NotAvailableError: the compiler or QEMU is missing, or the board's memory is too small.
            ExportError: the project does not compile.
        """
        self.compiler, self.emulator = _tools()
        self.flags = (*C_FLAGS, "-mthumb", *board.flags)
        self._project, self._graph, self._board, self._build = project, graph, board, build_folder
        self._memory = Memory(graph, project.arena_bytes)
        self._programs = {PLAIN: self._link(PLAIN)}

    def run(self, inputs: Sequence[Array], *, tap: bool) -> Batch:
        """The outputs for inputs (N, *shape) each; with `tap` from a second build that also gives the operators'.

        Raises:
            RuntimeFaultError: the program faulted, left its memory or wrote something else than it should.
        """
        check_own_arena(self._project)
        build = TAPPED if tap and self._project.tap_macro is not None else PLAIN
        if build not in self._programs:
            self._programs[build] = self._link(build)
        rows = self._memory.fill(inputs)
        records = self._emulate(build, rows)
        return read_records(records, rows, self._graph, self._memory, self._board.name, self._project.removed)

    def measure(self, inputs: Sequence[Array]) -> Measurement:
        """The cost of one inference, for inputs of shape (1, *shape) each, with the arena in the project.

        Raises:
            RuntimeFaultError: this build gives other outputs than the one with guard bytes, or leaves its memory.
            NotAvailableError: it takes more instructions than the board's timer can count.
        """
        memory = Memory(self._graph, None)
        self._programs[MEASURE] = self._link(MEASURE)
        before = memory.fill(inputs)
        coarse, fine = (self._measure(before, shift) for shift in (COARSE, FINE))
        where = f"{self._project.name} on {self._board.name}"
        outputs = split_outputs(self._graph, memory.check(where, before, fine[20:][None]))
        for mine, other in zip(outputs, self.run(inputs, tap=False).outputs, strict=True):
            if mine.tobytes() != other.tobytes():
                raise RuntimeFaultError(f"{where}: the outputs depend on where the arena lies.")
        numbers = [[int(number) for number in data[:20].view("<u4")] for data in (coarse, fine)]
        if numbers[0][2]:
            raise NotAvailableError(f"{where}: the run has more instructions than the board's timer counts.")
        ticks = [run - nothing for run, nothing, *_ in numbers]
        instructions = _combine(ticks[0], ticks[1], self._board.clock_hz) + 1
        sizes = self._section_bytes()
        return Measurement(
            instructions=instructions,
            stack_bytes=numbers[1][3],
            code_bytes=sizes.get(".text", 0) + sizes.get(".rodata", 0) + sizes.get(".data", 0),
            weights_bytes=sizes.get(".weights", 0),
            ram_bytes=sizes.get(".data", 0) + sizes.get(".bss", 0),
        )

    def _measure(self, before: Bytes, shift: int) -> Bytes:
        return self._emulate(MEASURE, before, "-icount", f"shift={shift}")

    def _link(self, build: str) -> Path:
        """The program for the board."""
        folder, memory = self._build / build, Memory(self._graph, None) if build == MEASURE else self._memory
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "harness_model.h").write_text(harness_header(self._project, memory), encoding="utf-8")
        headers = ["-isystem", str(FOLDER), "-isystem", str(HARNESS_FOLDER / "include")]
        flags = [*self.flags, *headers, "-iquote", str(folder), "-iquote", str(self._project.folder)]
        main = FOLDER / "harness_measure.c" if build == MEASURE else HARNESS_FOLDER / "harness_host.c"
        sources = [*self._project.sources, main]
        objects = compile_objects(self.compiler, sources, folder, [*flags, *self._switches(build)])
        objects += compile_objects(self.compiler, LIBRARY, folder, [*flags, *NO_CALLS_OF_ITSELF])
        program = folder / "harness.elf"
        layout = [f"-Wl,--defsym={name}={value}" for name, value in self._board.memory]
        command = [*self.compiler.command, *self.flags, "-nostdlib", "-Wl,--gc-sections", *layout]
        command += ["-T", str(FOLDER / "board.ld"), *map(str, objects), "-lgcc", "-o", str(program)]
        try:
            run_tool(command, f"linking for {self._board.name}")
        except ExportError as error:
            if "overflowed" in str(error):
                raise NotAvailableError(f"{self._board.machine} has too little memory for it: {error}") from error
            raise
        return program

    def _switches(self, build: str) -> list[str]:
        """The macros of a build."""
        arena = [f"-D{self._project.arena_macro}"] if self._project.arena_macro and build != MEASURE else []
        return [*arena, *([f"-D{self._project.tap_macro}"] if build == TAPPED else [])]

    def _emulate(self, build: str, rows: Bytes, *options: str) -> Bytes:
        """What the program writes for samples (N, bytes)."""
        program = self._programs[build]
        (program.parent / SAMPLES).write_bytes(rows.tobytes())
        command = [*self.emulator.command, "-machine", self._board.machine, "-display", "none", "-monitor", "none"]
        command += ["-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel", program.name]
        try:
            done = subprocess.run(
                [*command, *options], cwd=program.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=RUN_TIMEOUT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RuntimeFaultError(f"{self._board.name}: the run did not end in {RUN_TIMEOUT_S} s.") from error
        if done.returncode != 0:
            how = " ".join([f"exit code {done.returncode}", *done.stderr.split()])[:200]
            raise RuntimeFaultError(f"{self._project.name} on {self._board.name} faulted ({how}).")
        return np.fromfile(program.parent / RESULTS, np.uint8)

    def _section_bytes(self) -> dict[str, int]:
        """Section -> bytes, of the build that is measured."""
        size = self.compiler.command[0].removesuffix("gcc") + "size"
        text = run_tool([size, "-A", str(self._programs[MEASURE])], "reading sizes")
        return {name: int(bytes_) for name, bytes_ in re.findall(r"^(\.\w+)\s+(\d+)\s", text, re.MULTILINE)}


def _tools() -> tuple[Compiler, Compiler]:
    """The compiler and the emulator."""
    compiler, emulator = find_arm_gcc(), find_qemu()
    if compiler is None or emulator is None:
        missing = [name for name, tool in (("arm-none-eabi-gcc", compiler), ("qemu-system-arm", emulator)) if not tool]
        raise NotAvailableError(f"{' and '.join(missing)} not found: {INSTALL}")
    return compiler, emulator


def _combine(coarse: int, fine: int, clock_hz: int) -> int:
    """Instructions, from the timer's ticks in a run with coarse and in one with fine steps, which wraps around."""
    rough = coarse * 1e9 / clock_hz / (1 << COARSE)
    ticks_each = (1 << FINE) * clock_hz / 1e9
    wraps = round((rough * ticks_each - fine) / COUNTER_TICKS)
    return round((fine + wraps * COUNTER_TICKS) / ticks_each)

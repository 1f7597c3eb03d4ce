"""Compiles a C project for a Cortex-M with zig and runs it in unicorn: outputs, instructions, stack and sizes."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from firmware_export.batch import Batch, NotAvailableError, RuntimeFaultError, split_outputs
from firmware_export.cproject import CProject, check_own_arena, harness_header
from firmware_export.elf import Image, read_elf
from firmware_export.graph import Array, Graph
from firmware_export.host import make_batch
from firmware_export.machine import ARENA_BASE, Machine, block_address
from firmware_export.memory import Bytes, Memory
from firmware_export.targets import Core
from firmware_export.toolchain import (
    C_FLAGS,
    HARNESS_FOLDER,
    VERIFY_EXTRA,
    Compiler,
    compile_objects,
    find_arm_gcc,
    find_zig,
    run_tool,
)

OWN, PLAIN, TAPPED = "own", "plain", "tapped"
"""The builds: with the arena in the project, as on a chip; with ours, between guard bytes; the same with taps."""
PACKAGES = {"ziglang": "ziglang", "unicorn": "unicorn", "elftools": "pyelftools"}


@dataclass(frozen=True)
class Measurement:
    """What one inference costs on a core.

    Attributes:
        instructions: issued from the call of NAME_run to its return, exactly; one whose condition fails counts too,
            as it does on the chip.
        stack_bytes: the deepest that the stack got.
        code_bytes: instructions and constants other than the weights, with the compiler's helpers.
        weights_bytes: what NAME_weights.c became.
        ram_bytes: initialised and zeroed variables: the arena and little else.
        calls: instructions of each call of a function that was asked for, in order, from its entry to the next one's;
            the first and the last include what NAME_run does before and after.
    """

    instructions: int
    stack_bytes: int
    code_bytes: int
    weights_bytes: int
    ram_bytes: int
    calls: tuple[int, ...] = ()


def emulator_versions() -> dict[str, str]:
    """Package -> version of what the emulation needs.

    Raises:
        NotAvailableError: one of them is not installed.
    """
    missing = [package for module, package in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise NotAvailableError(f"the Python packages {', '.join(missing)} are not installed: {VERIFY_EXTRA}")
    return {package: importlib.metadata.version(package) for package in PACKAGES.values()}


def zig_for(core: Core) -> Compiler:
    """zig as a compiler for a core.

    Raises:
        NotAvailableError: a package that the emulation needs is not installed, or zig does not start.
    """
    emulator_versions()
    zig = find_zig()
    if zig is None:
        raise NotAvailableError(f"zig of the Python package ziglang does not start; reinstall it: {VERIFY_EXTRA}")
    return Compiler(zig.name, (*zig.command, *target_flags(core)), zig.version)


def target_flags(core: Core) -> tuple[str, ...]:
    """What tells zig which core to compile for."""
    return ("-target", "thumb-freestanding-eabi", f"-mcpu={core.zig_cpu}")


def gcc_for(core: Core) -> Compiler | None:
    """arm-none-eabi-gcc as a compiler for a core; None where it is not installed."""
    gcc = find_arm_gcc()
    if gcc is None:
        return None
    return replace(gcc, command=(*gcc.command, f"-mcpu={core.name}", "-mthumb", "-nostartfiles"))


class CortexRuntime:
    """The C project on an emulated core."""

    def __init__(
        self, project: CProject, graph: Graph, core: Core, build_folder: Path, compiler: Compiler | None = None
    ) -> None:
        """Compiles the project.

        Args:
            project: the C.
            graph: the model that it should equal.
            core: what to compile for and to emulate.
            build_folder: where objects and programs are written.
            compiler: compiles for the core; None for zig.

        Raises:
            NotAvailableError: zig, unicorn or pyelftools is missing.
            ExportError: the project does not compile.
        """
        self.compiler, self.target = zig_for(core) if compiler is None else compiler, target_flags(core)
        self._project, self._graph, self._core, self._build = project, graph, core, build_folder
        self._memory = Memory(graph, project.arena_bytes)
        self._images = {OWN: self._link(OWN)}
        self._machines: dict[str, Machine] = {}

    def run(self, inputs: Sequence[Array], *, tap: bool) -> Batch:
        """The outputs for inputs (N, *shape) each; with `tap` from a second build that also gives the operators'.

        Raises:
            RuntimeFaultError: the code left its memory, or did not end.
        """
        check_own_arena(self._project)
        machine = self._machine(TAPPED if tap and self._project.tap_macro is not None else PLAIN)
        before = self._memory.fill(inputs)
        machine.reset()
        after: list[Bytes] = []
        taps: dict[int, list[Bytes]] = {}
        for row in before:
            after.append(machine.run(row))
            for op, pieces in machine.tapped.items():
                taps.setdefault(op, []).append(np.frombuffer(b"".join(pieces), np.uint8))
        where = f"the {self._core.name}"
        if any(len({len(row) for row in rows}) > 1 or len(rows) != len(before) for rows in taps.values()):
            raise RuntimeFaultError(f"{self._project.name} on {where}: samples differ in what they tapped.")
        outputs = self._memory.check(f"{self._project.name} on {where}", before, np.stack(after))
        rows = {op: np.stack(samples) for op, samples in taps.items()}
        return make_batch(self._graph, split_outputs(self._graph, outputs), rows, where, self._project.removed)

    def measure(self, inputs: Sequence[Array], functions: Iterable[str] = ()) -> Measurement:
        """The cost of one inference, for inputs of shape (1, *shape) each, with the arena in the project.

        Args:
            inputs: what the network is given.
            functions: names of functions whose calls are counted apart.

        Raises:
            RuntimeFaultError: this build gives other outputs than the one with guard bytes, or leaves its memory.
        """
        image, memory = self._images[OWN], Memory(self._graph, None)
        entries = frozenset(image.functions[name][0] for name in functions)
        machine = Machine(image, memory, self._project, self._core, count=True, entries=entries)
        before = memory.fill(inputs)
        machine.reset()
        where = f"{self._project.name} on the {self._core.name}"
        outputs = split_outputs(self._graph, memory.check(where, before, machine.run(before[0])[None]))
        for mine, other in zip(outputs, self.run(inputs, tap=False).outputs, strict=True):
            if mine.tobytes() != other.tobytes():
                raise RuntimeFaultError(f"{where}: the outputs depend on where the arena lies.")
        sizes = image.section_bytes
        return Measurement(
            instructions=machine.instructions,
            stack_bytes=machine.stack_bytes(),
            code_bytes=sizes.get(".text", 0) + sizes.get(".rodata", 0) + sizes.get(".data", 0),
            weights_bytes=sizes.get(".weights", 0),
            ram_bytes=sizes.get(".data", 0) + sizes.get(".bss", 0),
            calls=machine.calls(),
        )

    def _machine(self, build: str) -> Machine:
        """The machine with a build; its memory lives on between samples, as on a chip."""
        if build not in self._machines:
            shared = build == PLAIN and self._project.arena_macro is None
            self._images[build] = self._images[OWN] if shared else self._link(build)
            self._machines[build] = Machine(self._images[build], self._memory, self._project, self._core)
        return self._machines[build]

    def _link(self, build: str) -> Image:
        """The program for the core."""
        folder = self._build / build
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "harness_model.h").write_text(harness_header(self._project, self._memory), encoding="utf-8")
        flags = [*C_FLAGS, "-isystem", str(HARNESS_FOLDER / "include"), *self._switches(build)]
        flags += ["-iquote", str(folder), "-iquote", str(self._project.folder)]
        sources = [*self._project.sources, HARNESS_FOLDER / "harness_cortex.c"]
        objects = compile_objects(self.compiler, sources, folder, flags)
        program = folder / "harness.elf"
        script = f"-Wl,--gc-sections,-T,{HARNESS_FOLDER / 'cortex.ld'},-e,{self._project.name}_run"
        command = [*self.compiler.command, script, *map(str, objects), "-o", str(program)]
        run_tool(command, f"linking for {self._core.name}")
        return read_elf(program)

    def _switches(self, build: str) -> list[str]:
        """The macros of a build."""
        switches = [f"-D{self._project.tap_macro}"] if build == TAPPED else []
        arena = self._memory.arena
        if build != OWN and arena.offsets:
            address = block_address(ARENA_BASE, arena.size) + arena.offsets[0]
            switches += [f"-D{self._project.arena_macro}", f"-DHARNESS_ARENA_ADDRESS=0x{address:08x}u"]
        return switches

"""How much flash the code of a generated project takes on a Cortex-M4, if there is a compiler for it."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .emit import emit, kernel_files
from .errors import ExportError
from .program import Program
from .toolchain import C_FLAGS, HARNESS_FOLDER, Compiler, compile_objects, find_arm_gcc, run_tool

NAME = "net"
CORE_FLAGS = ("-mcpu=cortex-m4", "-mthumb")
FLASH_SECTIONS = (".text", ".rodata", ".data")


@dataclass(frozen=True)
class CodeSize:
    """Bytes of flash but for the constant tables: kernels, calls, parameters, the compiler's helpers, and padding."""

    code_bytes: int
    compiler: str
    flags: tuple[str, ...]


def measure_code(program: Program) -> CodeSize | None:
    """What `arm-none-eabi-gcc` makes of the project; None where it is not installed or lacks its C library."""
    compiler = find_arm_gcc()
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory(prefix="edgenet-size-") as folder:
        try:
            sizes = _section_bytes(program, compiler, Path(folder))
        except ExportError:
            return None
    padding = sizes.get(".weights", 0) - program.weights_bytes
    code = sum(sizes.get(section, 0) for section in FLASH_SECTIONS) + padding
    return CodeSize(code, compiler.version, (*C_FLAGS, *CORE_FLAGS))


def _section_bytes(program: Program, compiler: Compiler, folder: Path) -> dict[str, int]:
    """Section of the linked program -> bytes; the constant tables have a section of their own."""
    texts = {name: text.encode() for name, text in emit(program, NAME, (), ()).items() if "selftest" not in name}
    for name, data in {**texts, **kernel_files(program)}.items():
        (folder / name).write_bytes(data)
    objects = compile_objects(compiler, sorted(folder.glob("*.c")), folder, [*C_FLAGS, *CORE_FLAGS])
    elf, script = folder / "net.elf", f"-Wl,--gc-sections,-T,{HARNESS_FOLDER / 'cortex.ld'},-e,{NAME}_run"
    run_tool([*compiler.command, *CORE_FLAGS, "-nostartfiles", script, *map(str, objects), "-o", str(elf)], "linking")
    listing = run_tool([compiler.command[0].removesuffix("gcc") + "size", "-A", str(elf)], "reading sizes")
    return {name: int(size) for name, size in re.findall(r"^(\.\w+)\s+(\d+)\s", listing, re.MULTILINE)}

"""One emulated core with a program in its memory, in unicorn."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from firmware_export.batch import RuntimeFaultError
from firmware_export.cproject import CProject
from firmware_export.elf import THUMB_BIT, Image
from firmware_export.memory import ALIGNMENT, Bytes, Memory
from firmware_export.targets import Core

PAGE_BYTES = 4096
STACK_BASE, STACK_BYTES = 0x30000000, 256 * 1024
INPUT_BASE, OUTPUT_BASE, ARENA_BASE = 0x40000000, 0x50000000, 0x60000000
RETURN_ADDRESS = 0x07000000
STACK_FILL = 0xA5
RUN_TIMEOUT_US = 600 * 1_000_000
REGISTER_ARGUMENTS = 4
WIDE_INSTRUCTION = 0b11101


class Machine:
    """A core that calls NAME_run once per sample.

    The program, its variables, the stack, the inputs, the outputs and the arena lie in pages of their own, with nothing
    between: reading or writing elsewhere is a fault. Inputs can't be written to; the blocks end where their pages do.

    Attributes:
        instructions: executed in the last run, when counting.
        tapped: operator index -> the outputs that the last run's taps gave, in order.
    """

    def __init__(
        self,
        image: Image,
        memory: Memory,
        project: CProject,
        core: Core,
        *,
        count: bool = False,
        entries: frozenset[int] = frozenset(),
    ) -> None:
        """Loads the program.

        Args:
            image: what the linker wrote.
            memory: says where inputs, outputs and arena lie.
            project: says which functions to call and to tap.
            core: which core this is.
            count: count instructions (slower).
            entries: addresses of functions whose calls are counted apart, when counting.
        """
        self.instructions = 0
        self.tapped: dict[int, list[bytes]] = {}
        self._image, self._core, self._entry = image, core, image.functions[f"{project.name}_run"][0]
        self._reset = image.functions.get(project.reset, (None,))[0] if project.reset else None
        self._fault = ""
        self._lengths: dict[tuple[int, int], int] = {}
        self._entries, self._entered = entries, list[int]()
        self._uc = _new_core(core)
        self._load(image)
        sizes = (memory.inputs.size, memory.outputs.size, memory.arena.size)
        bases = (INPUT_BASE, OUTPUT_BASE, ARENA_BASE)
        self._blocks = [(self._map_ending(base, size), size) for base, size in zip(bases, sizes, strict=True)]
        self._arguments = [self._blocks[0][0] + offset for offset in memory.inputs.offsets]
        self._arguments += [self._blocks[1][0] + offset for offset in memory.outputs.offsets]
        self._add_hooks(image.functions.get(f"{project.name}_tap"), count)

    def run(self, row: Bytes) -> Bytes:
        """The memory (bytes,) of inputs, outputs and arena after a run that began with this one.

        Raises:
            RuntimeFaultError: the code used memory that is not its own, or did not end.
        """
        self.instructions, self.tapped, self._entered = 0, {}, []
        self._write(row)
        self._call(self._entry)
        after = b"".join(bytes(self._uc.mem_read(*block)) for block in self._blocks)
        return np.frombuffer(after, np.uint8)

    def reset(self) -> None:
        """Calls NAME_reset, where there is one.

        Raises:
            RuntimeFaultError: as in `run`.
        """
        if self._reset is not None:
            self._call(self._reset)

    def _call(self, function: int) -> None:
        """Runs the function at this address, with the arguments of NAME_run, until it returns."""
        from unicorn import UcError
        from unicorn.arm_const import UC_ARM_REG_LR, UC_ARM_REG_PC, UC_ARM_REG_SP

        self._fault = ""
        self._uc.reg_write(UC_ARM_REG_SP, self._place_arguments())
        self._uc.reg_write(UC_ARM_REG_LR, RETURN_ADDRESS | THUMB_BIT)
        try:
            with self._stopped_by_ctrl_c():
                self._uc.emu_start(function | THUMB_BIT, RETURN_ADDRESS, timeout=RUN_TIMEOUT_US)
        except UcError as error:
            where = self._image.function_at(self._uc.reg_read(UC_ARM_REG_PC))
            raise RuntimeFaultError(f"{self._core.name}: {self._fault or error} in {where}.") from error
        if self._uc.reg_read(UC_ARM_REG_PC) != RETURN_ADDRESS:
            raise RuntimeFaultError(f"{self._core.name}: the run did not end in {RUN_TIMEOUT_US // 1_000_000} s.")

    @contextmanager
    def _stopped_by_ctrl_c(self) -> Iterator[None]:
        """Ctrl-C ends the emulation and is raised behind it: raised inside a hook, the emulator would swallow it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        pressed = []

        def stop(number: int, frame: object) -> None:
            pressed.append(number)
            self._uc.emu_stop()

        before = signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
        if pressed:
            raise KeyboardInterrupt

    def calls(self) -> tuple[int, ...]:
        """Instructions from each entry of a function among `entries` to the next, all of the last run shared out."""
        if not self._entered:
            return ()
        ends = [*self._entered[1:], self.instructions]
        return tuple(end - start for start, end in zip([0, *self._entered[1:]], ends, strict=True))

    def stack_bytes(self) -> int:
        """How deep the stack got since the machine was made."""
        stack = bytes(self._uc.mem_read(STACK_BASE, STACK_BYTES))
        return len(stack.lstrip(bytes([STACK_FILL])))

    def _write(self, row: Bytes) -> None:
        """Puts a sample's memory into the three blocks."""
        start = 0
        for address, size in self._blocks:
            self._uc.mem_write(address, row[start : start + size].tobytes())
            start += size

    def _place_arguments(self) -> int:
        """Puts the arguments of NAME_run where the Arm procedure call standard wants them; the stack pointer."""
        from unicorn.arm_const import UC_ARM_REG_R0

        for number, address in enumerate(self._arguments[:REGISTER_ARGUMENTS]):
            self._uc.reg_write(UC_ARM_REG_R0 + number, address)
        rest = b"".join(address.to_bytes(4, "little") for address in self._arguments[REGISTER_ARGUMENTS:])
        pointer = STACK_BASE + STACK_BYTES - -(-len(rest) // 8) * 8
        self._uc.mem_write(pointer, rest)
        return pointer

    def _load(self, image: Image) -> None:
        """Maps and fills the program's memory, the stack and the page that NAME_run returns to."""
        from unicorn import UC_PROT_EXEC, UC_PROT_READ, UC_PROT_WRITE

        code, data = UC_PROT_READ | UC_PROT_EXEC, UC_PROT_READ | UC_PROT_WRITE
        for writable, protection in ((False, code), (True, data)):
            segments = [segment for segment in image.segments if segment.writable == writable]
            if segments:
                start = min(segment.address for segment in segments) // PAGE_BYTES * PAGE_BYTES
                end = max(segment.address + segment.size for segment in segments)
                self._uc.mem_map(start, _pages(end - start), protection)
            for segment in segments:
                self._uc.mem_write(segment.address, segment.data)
        self._uc.mem_map(STACK_BASE, STACK_BYTES, data)
        self._uc.mem_write(STACK_BASE, bytes([STACK_FILL]) * STACK_BYTES)
        self._uc.mem_map(RETURN_ADDRESS, PAGE_BYTES, code)

    def _map_ending(self, base: int, size: int) -> int:
        """Maps pages for a block that ends (but for alignment) where they do; the block's address."""
        from unicorn import UC_PROT_READ, UC_PROT_WRITE

        self._uc.mem_map(base, _pages(size), UC_PROT_READ | (UC_PROT_WRITE if base != INPUT_BASE else 0))
        return block_address(base, size)

    def _add_hooks(self, tap: tuple[int, int] | None, count: bool) -> None:
        from unicorn import UC_HOOK_BLOCK, UC_HOOK_CODE, UC_HOOK_MEM_INVALID

        self._uc.hook_add(UC_HOOK_MEM_INVALID, self._on_fault)
        if tap is not None:
            self._uc.hook_add(UC_HOOK_CODE, self._on_tap, begin=tap[0], end=tap[0])
        if count:
            self._uc.hook_add(UC_HOOK_BLOCK, self._on_block)

    def _on_tap(self, uc: Any, address: int, size: int, user_data: object) -> None:
        from unicorn.arm_const import UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2

        op = int.from_bytes(int(uc.reg_read(UC_ARM_REG_R0)).to_bytes(4, "little"), "little", signed=True)
        data = bytes(uc.mem_read(uc.reg_read(UC_ARM_REG_R1), uc.reg_read(UC_ARM_REG_R2)))
        self.tapped.setdefault(op, []).append(data)

    def _on_block(self, uc: Any, address: int, size: int, user_data: object) -> None:
        if address == RETURN_ADDRESS:
            return
        if address in self._entries:
            self._entered.append(self.instructions)
        key = (address, size)
        if key not in self._lengths:
            self._lengths[key] = count_thumb(bytes(uc.mem_read(address, size)))
        self.instructions += self._lengths[key]

    def _on_fault(self, uc: Any, access: int, address: int, size: int, value: int, user_data: object) -> bool:
        from unicorn import UC_MEM_WRITE_PROT, UC_MEM_WRITE_UNMAPPED

        verb = "writes" if access in (UC_MEM_WRITE_PROT, UC_MEM_WRITE_UNMAPPED) else "reads"
        self._fault = f"{verb} {size} bytes at 0x{address:08x}, {_neighbour(address)},"
        return False


def count_thumb(code: bytes) -> int:
    """How many instructions a block of Thumb code holds: 16 bits each, or 32 when the top five bits say so."""
    count = position = 0
    while position < len(code):
        position += 4 if code[position + 1] >> 3 >= WIDE_INSTRUCTION else 2
        count += 1
    return count


def block_address(base: int, size: int) -> int:
    """Where a block lies whose pages begin at base."""
    return base + (_pages(size) - size) // ALIGNMENT * ALIGNMENT


def _new_core(core: Core) -> Any:
    import unicorn
    from unicorn import arm_const

    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    uc.ctl_set_cpu_model(getattr(arm_const, core.unicorn_cpu))
    return uc


def _pages(size: int) -> int:
    return -(-max(size, 1) // PAGE_BYTES) * PAGE_BYTES


def _neighbour(address: int) -> str:
    """Whose memory an address misses, as far as one can tell."""
    if STACK_BASE - STACK_BYTES <= address < STACK_BASE:
        return f"below the stack of {STACK_BYTES} bytes"
    for base, what in ((INPUT_BASE, "the input"), (OUTPUT_BASE, "the output"), (ARENA_BASE, "the arena")):
        if base - PAGE_BYTES <= address < base + 0x10000000:
            return f"outside what {what} allows"
    return "outside the program's memory"

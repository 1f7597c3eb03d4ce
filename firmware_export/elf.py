"""What an ELF file that the linker wrote says: the memory to load, where symbols are, how large sections became."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

THUMB_BIT = 1


@dataclass(frozen=True)
class Segment:
    """Bytes to load at an address; `size` exceeds the data where the rest is zero."""

    address: int
    data: bytes
    size: int
    writable: bool


@dataclass(frozen=True)
class Image:
    """A linked program.

    Attributes:
        segments: what is loaded.
        functions: name -> (address without the Thumb bit, bytes).
        section_bytes: name of an allocated section -> bytes.
    """

    segments: tuple[Segment, ...]
    functions: Mapping[str, tuple[int, int]]
    section_bytes: Mapping[str, int]

    def function_at(self, address: int) -> str:
        """The function that holds an address, or the address itself."""
        for name, (start, size) in self.functions.items():
            if start <= address < start + max(size, 1):
                return name
        return f"0x{address:08x}"


def read_elf(path: Path) -> Image:
    """The program in an ELF file."""
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        elf: Any = ELFFile(file)
        segments = tuple(
            Segment(part["p_vaddr"], part.data(), part["p_memsz"], bool(part["p_flags"] & 2))
            for part in elf.iter_segments()
            if part["p_type"] == "PT_LOAD" and part["p_memsz"] > 0
        )
        functions = {
            symbol.name: (symbol["st_value"] & ~THUMB_BIT, symbol["st_size"])
            for symbol in elf.get_section_by_name(".symtab").iter_symbols()
            if symbol["st_info"]["type"] == "STT_FUNC"
        }
        allocated = {part.name: part["sh_size"] for part in elf.iter_sections() if part["sh_flags"] & 2}
    return Image(segments, functions, allocated)

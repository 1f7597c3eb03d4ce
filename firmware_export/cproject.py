"""A folder with generated C, as it is now: its sources, its names, and whether someone edited it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firmware_export.batch import RuntimeFaultError
from firmware_export.errors import ExportError
from firmware_export.graph import Removed
from firmware_export.memory import Memory


@dataclass(frozen=True)
class CProject:
    """The files that are compiled, and the names that the harness calls.

    Attributes:
        folder: where it lies.
        name: the model's C identifier; NAME_run is the function that is proved.
        sources: every .c file except NAME_selftest.c and main.c, sorted.
        tap_macro: what is defined to get operators' outputs, e.g. "NAME_TAP"; None where the header has none.
        arena_macro: what is defined to place the arena elsewhere, e.g. "NAME_EXTERNAL_ARENA"; None likewise.
        arena_bytes: NAME_ARENA_BYTES, where there is an arena_macro.
        reset: NAME_reset, where the header declares it.
        removed: the channels that MANIFEST.json says it does not compute.
    """

    folder: Path
    name: str
    sources: tuple[Path, ...]
    tap_macro: str | None
    arena_macro: str | None = None
    arena_bytes: int | None = None
    reset: str | None = None
    removed: tuple[Removed, ...] = ()


def read_project(folder: Path, name: str | None = None) -> CProject:
    """The C project in a folder.

    Args:
        folder: what `edgenet export` wrote, perhaps edited since.
        name: which model, where the folder holds several.

    Raises:
        ExportError: no header in it declares a NAME_run function, or several do.
    """
    headers = {path.stem: path for path in sorted(folder.glob("*.h"))}
    runs = [stem for stem, path in headers.items() if re.search(rf"\bvoid\s+{re.escape(stem)}_run\s*\(", _text(path))]
    if name is not None:
        runs = [stem for stem in runs if stem == name]
    if len(runs) != 1:
        found = f"several do ({', '.join(runs)}): choose one with --name" if runs else "none does"
        wanted = f"{name or 'NAME'}.h that declares {name or 'NAME'}_run"
        raise ExportError(f"{folder}: expected one header {wanted}; {found}.")
    header = _text(headers[runs[0]])
    size = re.search(r"#\s*define\s+\w+_ARENA_BYTES\s+(\d+)", header)
    arena = _switch(header, "EXTERNAL_ARENA") if size else None
    left_out = (f"{runs[0]}_selftest.c", "main.c")
    sources = tuple(path for path in sorted(folder.glob("*.c")) if path.name not in left_out)
    arena_bytes = int(size.group(1)) if size and arena else None
    reset = f"{runs[0]}_reset" if re.search(rf"\bvoid\s+{re.escape(runs[0])}_reset\s*\(", header) else None
    gone = _removed(_manifest(folder))
    return CProject(folder, runs[0], sources, _switch(header, "TAP"), arena, arena_bytes, reset, gone)


def check_own_arena(project: CProject) -> None:
    """Nothing, unless the arena that NAME.c has without the arena_macro is smaller than NAME_ARENA_BYTES.

    Raises:
        RuntimeFaultError: it is.
    """
    source = project.folder / f"{project.name}.c"
    words = re.search(r"\bint32_t\s+arena_words\[(\d+)\]", _text(source)) if source.is_file() else None
    if words and project.arena_bytes is not None and int(words[1]) * 4 < project.arena_bytes:
        raise RuntimeFaultError(
            f"{source.name}: its arena_words hold {int(words[1]) * 4} bytes, less than the {project.arena_bytes} "
            "that its header says and its layers use."
        )


def edited_files(folder: Path) -> tuple[str, ...]:
    """Names of files that are not what MANIFEST.json says, are gone, or are C that it does not list; or of itself."""
    files = _manifest(folder).get("files")
    if not isinstance(files, dict):
        return ("MANIFEST.json",)
    added = {path.name for path in folder.glob("*.c")} - files.keys()
    changed = {name for name, digest in files.items() if _sha256(folder / name) != digest}
    return tuple(sorted(added | changed))


def exported_from(folder: Path) -> str | None:
    """The sha256 of the .tflite that MANIFEST.json names; None where there is no manifest."""
    model = _manifest(folder).get("model")
    digest = model.get("sha256") if isinstance(model, dict) else None
    return digest if isinstance(digest, str) else None


def harness_header(project: CProject, memory: Memory) -> str:
    """The text of harness_model.h: how the harness calls this model."""
    first, arena = memory.inputs.size, memory.inputs.size + memory.outputs.size
    arguments = [f"(const void *)((base) + {offset})" for offset in memory.inputs.offsets]
    arguments += [f"(void *)((base) + {first + offset})" for offset in memory.outputs.offsets]
    lines = [
        "#include <stddef.h>",
        f'#include "{project.name}.h"',
        f"#define HARNESS_BYTES {memory.size}",
        f"#define HARNESS_NETWORK {project.name}_run",
        f"#define HARNESS_CALL(function, base) function({', '.join(arguments)})",
        "#define HARNESS_RUN(base) HARNESS_CALL(HARNESS_NETWORK, base)",
    ]
    if project.reset:
        lines += [f"#define HARNESS_RESET {project.reset}"]
    if memory.arena.offsets:
        lines += [f"#ifdef {project.arena_macro}", f"#define HARNESS_ARENA {project.name}_arena"]
        lines += [f"#define HARNESS_ARENA_OFFSET {arena + memory.arena.offsets[0]}", "#endif"]
    if project.tap_macro is not None:
        lines += [f"#ifdef {project.tap_macro}", "#define HARNESS_TAP", "#endif"]
        lines += [f"#define HARNESS_TAP_FUNCTION {project.name}_tap"]
    return "\n".join(lines) + "\n"


def _switch(header: str, ending: str) -> str | None:
    """The macro with this ending that a header asks for with #ifdef; None where there is none."""
    found = re.search(rf"#\s*if(?:def\s+|\s+defined\s*\(?\s*)(\w+_{ending})\b", header)
    return found.group(1) if found else None


def _removed(manifest: Mapping[str, object]) -> tuple[Removed, ...]:
    """What a manifest says was removed; nothing where that is not what an export writes."""
    entries = manifest.get("removed")
    found = [_entry(entry) for entry in entries] if isinstance(entries, list) else []
    return tuple(part for part in found if part is not None)


def _entry(entry: object) -> Removed | None:
    """One tensor's channels; None where they make no sense."""
    if not isinstance(entry, dict):
        return None
    tensor, channels, kept, constants = (entry.get(key) for key in ("tensor", "channels", "kept", "constants"))
    if not isinstance(tensor, int) or not isinstance(channels, int):
        return None
    if not isinstance(kept, list) or not isinstance(constants, list) or not kept:
        return None
    ascending = all(isinstance(c, int) for c in kept) and kept == sorted(set(kept))
    known = all(c is None or (isinstance(c, int) and -128 <= c <= 127) for c in constants)
    if not ascending or not known or not 0 <= kept[0] <= kept[-1] < channels or len(kept) + len(constants) != channels:
        return None
    return Removed(tensor, channels, tuple(kept), tuple(constants))


def _manifest(folder: Path) -> dict[str, object]:
    """MANIFEST.json, or nothing where it is missing or no JSON object."""
    try:
        manifest = json.loads((folder / "MANIFEST.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None

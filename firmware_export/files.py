"""Files and folders that appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from .errors import ExportError


def write_file(path: Path, data: bytes) -> None:
    """`data` as `path`, replacing what is there.

    Raises:
        ExportError: the folder is missing, read-only or full.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(data)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise _cant_write(path, error) from error


def replace_folder(path: Path, contents: Mapping[str, bytes]) -> None:
    """A folder `path` that holds exactly `contents` (file name -> bytes), in place of what is there.

    Raises:
        ExportError: the folder around it is missing, read-only or full; `path` is as it was.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.mkdir()
            for name, data in contents.items():
                (beside / name).write_bytes(data)
            _swap(beside, path, old)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise _cant_write(path, error) from error


def _swap(new: Path, path: Path, old: Path) -> None:
    """`new` becomes `path`; what was there becomes `old`, or comes back when that fails."""
    moved = path.exists()
    if moved:
        os.rename(path, old)
    try:
        os.rename(new, path)
    except BaseException:
        if moved:
            os.rename(old, path)
        raise


def _cant_write(path: Path, error: OSError) -> ExportError:
    reason = (error.strerror or str(error)).lower()
    return ExportError(f"{path}: can't be written ({reason}); choose a folder that you may write to with --out.")

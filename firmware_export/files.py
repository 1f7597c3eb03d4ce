"""Files and folders that appear whole or not at all: written beside their place, then renamed.

And the rule for every file that a user names on a command line to be written: it may replace nothing but an earlier
output of its own kind, and never what is read.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import ExportError, printable

HEAD = 1000
"""Within so many bytes a file of ours says of what kind it is."""


@dataclass(frozen=True)
class Output:
    """A file that is going to be written.

    Attributes:
        option: by which the user named it.
        path: where.
        mark: what stands in the head of every file of its kind, as `page_mark` or `json_mark` gives it.
    """

    option: str
    path: Path
    mark: bytes


def page_mark(kind: str) -> bytes:
    """What stands in the head of an HTML page of this kind."""
    return f'<meta name="generator" content="{kind}">'.encode()


def json_mark(kind: str) -> bytes:
    """What stands among the first entries of a JSON file of this kind."""
    return f'"kind": "{kind}"'.encode()


def is_marked(data: bytes, mark: bytes) -> bool:
    """Whether a file's bytes are of the kind that `mark` stands for."""
    return mark in data[:HEAD]


def check_outputs(outputs: Sequence[Output], inputs: Sequence[Path | None] = ()) -> None:
    """Nothing, before any work is done, if `outputs` can be written and only earlier outputs are replaced by that.

    Args:
        outputs: what is going to be written.
        inputs: what is read; None for what is not there.

    Raises:
        ExportError: an output is read, is another output, holds something else, or can't be written.
    """
    for number, output in enumerate(outputs):
        for given in inputs:
            if given is not None and same_place(output.path, given):
                raise ExportError(f"{output.path}: is read, and {output.option} would replace it; choose another file.")
        for other in outputs[:number]:
            if same_place(output.path, other.path):
                raise ExportError(f"{output.path}: is {other.option} and {output.option}; give each a file of its own.")
        try:
            _check_kind(output)
            _try_place(output.path)
        except OSError as error:
            raise _cant_write(output.path, error) from error


def same_place(one: Path, other: Path) -> bool:
    """Whether two paths are one file or folder, by whatever links they lead there."""
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _check_kind(output: Output) -> None:
    """Raises ExportError unless there is no such file, or an empty one, or an earlier output of the same kind."""
    path, option = output.path, output.option
    if path.is_dir():
        raise ExportError(f"{path}: is a folder; give {option} a file.")
    if not path.exists():
        return
    if not path.is_file():
        raise ExportError(f"{path}: is no ordinary file; give {option} another one.")
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head and not is_marked(head, output.mark):
        raise ExportError(f"{path}: is not an earlier output of {option}, which would replace it; choose another file.")


def _try_place(path: Path) -> None:
    """Raises OSError where no file can be written beside `path`, or in the first folder above it that exists."""
    if path.parent.is_dir():
        beside = _beside(path)
        beside.touch()
        beside.unlink()
        return
    folder = next(above for above in path.parents if above.exists())
    with tempfile.TemporaryFile(dir=folder):
        pass


def _beside(path: Path) -> Path:
    """Where what becomes `path` is written at first."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def message(text: str, args: Namespace) -> str:
    """What an error says; the names of files and folders in `args`, which may hold anything, in one line."""
    for path in (value for value in vars(args).values() if isinstance(value, (str, Path))):
        for name in (str(path), Path(path).name):
            text = text.replace(name, printable(name)) if not name.isprintable() else text
    return text


def write_file(path: Path, data: bytes) -> None:
    """`data` as `path`, replacing what is there.

    Raises:
        ExportError: the folder is missing, read-only or full.
    """
    beside = _beside(path)
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
    beside = _beside(path)
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
        raise _cant_write(path, error, " with --out") from error


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


def _cant_write(path: Path, error: OSError, how: str = "") -> ExportError:
    reason = (error.strerror or str(error)).lower()
    return ExportError(f"{path}: can't be written ({reason}); choose a folder that you may write to{how}.")

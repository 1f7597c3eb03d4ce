"""What a .keras file says about itself, read from its JSON: no Keras needed, and a damaged file is named at once."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgenet.errors import QuantizeError

FLOAT_SUFFIXES = (".keras", ".h5", ".hdf5")
"""Of float models; those of Keras 2 are refused."""
HDF5_MARK = b"\x89HDF"
SAVE_AGAIN = "Save the model again with Keras 3: model.save('x.keras')."


@dataclass(frozen=True)
class KerasFacts:
    """What a .keras file states.

    Attributes:
        input_shape: (H, W, C).
        rescales: whether a Rescaling or Normalization layer takes raw pixels.
    """

    input_shape: tuple[int, int, int]
    rescales: bool


def read_facts(path: Path) -> KerasFacts:
    """The input shape of a .keras file, and whether it rescales its input by itself.

    Raises:
        QuantizeError: missing, empty, damaged, or without one fixed (H, W, C) input.
    """
    config = _config(path)
    shapes = list(_input_shapes(config))
    fitting = [shape for shape in shapes if len(shape) == 4 and all(isinstance(n, int) for n in shape[1:])]
    if not fitting:
        raise QuantizeError(
            f"{path}: its input is {_shape_words(shapes)}. Expected fixed sizes: "
            "(batch, height, width, channels), where only batch is free."
        )
    _, height, width, channels = fitting[0]
    rescales = any(table.get("class_name") in ("Rescaling", "Normalization") for table in _tables(config))
    return KerasFacts((height, width, channels), rescales)


def check_whole(path: Path) -> None:
    """Nothing, if the file is a whole .keras file of Keras 3.

    Raises:
        QuantizeError: it is missing, empty, damaged, or of Keras 2.
    """
    _config(path)


def _shape_words(shapes: list[list[Any]]) -> str:
    sides = ("any" if side is None else str(side) for side in shapes[0]) if shapes else ()
    return f"({', '.join(sides)})" if shapes else "not stated"


def _config(path: Path) -> Any:
    if not path.is_file() or path.stat().st_size == 0:
        raise QuantizeError(
            f"{path}: no such model, or it is empty. Expected a .keras file, or a folder with model.keras."
        )
    with path.open("rb") as file:
        if file.read(len(HDF5_MARK)) == HDF5_MARK:
            raise QuantizeError(f"{path}: is an HDF5 file of Keras 2. {SAVE_AGAIN}")
    try:
        with zipfile.ZipFile(path) as archive:
            if broken := archive.testzip():
                raise QuantizeError(f"{path}: {broken} inside it is damaged. Save the model again.")
            return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, zlib.error) as error:
        raise QuantizeError(f"{path}: not a whole .keras file of Keras 3 ({error}). {SAVE_AGAIN}") from error


def _input_shapes(node: Any) -> Iterator[list[Any]]:
    for table in _tables(node):
        for key in ("batch_shape", "batch_input_shape", "input_shape"):
            if isinstance(table.get(key), list):
                yield table[key]


def _tables(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _tables(child)

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
            f"{path}: its input is {shapes[:1] or 'not stated'}. Expected (batch, height, width, channels)."
        )
    _, height, width, channels = fitting[0]
    rescales = any(table.get("class_name") in ("Rescaling", "Normalization") for table in _tables(config))
    return KerasFacts((height, width, channels), rescales)


def _config(path: Path) -> Any:
    if not path.is_file() or path.stat().st_size == 0:
        raise QuantizeError(
            f"{path}: no such model, or it is empty. Expected a .keras file, or a folder with model.keras."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            if broken := archive.testzip():
                raise QuantizeError(f"{path}: {broken} inside it is damaged. Save the model again.")
            return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, zlib.error) as error:
        raise QuantizeError(
            f"{path}: not a whole .keras file of Keras 3 ({error}). Save the model again with model.save('x.keras')."
        ) from error


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

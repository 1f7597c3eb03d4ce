"""What a command is about: a model by name, by folder, or by its .tflite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from device.card import CARD_FILE, ModelCard, TensorSpec, check_fit, check_model, find_model
from edgenet.errors import EdgenetError
from edgenet.keras_file import FLOAT_SUFFIXES, check_whole


@dataclass(frozen=True)
class ModelThing:
    """An int8 model: its file, its card where it has one, and the float model beside it where there is one."""

    path: Path
    card: ModelCard | None
    float_path: Path | None

    @property
    def identifier(self) -> str | None:
        """The name on the card as a C identifier."""
        return None if self.card is None else identifier_of(self.card.name)


def identifier_of(name: str) -> str:
    """A model's name as a C identifier: "my model" becomes my_model."""
    from firmware_export.project import c_identifier

    return c_identifier(Path(f"{name}.tflite"))


def find_thing(thing: str) -> ModelThing:
    """The int8 model that a word on the command line means.

    Raises:
        EdgenetError, DeviceError: there is none, or its card does not belong to it.
    """
    path = Path(thing)
    if path.suffix in FLOAT_SUFFIXES:
        if path.is_file():
            check_whole(path)
        raise EdgenetError(
            f"{path}: is a float model; this needs int8. Run: edgenet quantize {path} --data YOUR_PICTURES"
        )
    if path.suffix == ".tflite":
        return _file(path)
    folder = find_model(thing)
    card = ModelCard.load(folder)
    return _with_card(folder / card.model, card)


def check_card(card: ModelCard, path: Path) -> None:
    """Raises DeviceError where a card's input or output is not what the model file states."""
    from firmware_export.reader import read_tflite

    graph = read_tflite(path.read_bytes(), path.name, strict=False)
    specs = []
    for index in (graph.inputs[0], graph.outputs[0]):
        tensor = graph.tensors[index]
        scale, zero_point = (0.0, 0) if tensor.quant is None else (tensor.scale, tensor.zero_point)
        specs.append(TensorSpec(tuple(tensor.shape), tensor.dtype, float(scale), int(zero_point)))
    check_fit(card, specs[0], specs[1], str(path.parent / CARD_FILE))


def _file(path: Path) -> ModelThing:
    if not path.is_file():
        raise EdgenetError(f"{path}: no such file. Give an int8 .tflite, a model folder, or a released model's name.")
    if not (path.parent / CARD_FILE).is_file():
        return ModelThing(path, None, None)
    card = ModelCard.load(path.parent)
    return _with_card(path, card) if card.model == path.name else ModelThing(path, None, None)


def _with_card(path: Path, card: ModelCard) -> ModelThing:
    check_model(card, path)
    check_card(card, path)
    float_path = path.parent / "model.keras"
    return ModelThing(path, card, float_path if float_path.is_file() else None)

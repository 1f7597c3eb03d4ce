"""ModelCard <-> card.json: what a device must know about a model, and where models are found."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from device.errors import DeviceError

FORMAT = 1
CARD_FILE = "card.json"


@dataclass(frozen=True)
class TensorSpec:
    """A quantized tensor: real value = (q - zero_point) * scale."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True)
class InputSpec(TensorSpec):
    """A model's input: a picture of one layout ("NHWC") and colour ("gray", "rgb")."""

    layout: str
    color: str


@dataclass(frozen=True)
class OutputSpec(TensorSpec):
    """A model's output: kind is "probabilities" or "logits"."""

    kind: str


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes the input: name is "digit-box" or "resize"; real value = pixel / divide_by."""

    name: str
    divide_by: float


@dataclass(frozen=True)
class ModelCard:
    """What card.json says; docs/architecture.md shows one."""

    name: str
    task: str
    model: str
    sha256: str
    labels: tuple[str, ...]
    input: InputSpec
    output: OutputSpec
    preprocessing: Preprocessing
    data: dict[str, Any]
    licence: str
    metrics: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @classmethod
    def load(cls, path: Path | str) -> ModelCard:
        """The card in a card.json, or in the folder that holds one.

        Raises:
            DeviceError: no such file, not JSON, another format, a key missing, unknown or of the wrong type.
        """
        path = Path(path)
        path = path / CARD_FILE if path.is_dir() else path
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise DeviceError(
                f"{path}: can't be read ({error.strerror}). A model folder holds a {CARD_FILE}."
            ) from error
        except ValueError as error:
            raise DeviceError(f"{path}: not a JSON file ({error}).") from error
        return cls.from_json(content, str(path))

    @classmethod
    def from_json(cls, content: Any, where: str = CARD_FILE) -> ModelCard:
        """The card in what json.load gave; `where` names it in errors.

        Raises:
            DeviceError: another format, a key missing, unknown or of the wrong type, or values that contradict.
        """
        if isinstance(content, dict) and content.get("format", FORMAT) != FORMAT:
            raise DeviceError(
                f"{where}: card format {content['format']!r} is not known, this version reads {FORMAT}. Update edgenet."
            )
        values = _checked(content, _CARD, where, optional=("metrics",))
        card = cls(
            **values
            | {
                "labels": tuple(values["labels"]),
                "input": InputSpec(**_tensor(values["input"], _INPUT, f"{where}: input")),
                "output": OutputSpec(**_tensor(values["output"], _OUTPUT, f"{where}: output")),
                "preprocessing": Preprocessing(
                    **_checked(values["preprocessing"], _PREPROCESSING, f"{where}: preprocessing")
                ),
            }
        )
        _check_values(card, where)
        return card

    def to_json(self) -> dict[str, Any]:
        """The card as json.dump wants it, in the order of docs/architecture.md."""
        values = asdict(self)
        values["labels"] = list(self.labels)
        for name, keys in (("input", _INPUT), ("output", _OUTPUT)):
            values[name] = {key: values[name][key] for key in keys}
            values[name]["shape"] = list(values[name]["shape"])
        return {key: values[key] for key in _CARD}


_NUMBER = (int, float)
_CARD: dict[str, Any] = {
    "format": int, "name": str, "task": str, "model": str, "sha256": str, "labels": list, "input": dict,
    "output": dict, "preprocessing": dict, "metrics": dict, "data": dict, "licence": str,
}  # fmt: skip
_INPUT: dict[str, Any] = {
    "shape": list, "dtype": str, "layout": str, "color": str, "scale": _NUMBER, "zero_point": int
}  # fmt: skip
_OUTPUT: dict[str, Any] = {"shape": list, "dtype": str, "kind": str, "scale": _NUMBER, "zero_point": int}
_PREPROCESSING: dict[str, Any] = {"name": str, "divide_by": _NUMBER}
_WORDS = {dict: "an object", list: "a list", str: "a text", int: "a whole number", _NUMBER: "a number"}


def check_model(card: ModelCard, model_path: Path) -> None:
    """Compares a model file with the sha256 on its card.

    Raises:
        DeviceError: the file can't be read or is another one.
    """
    try:
        digest = hashlib.sha256(model_path.read_bytes()).hexdigest()
    except OSError as error:
        raise DeviceError(f"{model_path}: can't be read ({error.strerror}).") from error
    if digest != card.sha256:
        raise DeviceError(
            f"{model_path}: sha256 is {digest[:12]}..., its {CARD_FILE} says {card.sha256[:12]}...; card and model do "
            f"not belong together. Run: edgenet quantize {model_path.parent}"
        )


def check_fit(card: ModelCard, input_spec: TensorSpec, output_spec: TensorSpec, where: str) -> None:
    """Compares what a loaded model has with what its card says; `where` names the card in the error.

    Raises:
        DeviceError: shape, dtype, scale or zero point differ.
    """
    for name, got, said in (("input", input_spec, card.input), ("output", output_spec, card.output)):
        same = (got.shape, got.dtype, got.zero_point) == (said.shape, said.dtype, said.zero_point)
        if not same or abs(got.scale - said.scale) > 1e-6 * abs(got.scale):
            folder = Path(where).parent
            raise DeviceError(
                f"{where}: model's {name} is {_words(got)}, card says {_words(said)}. Run: edgenet quantize {folder}"
            )


def find_model(name_or_path: str | Path) -> Path:
    """The folder of a model: an existing folder, card.json or .tflite, or a released model by its name.

    Raises:
        DeviceError: nothing there, no card beside the model, or a name that is not known.
    """
    path = Path(name_or_path)
    if path.exists():
        folder = path if path.is_dir() else path.parent
        if not (folder / CARD_FILE).is_file():
            raise DeviceError(
                f"{path}: there is no {CARD_FILE} in the folder {folder.resolve()}; "
                "edgenet quantize writes it with the model."
            )
        if path.suffix == ".tflite" and (named := ModelCard.load(folder).model) != path.name:
            raise DeviceError(
                f"{path}: the {CARD_FILE} beside it is for {named}. Put the two into a folder of their own."
            )
        return folder
    known = released_models()
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    raise DeviceError(
        f"no model {str(name_or_path)!r}: neither a path here nor a released model. "
        f"Released: {', '.join(sorted(known)) or 'none'}."
    )


def released_models() -> dict[str, Path]:
    """Folders of the released models by name: of the installed package first, then of the checkout."""
    package = Path(__file__).resolve().parent
    found: dict[str, Path] = {}
    for root in (package.parent / "models", package / "models"):
        if root.is_dir():
            found |= {card.parent.name: card.parent for card in sorted(root.glob(f"*/{CARD_FILE}"))}
    return found


def _checked(content: Any, keys: dict[str, Any], where: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """`content` if it is an object with these keys of these types."""
    if not isinstance(content, dict):
        raise DeviceError(f"{where}: expected an object, got {content!r:.40}.")
    for key, kind in keys.items():
        if key not in content and key not in optional:
            raise DeviceError(f"{where}: key {key!r} is missing. Run: edgenet quantize on the model's folder.")
        if key in content and (not isinstance(content[key], kind) or isinstance(content[key], bool)):
            raise DeviceError(f"{where}: {key} should be {_WORDS[kind]}, got {content[key]!r:.40}.")
    if unknown := sorted(set(content) - set(keys)):
        raise DeviceError(f"{where}: unknown key {unknown[0]!r}. Known: {', '.join(keys)}.")
    return content


def _tensor(content: Any, keys: dict[str, Any], where: str) -> dict[str, Any]:
    """A tensor's checked keys, with the shape as a tuple of sizes."""
    values = _checked(content, keys, where)
    shape = values["shape"]
    if not shape or not all(type(side) is int and side > 0 for side in shape):
        raise DeviceError(f"{where}: shape should be whole numbers of 1 and more, got {shape}.")
    if not values["scale"] > 0:
        raise DeviceError(f"{where}: scale should be above 0, got {values['scale']}.")
    return values | {"shape": tuple(shape), "scale": float(values["scale"])}


def _check_values(card: ModelCard, where: str) -> None:
    """Raises DeviceError where a card contradicts itself or uses a word that is not known."""
    for name, value, known in (
        ("preprocessing: name", card.preprocessing.name, ("digit-box", "resize")),
        ("output: kind", card.output.kind, ("probabilities", "logits")),
        ("input: layout", card.input.layout, ("NHWC",)),
        ("input: color", card.input.color, ("gray", "rgb")),
        ("input: dtype", card.input.dtype, ("int8",)),
        ("output: dtype", card.output.dtype, ("int8",)),
    ):
        if value not in known:
            raise DeviceError(f"{where}: {name} {value!r} is not known. Known: {', '.join(known)}.")
    if not card.preprocessing.divide_by > 0:
        raise DeviceError(f"{where}: preprocessing: divide_by should be above 0, got {card.preprocessing.divide_by}.")
    if len(card.labels) != card.output.shape[-1]:
        raise DeviceError(f"{where}: {len(card.labels)} labels, but the output has {card.output.shape[-1]} values.")


def _words(spec: TensorSpec) -> str:
    """A tensor in an error message."""
    return f"{spec.dtype} {spec.shape} (scale {spec.scale:.6g}, zero point {spec.zero_point})"

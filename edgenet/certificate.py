"""One certificate for one model: the float Keras network, LiteRT, TFLite Micro, numpy and C, on the same pictures.

The bit-exact part is firmware_export's proof. This adds the two sides that can't be bit-exact: the float network (how
often it names the same class, how far probabilities lie apart) and LiteRT, which a Raspberry Pi runs because it is
fast (how many of its output values are the very same bits).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from device.card import ModelCard
from device.preprocess import quantize_input
from edgenet import predict
from edgenet.data import Dataset
from edgenet.stats import Rate

if TYPE_CHECKING:
    from firmware_export.prove import Proof
    from firmware_export.targets import Target

Progress = Callable[[str], None]
KIND = "edgenet certificate"


@dataclass(frozen=True)
class Side:
    """How far a runtime that is not bit-exact agrees with the proved bits, on the same pictures.

    Attributes:
        name: "Keras float" or "LiteRT int8".
        same_class: on how many pictures it names the class that the C names.
        same_values: how many output values are the very same bits; None for a float runtime.
        largest_difference: in quanta for int8, in the output's real unit (probability, logit) for float.
    """

    name: str
    same_class: Rate
    same_values: Rate | None
    largest_difference: float

    def to_json(self) -> dict[str, Any]:
        """The side as JSON values."""
        return {
            "name": self.name,
            "same_class": self.same_class.to_json(),
            "same_values": None if self.same_values is None else self.same_values.to_json(),
            "largest_difference": self.largest_difference,
        }


@dataclass(frozen=True)
class Certificate:
    """The proof of the bits, and the sides that are near but not bit-exact."""

    proof: Proof
    sides: tuple[Side, ...]
    pictures: str

    def to_json(self) -> dict[str, Any]:
        """The certificate as JSON values."""
        return {
            "kind": KIND,
            "proof": self.proof.to_json(),
            "sides": [side.to_json() for side in self.sides],
            "pictures": self.pictures,
        }


def certify(
    model_path: Path,
    card: ModelCard,
    dataset: Dataset,
    *,
    float_path: Path | None = None,
    project: Path | None = None,
    name: str | None = None,
    count: int = 64,
    cortex_count: int | None = None,
    runtimes: tuple[str, ...] | None = None,
    seed: int = 0,
    tflite_python: str | None = None,
    target: Target | None = None,
    requant: bool = False,
    on_progress: Progress = lambda line: None,
) -> Certificate:
    """Proves the bits on the data set's pictures and on generated inputs, and measures the two other sides.

    Args:
        model_path: the int8 .tflite.
        card: its card.
        dataset: pictures uint8 (N, H, W, C).
        float_path: the float model; without it that side is left out.
        project: an exported C project to prove; default: a fresh export.
        name: the model's C identifier; default: from the project or the file name.
        count: how many generated inputs come on top of the pictures.
        cortex_count: how many of all inputs the emulated core runs.
        runtimes: which to run; default: all.
        seed: of the generated inputs.
        tflite_python: a Python that has TFLite 2.14.
        target: what C is exported for where there is no project; None for any core.
        requant: also prove the short forms of requantization that the kernels use.
        on_progress: called with a line now and then.

    Raises:
        ExportError: the model can't be exported or the project can't be built.
        CheckError: the float model or the data does not fit.
    """
    from firmware_export.prove import RUNTIMES, prove
    from firmware_export.targets import ANY_TARGET

    inputs = quantized_images(dataset.images, card)
    proof = prove(
        model_path,
        project=project,
        name=name,
        inputs=inputs,
        count=count,
        cortex_count=cortex_count,
        runtimes=runtimes or RUNTIMES,
        seed=seed,
        tflite_python=tflite_python,
        target=target or ANY_TARGET,
        requant=requant,
        on_progress=on_progress,
    )
    exact = reference_outputs(model_path, inputs)
    sides = _sides(model_path, float_path, dataset, card, exact, on_progress)
    return Certificate(proof, sides, f"{len(dataset)} pictures of {dataset.source}")


def _sides(
    model_path: Path,
    float_path: Path | None,
    dataset: Dataset,
    card: ModelCard,
    exact: NDArray[np.int8],
    on_progress: Progress,
) -> tuple[Side, ...]:
    """The sides whose libraries are installed; what is missing is said and left out."""
    sides = []
    if float_path is not None:
        if importlib.util.find_spec("keras") is None:
            on_progress("Keras float: not run, keras is not installed: pip install 'edgenet[train]'")
        else:
            on_progress("Keras float on the same pictures")
            sides.append(float_side(float_path, dataset, card, exact))
    if any(map(importlib.util.find_spec, ("ai_edge_litert", "tflite_runtime"))):
        sides.append(litert_side(model_path, dataset, card, exact))
    else:
        on_progress("LiteRT int8: not run, no interpreter is installed: pip install 'edgenet[device]'")
    return tuple(sides)


def quantized_images(images: NDArray[np.uint8], card: ModelCard) -> NDArray[np.int8]:
    """Pictures uint8 (N, H, W, C) as the network's int8 inputs, by its card."""
    return np.asarray(quantize_input(images, card), np.int8)


def reference_outputs(model_path: Path, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
    """The exact outputs int8 (N, K), by the numpy reference that the proof compares with TFLite Micro."""
    from firmware_export.reader import read_tflite
    from firmware_export.reference import run

    graph = read_tflite(model_path.read_bytes(), model_path.name)
    return np.asarray(run(graph, [inputs])[0].reshape(len(inputs), -1), np.int8)


def litert_side(model_path: Path, dataset: Dataset, card: ModelCard, exact: NDArray[np.int8]) -> Side:
    """LiteRT against the exact outputs int8 (N, K)."""
    from firmware_export.agreement import compare_outputs

    got = predict.predict_int8(model_path, dataset.images, divide_by=card.preprocessing.divide_by)
    near = compare_outputs("LiteRT int8", [exact], [got])
    same_class, same_values = Rate(near.same_top, near.samples), Rate(near.same_values, near.values)
    return Side(near.name, same_class, same_values, near.largest_difference)


def float_side(float_path: Path, dataset: Dataset, card: ModelCard, exact: NDArray[np.int8]) -> Side:
    """The float network against the exact outputs int8 (N, K), as probabilities where the card says so."""
    scores = predict.predict_float(float_path, dataset.images, divide_by=card.preprocessing.divide_by)
    real = (exact.astype(np.float32) - card.output.zero_point) * np.float32(card.output.scale)
    return Side("Keras float", _same_class(scores, exact), None, round(float(np.abs(scores - real).max()), 6))


def _same_class(scores: NDArray[np.generic], exact: NDArray[np.int8]) -> Rate:
    same = scores.argmax(axis=1) == exact.argmax(axis=1)
    return Rate(int(same.sum()), len(same))

"""The figures on a model's card: each with the command that prints it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgenet.check_result import card_metrics

if TYPE_CHECKING:
    from device.card import ModelCard
    from edgenet.build import BuildResult

CORTEX = "cortex-m4"


def card_with_metrics(result: BuildResult) -> ModelCard:
    """The card of a build with every figure that the build measured."""
    folder = _place(result)
    proof = result.certificate.proof
    cortex = next((report for report in proof.runtimes if report.name == CORTEX), None)
    ran = f" --cortex-count {cortex.inputs}" if cortex is not None and cortex.inputs else ""
    prove = f"edgenet prove {folder}{_data(result)} --pictures {proof.given_inputs}{ran}"
    metrics: dict[str, Any] = {"preset": {"value": result.recipe.preset, "command": _build_command(result)}}
    metrics |= card_metrics(result.check, f"edgenet check {folder}{_data(result)}")
    metrics |= {
        "parameters": {"value": result.history["parameters"], "command": _build_command(result)},
        "train_seconds": {"value": result.history["seconds"], "command": _build_command(result)},
        "tflite_bytes": {"value": len(result.quantized.tflite), "command": f"edgenet quantize {folder}{_data(result)}"},
        "arena_bytes": {"value": result.export.arena_bytes, "command": f"edgenet export {folder}"},
        "weights_bytes": {"value": result.export.weights_bytes, "command": f"edgenet export {folder}"},
        "proof": {"value": proof.verdict, "inputs": proof.inputs, "command": prove},
    }
    if cortex is not None and cortex.cost is not None:
        metrics["cortex_m4_instructions"] = {"value": cortex.cost.instructions, "command": prove}
        metrics["cortex_m4_code_bytes"] = {"value": cortex.cost.code_bytes, "command": prove}
    if result.run is not None and result.run.score is not None:
        frames = result.run.frames
        command = f"edgenet run digits --source sim --frames {frames} --seed {result.options.seed} --model {folder}"
        data = result.splits.test.name
        for name in ("precision", "recall"):
            value = round(float(getattr(result.run.score, name)), 6)
            metrics[f"sim_{name}"] = {"value": value, "data": data, "frames": frames, "command": command}
    return replace(result.quantized.card, metrics=metrics)


def _place(result: BuildResult) -> str:
    """The model folder in a command: as it was given, but never with the folders of somebody's home."""
    folder = result.files.model_dir
    return folder.name if folder.is_absolute() else folder.as_posix()


def _data(result: BuildResult) -> str:
    """The option that names the data, where it was not the recipe's."""
    name = result.options.data
    return "" if name is None else f" --data {Path(name).name if Path(name).is_absolute() else name}"


def _build_command(result: BuildResult) -> str:
    return f"edgenet build {result.recipe.name} --preset {result.recipe.preset}{_data(result)}"

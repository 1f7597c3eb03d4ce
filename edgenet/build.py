"""The whole chain in one go: train, quantize, check, export, prove, run; each stage hands files to the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgenet.certificate import Certificate, certify, quantized_images
from edgenet.check import check
from edgenet.check_result import CheckResult
from edgenet.data import Splits, load_splits
from edgenet.metrics import card_with_metrics
from edgenet.model_folder import (
    CARD_FILE,
    KERAS_FILE,
    card_facts,
    find_recipe,
    output_folder,
    write_json,
    write_quantized,
    write_trained,
)
from edgenet.quantize import MODEL_FILE, Quantized, quantize
from edgenet.recipe import Recipe, read_recipe
from edgenet.things import identifier_of
from edgenet.train import Trained, fit

if TYPE_CHECKING:
    from device.run import RunSummary
    from firmware_export.project import ExportSummary

Progress = Callable[[str], None]
SAMPLES_IN_SELFTEST = 4


@dataclass(frozen=True)
class BuildOptions:
    """What to build and where.

    Attributes:
        thing: a model name, a folder with a recipe.toml, or a recipe file.
        preset: "full", or a preset of the recipe.
        data: another data set than the recipe's.
        out: folder for everything that is made.
        model_dir: folder for the model's own files; default: out/model.
        frames: length of the simulated camera's clip; seed: of its motion.
        proof_inputs: how many inputs are proved on the host; cortex_inputs: how many on the emulated core.
    """

    thing: str
    out: Path
    model_dir: Path
    preset: str = "full"
    data: str | None = None
    frames: int = 250
    seed: int = 0
    proof_inputs: int = 200
    cortex_inputs: int = 20


@dataclass(frozen=True)
class Files:
    """Where a build puts things."""

    model_dir: Path
    c_project: Path
    c_array: Path
    proof: Path
    results: Path
    report: Path
    clip: Path

    @classmethod
    def under(cls, out: Path, model_dir: Path) -> Files:
        """The places below a build's output folder."""
        return cls(
            model_dir,
            out / "c",
            out / "c_array",
            out / "proof.json",
            out / "results.json",
            out / "report.html",
            out / "clip.mp4",
        )


@dataclass(frozen=True)
class BuildResult:
    """Everything that a build found out; `edgenet.build_report` turns it into a table, JSON and a page."""

    recipe: Recipe
    splits: Splits
    history: dict[str, Any]
    quantized: Quantized
    check: CheckResult
    export: ExportSummary
    certificate: Certificate
    run: RunSummary | None
    options: BuildOptions
    files: Files
    seconds: dict[str, float]


def build(options: BuildOptions, on_progress: Progress = lambda line: None) -> BuildResult:
    """Carries out the chain and returns what it found; every file is written whole or not at all.

    Raises:
        EdgenetError, firmware_export.errors.ExportError, device.errors.DeviceError: a stage can't do its work.
    """
    recipe_path = find_recipe(options.thing)
    recipe = read_recipe(recipe_path, options.preset)
    splits = _load(recipe, options)
    with output_folder(options.out), output_folder(options.model_dir):
        files = Files.under(options.out, options.model_dir)
        _check_places(files, identifier_of(recipe.name))
        return _build(options, recipe, recipe_path, splits, files, on_progress)


def _check_places(files: Files, name: str) -> None:
    """Raises ExportError before the work, not after it, where files of the user's would be replaced."""
    from edgenet.build_report import KIND
    from edgenet.certificate import KIND as CERTIFICATE
    from edgenet.report import PAGE
    from firmware_export.array import check_array_files
    from firmware_export.errors import ExportError
    from firmware_export.files import Output, check_outputs, json_mark
    from firmware_export.project import check_out_dir

    wanted = ((files.results, json_mark(KIND)), (files.proof, json_mark(CERTIFICATE)), (files.report, PAGE))
    check_outputs([Output("edgenet build", path, mark) for path, mark in wanted])
    if files.clip.exists() and not files.results.exists():
        raise ExportError(f"{files.clip}: is not an earlier output of edgenet build; choose another folder with --out.")
    check_out_dir(files.c_project)
    check_array_files(files.c_array, name)


def _build(
    options: BuildOptions, recipe: Recipe, recipe_path: Path, splits: Splits, files: Files, on_progress: Progress
) -> BuildResult:
    """Carries out the stages one after the other."""
    clock = Clock(on_progress)
    with clock.stage("1/6 train"):
        on_progress(f"  {splits.train.source}")
        trained = _train(recipe, recipe_path, splits, files, on_progress)
    with clock.stage("2/6 quantize"):
        quantized = _quantize(recipe, trained, splits, files, on_progress)
    with clock.stage("3/6 check"):
        checked = _check(files, splits, quantized, on_progress)
    with clock.stage("4/6 export"):
        exported = _export(files, quantized, splits)
    with clock.stage("5/6 prove"):
        certificate = _prove(files, quantized, splits, options, on_progress)
    with clock.stage("6/6 run"):
        run = _run(recipe, files, splits, options, on_progress)
    result = BuildResult(
        recipe,
        splits,
        trained.history,
        quantized,
        checked,
        exported,
        certificate,
        run,
        options,
        files,
        clock.seconds,
    )
    write_json(files.model_dir / CARD_FILE, card_with_metrics(result).to_json())
    return result


class Clock:
    """Announces stages and keeps how long each took, in seconds."""

    def __init__(self, on_progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._on_progress = on_progress

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measures what happens inside."""
        self._on_progress(name)
        began = time.monotonic()
        yield
        self.seconds[name.split()[-1]] = round(time.monotonic() - began, 1)


def _load(recipe: Recipe, options: BuildOptions) -> Splits:
    return load_splits(
        options.data or recipe.data.name,
        input_shape=recipe.input_shape,
        validation=recipe.data.validation,
        seed=recipe.seed,
    )


def _train(recipe: Recipe, recipe_path: Path, splits: Splits, files: Files, on_progress: Progress) -> Trained:
    trained = fit(recipe, splits, lambda line: on_progress(f"  {line}"))
    write_trained(files.model_dir, trained, recipe_path)
    return trained


def _quantize(recipe: Recipe, trained: Trained, splits: Splits, files: Files, on_progress: Progress) -> Quantized:
    facts = card_facts(recipe, trained.history)
    source = files.model_dir / KERAS_FILE
    count = recipe.quantize.calibration
    quantized = quantize(source, splits.train, facts, count, lambda line: on_progress(f"  {line}"))
    write_quantized(files.model_dir, quantized)
    return quantized


def _check(files: Files, splits: Splits, quantized: Quantized, on_progress: Progress) -> CheckResult:
    float_path, int8_path = files.model_dir / KERAS_FILE, files.model_dir / MODEL_FILE
    on_progress(f"  {splits.test.source}: {len(splits.test):,} pictures")
    return check(float_path, int8_path, splits.test, divide_by=quantized.card.preprocessing.divide_by)


def _export(files: Files, quantized: Quantized, splits: Splits) -> ExportSummary:
    from firmware_export.array import export_array
    from firmware_export.project import export_c

    model, card = files.model_dir / MODEL_FILE, quantized.card
    samples = quantized_images(splits.test.images[:SAMPLES_IN_SELFTEST], card)
    name = identifier_of(card.name)
    export_array(model, files.c_array, name=name)
    return export_c(model, files.c_project, name=name, labels=card.labels, samples=[samples])


def _prove(
    files: Files, quantized: Quantized, splits: Splits, options: BuildOptions, on_progress: Progress
) -> Certificate:
    certificate = certify(
        files.model_dir / MODEL_FILE,
        quantized.card,
        splits.test.take(slice(0, options.proof_inputs)),
        float_path=files.model_dir / KERAS_FILE,
        project=files.c_project,
        cortex_count=options.cortex_inputs,
        on_progress=lambda line: on_progress(f"  {line}"),
    )
    write_json(files.proof, certificate.to_json())
    return certificate


def _run(
    recipe: Recipe, files: Files, splits: Splits, options: BuildOptions, on_progress: Progress
) -> RunSummary | None:
    from device.run import run_sim

    if recipe.preprocessing != "digit-box":
        on_progress("  left out: the simulated camera shows digits, and this network reads something else")
        return None
    images = np.ascontiguousarray(splits.test.images[..., 0])
    return run_sim(files.model_dir, images, splits.test.labels, options.frames, options.seed, out=files.clip)

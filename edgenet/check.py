"""What int8 cost: a float network and its int8 version, picture by picture on the same data.

`check` runs both and keeps a ledger: accuracies with intervals, the very pictures that flipped, what each class lost.
`gate` says whether the loss is within bounds. The second half is the command `edgenet check`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from device.arguments import count
from edgenet import predict, stats
from edgenet.check_result import (
    CheckResult,
    ClassRow,
    Flip,
    FlipKind,
    Matrix,
    ModelFile,
    WorstScore,
    render_text,
)
from edgenet.errors import CheckError
from edgenet.predict import Network
from edgenet.stats import Rate

if TYPE_CHECKING:
    from device.card import ModelCard
    from edgenet.data import Dataset

__all__ = ["CheckResult", "add_check_arguments", "check", "gate", "render_text", "run_check"]

Progress = Callable[[str, int, int], None]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def check(
    float_path: Path | str,
    int8_path: Path | str,
    dataset: Dataset,
    *,
    divide_by: float = 255.0,
    on_progress: Progress | None = None,
) -> CheckResult:
    """What int8 cost on a data set.

    Both networks see the same pixels: float as pixel / divide_by, int8 as that by its input's scale and zero point.
    The class with the highest score is the answer; among equal scores the lowest class, for both.

    Args:
        float_path: .keras or float .tflite.
        int8_path: .tflite with int8 input and output.
        dataset: pictures uint8 (N, H, W, C) and labels int64 (N,).
        divide_by: as on the model card.
        on_progress: called with ("float" or "int8", done, total) now and then.

    Raises:
        CheckError: a file is missing, damaged or of the wrong kind, or networks and data don't fit together.
        MissingExtraError: keras or LiteRT is not installed.
    """
    float_net, int8_net = predict.open_float(float_path, divide_by), predict.open_int8(int8_path, divide_by)
    _require_fit(float_net, int8_net, dataset)
    scores = []
    for network in (float_net, int8_net):
        report = None if on_progress is None else _stage(on_progress, network.kind)
        scores.append(predict.run_all(network, dataset.images, report))
    _require_finite(float_net, scores[0])
    files = (_model_file(float_path, float_net), _model_file(int8_path, int8_net))
    return _compare(files, dataset, scores[0], scores[1], int8_net)


def gate(result: CheckResult, max_drop: float | None) -> bool:
    """Whether int8 lost no more than max_drop percentage points; True where there is no limit (None).

    The measured drop itself counts (a point estimate), not its confidence interval: with few pictures a drop may
    pass or fail by luck, which the interval and McNemar's p-value in the result tell.
    """
    return max_drop is None or result.drop <= max_drop + 1e-9


def _compare(
    files: tuple[ModelFile, ModelFile], dataset: Dataset, float_scores: Floats, int8_scores: Any, int8_net: Network
) -> CheckResult:
    """The ledger from float32 (N, K) and int8 (N, K) scores."""
    labels, names = dataset.labels, dataset.class_names
    float_said, int8_said = float_scores.argmax(axis=1), int8_scores.argmax(axis=1)
    float_sure, int8_sure = _probabilities(float_scores, int8_net.real(int8_scores))
    float_right, int8_right = float_said == labels, int8_said == labels
    tables = [stats.confusion_matrix(labels, said, len(names)) for said in (float_said, int8_said)]
    return CheckResult(
        dataset=dataset.name,
        source=dataset.source,
        class_names=names,
        float_file=files[0],
        int8_file=files[1],
        float_accuracy=_rate(float_right),
        int8_accuracy=_rate(int8_right),
        agreement=_rate(float_said == int8_said),
        mcnemar_p=stats.mcnemar_p(int((float_right & ~int8_right).sum()), int((int8_right & ~float_right).sum())),
        classes=_class_rows(names, *tables),
        flips=_flips(names, labels, (float_said, int8_said), (float_sure, int8_sure)),
        float_confusion=_matrix(tables[0]),
        int8_confusion=_matrix(tables[1]),
        int8_ties=int(((int8_scores == int8_scores.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum()),
        worst=_worst(names, float_sure, int8_sure),
    )


def _rate(hits: npt.NDArray[np.bool_]) -> Rate:
    return Rate(int(hits.sum()), len(hits))


def _matrix(table: Labels) -> Matrix:
    return tuple(tuple(int(cell) for cell in row) for row in table)


def _class_rows(names: tuple[str, ...], float_table: Labels, int8_table: Labels) -> tuple[ClassRow, ...]:
    totals = float_table.sum(axis=1)
    return tuple(
        ClassRow(name, int(totals[k]), int(float_table[k, k]), int(int8_table[k, k])) for k, name in enumerate(names)
    )


def _flips(
    names: tuple[str, ...], labels: Labels, said: tuple[Labels, Labels], sure: tuple[Floats, Floats]
) -> tuple[Flip, ...]:
    """Every picture that float and int8 read differently; said int64 (N,), sure probabilities (N, K) of each."""
    flips = []
    for index in np.flatnonzero(said[0] != said[1]):
        label, first, second = int(labels[index]), int(said[0][index]), int(said[1][index])
        kind: FlipKind = "worse" if first == label else "better" if second == label else "both wrong"
        confidences = (round(float(sure[0][index, first]), 6), round(float(sure[1][index, second]), 6))
        flips.append(Flip(int(index), names[label], names[first], confidences[0], names[second], confidences[1], kind))
    return tuple(flips)


def _worst(names: tuple[str, ...], float_sure: Floats, int8_sure: Floats) -> WorstScore:
    index, k = np.unravel_index(np.abs(float_sure - int8_sure).argmax(), float_sure.shape)
    pair = (round(float(float_sure[index, k]), 6), round(float(int8_sure[index, k]), 6))
    return WorstScore(int(index), names[int(k)], *pair)


def _probabilities(float_scores: Floats, int8_scores: Floats) -> tuple[Floats, Floats]:
    """Both sides' scores, float32 (N, K), as probabilities: the softmax of both if the float side gives logits.

    The float side tells, because its probabilities sum to 1; those of int8 do so only roughly, in steps of 1/256.
    """
    sums = float_scores.sum(axis=1)
    if float_scores.min() >= -1e-6 and float(np.abs(sums - 1).max()) < 1e-3:
        return float_scores, int8_scores
    return stats.softmax(float_scores), stats.softmax(int8_scores)


def _require_fit(float_net: Network, int8_net: Network, dataset: Dataset) -> None:
    """CheckError unless there are pictures, all three have the same classes, and both networks take the pictures."""
    if len(dataset.labels) == 0:
        raise CheckError(f"{dataset.name}: has no pictures. Choose other data with --data.")
    if len(dataset.labels) != len(dataset.images):
        raise CheckError(f"{dataset.name}: {len(dataset.images)} pictures but {len(dataset.labels)} labels.")
    if float_net.classes != int8_net.classes:
        raise CheckError(
            f"{int8_net.name}: gives {int8_net.classes} scores, {float_net.name} gives {float_net.classes}; "
            "they are not the same network. Run: edgenet quantize"
        )
    classes = len(dataset.class_names)
    if classes != int8_net.classes:
        raise CheckError(
            f"{int8_net.name}: tells {int8_net.classes} classes apart, the data {dataset.name} has {classes}. "
            "Choose the data that this model was trained for with --data."
        )
    if dataset.labels.min() < 0 or dataset.labels.max() >= classes:
        span = f"{dataset.labels.min()} to {dataset.labels.max()}"
        raise CheckError(f"{dataset.name}: labels must be 0 to {classes - 1}, got {span}.")
    for network in (float_net, int8_net):
        predict.require_shape(network, dataset.images)


def _require_finite(network: Network, scores: Floats) -> None:
    if not np.isfinite(scores).all():
        index = int(np.flatnonzero(~np.isfinite(scores).all(axis=1))[0])
        raise CheckError(f"{network.name}: gives NaN or infinity for picture {index}. Train it again.")


def _model_file(path: Path | str, network: Network) -> ModelFile:
    content = Path(path).read_bytes()
    return ModelFile(Path(path).name, len(content), hashlib.sha256(content).hexdigest(), network.engine)


def _stage(on_progress: Progress, name: str) -> predict.Progress:
    return lambda done, total: on_progress(name, done, total)


# ---- the command ----------------------------------------------------------------------------------------------------


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """Gives a parser the arguments of `edgenet check`."""
    add = parser.add_argument
    add("model", metavar="MODEL", help="a model's name, or a folder with card.json, model.keras, model_int8.tflite")
    add("--data", metavar="NAME_OR_PATH", help="data set; default: the one on the card")
    add("--split", default="test", choices=("train", "validation", "test"), help="which part of it (default: test)")
    add("--float", dest="float_path", metavar="FILE", type=Path, help="float .keras or .tflite instead of the model's")
    add("--int8", dest="int8_path", metavar="FILE", type=Path, help="int8 .tflite instead of the model's")
    add("--max-drop", metavar="POINTS", type=_points, help="exit 1 if int8 loses more percentage points than this")
    add("--limit", metavar="N", type=count, help="use only the first N pictures")
    add("--html", metavar="FILE", type=Path, help="also write a report as one HTML page")
    add("--json", action="store_true", help="print JSON instead of a table")


def run_check(args: argparse.Namespace) -> int:
    """Runs `edgenet check`: result on stdout, progress on stderr; 0, or 1 where the gate is not met.

    Raises:
        EdgenetError, ExportError, DeviceError: a user's mistake, one sentence; the command line prints it, exit code 1.
    """
    from device.card import ModelCard, find_model
    from edgenet.report import PAGE
    from firmware_export.files import Output, check_outputs

    folder = find_model(args.model)
    card = ModelCard.load(folder)
    float_path, int8_path = args.float_path or folder / "model.keras", args.int8_path or _card_model(card, folder)
    if args.html is not None:
        data = None if args.data is None else Path(args.data)
        check_outputs([Output("--html", args.html, PAGE)], [float_path, int8_path, data])
    dataset = _load_data(args, card, int8_path)
    divide_by = card.preprocessing.divide_by
    result = check(float_path, int8_path, dataset, divide_by=divide_by, on_progress=_print_progress)
    met = gate(result, args.max_drop)
    if args.json:
        print(json.dumps(result.to_json() | {"gate": {"max_drop_points": args.max_drop, "met": met}}, indent=2))
    else:
        print(render_text(result, args.max_drop))
    if args.html is not None:
        _write_report(args.html, result, dataset, folder, card.name)
    return 0 if met else 1


def _card_model(card: ModelCard, folder: Path) -> Path:
    """The card's own .tflite, which must be the very file that the card describes."""
    from device.card import check_model
    from edgenet.things import check_card

    path = predict.require_file(folder / card.model)
    check_model(card, path)
    check_card(card, path)
    return path


def _load_data(args: argparse.Namespace, card: ModelCard, int8_path: Path) -> Dataset:
    from edgenet.data import card_data, load_split

    name = card_data(card.data.get("name"), args.data, str(args.model))
    shape: Any = predict.open_int8(int8_path).input_shape
    dataset = load_split(name, args.split, input_shape=None if None in shape else shape)
    if args.limit is None or args.limit >= len(dataset.labels):
        return dataset
    return replace(dataset.take(slice(0, args.limit)), source=f"{dataset.source}; only the first {args.limit:,}")


def _write_report(path: Path, result: CheckResult, dataset: Dataset, folder: Path, title: str) -> None:
    from edgenet.model_folder import read_history
    from edgenet.report import render_report
    from firmware_export.files import write_file

    page = render_report(result, dataset, read_history(folder), title=title)
    write_file(path, page.encode())
    print(f"report: {path}", file=sys.stderr)


def _print_progress(stage: str, done: int, total: int) -> None:
    """One line on stderr that counts up where a person watches; only its end in a log."""
    if sys.stderr.isatty():
        print(f"\r{stage}: {done:,} of {total:,}", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done == total:
        print(f"{stage}: {total:,} pictures", file=sys.stderr)


def _points(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"expected percentage points of 0 or more, got {text}")
    return value

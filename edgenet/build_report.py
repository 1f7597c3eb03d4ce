"""What a build found, as the closing table, as JSON, and as an HTML page."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgenet.metrics import CORTEX

if TYPE_CHECKING:
    from edgenet.build import BuildResult
    from edgenet.report import Section
    from edgenet.stats import Rate
    from firmware_export.proof import RuntimeReport

KIND = "edgenet build"
Rows = list[tuple[str, str]]


def table(result: BuildResult) -> Rows:
    """The closing table: (name, value) rows."""
    return [*_network_rows(result), *_export_rows(result), *_proof_rows(result), *_run_rows(result)]


def render(result: BuildResult) -> str:
    """The closing table and where the files are, for a terminal."""
    rows = table(result)
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    return "\n".join([_title(result), "", *lines, "", "Files", *(f"  {line}" for line in file_lines(result))])


def to_json(result: BuildResult) -> dict[str, Any]:
    """Everything that a script might want of a build."""
    return {
        "kind": KIND,
        "name": result.recipe.name,
        "preset": result.recipe.preset,
        "table": dict(table(result)),
        "history": result.history,
        "check": result.check.to_json(),
        "card": result.quantized.card.to_json(),
        "export": {"arena_bytes": result.export.arena_bytes, "weights_bytes": result.export.weights_bytes},
        "certificate": result.certificate.to_json(),
        "run": None if result.run is None else result.run.to_json(),
        "seconds": result.seconds,
        "files": {name: str(path) for name, path in vars(result.files).items()},
    }


def page(result: BuildResult) -> str:
    """The HTML report of the build."""
    from edgenet.report import render_report

    sections = [_export_section(result), _proof_section(result)]
    if result.run is not None:
        sections.append(_run_section(result))
    return render_report(
        result.check, result.splits.test, result.history, sections, title=f"{result.recipe.name}: from Keras to C"
    )


def file_lines(result: BuildResult) -> list[str]:
    """One line per file that a user will look for."""
    files, card = result.files, result.quantized.card
    lines = [
        f"int8 model   {files.model_dir / card.model}",
        f"C project    {files.c_project}  ({_make_test(files.c_project)})",
        f"C array      {files.c_array}  (for TensorFlow Lite Micro)",
        f"report       {files.report}",
        f"proof        {files.proof}",
        f"all figures  {files.results}",
    ]
    return [*lines, f"clip         {files.clip}"] if result.run is not None else lines


def _make_test(folder: Path) -> str:
    """The line that runs a project's self-test on this machine, with zig where it has no C compiler of its own."""
    if shutil.which("cc"):
        return f"make -C {folder} test"
    return f'make -C {folder} test CC="{sys.executable} -m ziglang cc"'


def _title(result: BuildResult) -> str:
    label = "" if result.recipe.preset == "full" else f" (preset {result.recipe.preset}: not the released model)"
    return f"{result.recipe.name}{label}"


def _network_rows(result: BuildResult) -> Rows:
    check = result.check
    return [
        ("data set", check.source),
        ("parameters", f"{result.history['parameters']:,}"),
        ("float accuracy", _accuracy(check.float_accuracy)),
        ("int8 accuracy", _accuracy(check.int8_accuracy)),
        ("drop", f"{check.drop:+.2f} points"),
        ("agreement", f"{check.agreement.percent:.2f} % same class, {len(check.flips)} pictures flipped"),
        (".tflite", f"{len(result.quantized.tflite):,} bytes"),
    ]


def _accuracy(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.percent:.2f} % of {rate.total:,} (95 % interval {100 * low:.2f} to {100 * high:.2f})"


def _export_rows(result: BuildResult) -> Rows:
    core = _cortex(result)
    code = f"{core.cost.code_bytes:,} bytes" if core and core.cost else "not measured"
    return [
        ("C weights", f"{result.export.weights_bytes:,} bytes"),
        ("C code", f"{code} on Cortex-M4"),
        ("arena", f"{result.export.arena_bytes:,} bytes"),
    ]


def _proof_rows(result: BuildResult) -> Rows:
    core, proof = _cortex(result), result.certificate.proof
    count = f"{core.cost.instructions:,} per inference" if core and core.cost else "not measured"
    rows = [("instructions", f"{count} on Cortex-M4")]
    rows += [
        (f"proof, {_name(report.name)}", _status(report, proof.oracle))
        for report in proof.runtimes
        if report.name != proof.oracle
    ]
    return [*rows, ("verdict", f"{proof.verdict}: {proof.message}")]


def _name(runtime: str) -> str:
    names = {"tflm": "TFLite Micro", "numpy": "numpy", "host": "C on this machine", CORTEX: "C on Cortex-M4"}
    return names.get(runtime, runtime)


def _status(report: RuntimeReport, oracle: str) -> str:
    if report.status != "ok":
        return f"{report.status}: {report.reason or report.difference}"
    return f"bit-exact with {_name(oracle)} on {report.inputs:,} inputs, {report.operators_compared} operators"


def _run_rows(result: BuildResult) -> Rows:
    run = result.run
    if run is None:
        return []
    rows = [("clip", f"{run.frames} frames at {run.frames_per_second:.1f} per second, {run.digits:,} digits read")]
    if run.score is not None:
        rows.append(("clip, right", f"precision {run.score.precision:.3f}, recall {run.score.recall:.3f}"))
    return rows


def _cortex(result: BuildResult) -> RuntimeReport | None:
    return next((report for report in result.certificate.proof.runtimes if report.name == CORTEX), None)


def _export_section(result: BuildResult) -> Section:
    from edgenet.report import Section

    operators = [
        (f"{operator.index} {operator.type}", f"{operator.macs:,} multiply-accumulates")
        for operator in result.export.operators
    ]
    return Section(
        "C project", [*_export_rows(result), *operators], f"In {result.files.c_project.name}/, C99, no heap."
    )


def _proof_section(result: BuildResult) -> Section:
    from edgenet.report import Section

    certificate = result.certificate
    share = f"{certificate.proof.informative_share:.1%} of operators' output values"
    rows = [*_proof_rows(result), ("informative", share)]
    for side in certificate.sides:
        same = f"same class on {side.same_class.correct} of {side.same_class.total}"
        bits = "" if side.same_values is None else f", {side.same_values.percent:.2f} % of values the same bits"
        rows.append((side.name, same + bits))
    return Section("Proof", rows, f"On {certificate.pictures}, and on generated inputs.")


def _run_section(result: BuildResult) -> Section:
    from edgenet.report import Section

    picture = frame_png(result.files.clip)
    note = "A simulated camera moves a sheet of digits of the data set before a lens; green boxes are readings."
    return Section("Simulated camera", _run_rows(result), note, picture, "An annotated frame of the clip")


def frame_png(clip: Path) -> bytes | None:
    """The middle frame of a clip as a PNG file's bytes, or None where it can't be read."""
    import cv2

    video = cv2.VideoCapture(str(clip))
    try:
        video.set(cv2.CAP_PROP_POS_FRAMES, video.get(cv2.CAP_PROP_FRAME_COUNT) // 2)
        answered, frame = video.read()
        return bytes(cv2.imencode(".png", frame)[1]) if answered else None
    finally:
        video.release()

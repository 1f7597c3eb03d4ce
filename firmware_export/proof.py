"""The result of a proof: frozen data, JSON, and the table for a terminal."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from firmware_export import requant_layers
from firmware_export.agreement import Agreement
from firmware_export.compare import Difference
from firmware_export.emulate import Measurement
from firmware_export.evidence import OutputDigests, Sampling
from firmware_export.oracle import Defect
from firmware_export.requant import Verdict

PROVED, DIFFERS, INCOMPLETE, NOT_INFORMATIVE = "proved", "differs", "incomplete", "not informative"
OK, NOT_RUN, KNOWN_DEFECT = "ok", "not run", "known defect"
INFORMATIVE_MINIMUM = 0.30


@dataclass(frozen=True)
class RuntimeReport:
    """What one runtime did.

    Attributes:
        name: "tflm", "tflite-2.14", "numpy", "host", a core or a board.
        status: "ok", "differs", "not run", or "known defect" where TFLite Micro or TFLite 2.14 differs only in an
            operator that it is known to get wrong, or behind it.
        reason: why it did not run, or how it broke; empty otherwise.
        version: of the interpreter, compiler or emulator.
        inputs: samples that it ran.
        values_compared: with the oracle: the network's outputs and operators' outputs.
        operators_compared: operators whose outputs were compared.
        difference: the first one, where there is one.
        cost: instructions, stack and sizes; cores only.
        gap: why this is too little for a proof, though what was compared is equal; empty otherwise.
        flags: what the C was compiled with.
        wanted: whether there is no proof without it; a runtime that `all` stands for may be missing.
    """

    name: str
    status: str
    reason: str = ""
    version: str = ""
    inputs: int = 0
    values_compared: int = 0
    operators_compared: int = 0
    difference: Difference | None = None
    cost: Measurement | None = None
    gap: str = ""
    flags: tuple[str, ...] = ()
    wanted: bool = True


@dataclass(frozen=True)
class Proof:
    """Whether all runtimes give the same bits, and what was compared.

    Attributes:
        model: file name of the .tflite.
        sha256: of its bytes.
        verdict: "proved", "differs", "incomplete" or "not informative".
        message: one sentence that explains it.
        oracle: the runtime that the others are compared with.
        inputs: samples in all.
        given_inputs: how many of them the user gave.
        operators: how many the model has.
        values_compared: all runtimes together.
        informative_share: share (0 to 1) of the operators' output values that tell something: neither the dtype's
            minimum nor maximum, at a position that changes from sample to sample. Below 0.3 nothing is proved.
        informative_output_share: the same for the network's outputs alone.
        edited_files: files of the project that are not what its MANIFEST.json says.
        notes: what else a reader should know, one sentence each.
        runtimes: one report each, in the order that was asked for.
        tool: what proved it, with its version.
        machine: system and processor that it ran on.
        sampling: which inputs were run.
        defects: operators that TFLite Micro lacks or gets wrong, so that another runtime is the oracle.
        digests: sha256 of every operator's outputs, by runtime.
        requantization: the short forms of requantization that the kernels use, proved once more; None where that was
            not asked for.
        agreement: how near LiteRT, with its fast kernels, comes; no part of the verdict. None where it did not run.
    """

    model: str
    sha256: str
    verdict: str
    message: str
    oracle: str
    inputs: int
    given_inputs: int
    operators: int
    values_compared: int
    informative_share: float
    informative_output_share: float
    edited_files: tuple[str, ...]
    notes: tuple[str, ...]
    runtimes: tuple[RuntimeReport, ...]
    tool: str
    machine: str
    sampling: Sampling
    defects: tuple[Defect, ...]
    digests: tuple[OutputDigests, ...]
    agreement: Agreement | None
    requantization: tuple[Verdict, ...] | None = None

    @property
    def proved(self) -> bool:
        """Whether the verdict is "proved"."""
        return self.verdict == PROVED

    def runtime(self, name: str) -> RuntimeReport:
        """The report of one runtime.

        Raises:
            KeyError: it was not asked for.
        """
        for report in self.runtimes:
            if report.name == name:
                return report
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """The proof as JSON values, keys in the order of the attributes; infinity and NaN as text."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def render(proof: Proof) -> str:
    """The proof as a few lines and a table for a terminal."""
    given = f", {proof.given_inputs} of them given" if proof.given_inputs else ""
    lines = [
        f"{proof.model}  sha256 {proof.sha256[:16]}...  {proof.operators} operators",
        f"{proof.inputs} inputs{given}; {proof.values_compared:,} values compared with {proof.oracle}; informative: "
        f"{proof.informative_share:.1%} of operators' outputs, {proof.informative_output_share:.1%} of the network's",
        "",
        *_table([("runtime", "inputs", "operators", "values", "status", ""), *map(_row, proof.runtimes)], (0, 4, 5)),
    ]
    lines += _costs(proof)
    if proof.agreement is not None:
        lines += ["", f"beside the proof, {proof.agreement}"]
    if proof.requantization is not None:
        lines += ["", *requant_layers.lines(proof.requantization)]
    if proof.edited_files:
        lines += ["", f"edited since it was exported: {', '.join(proof.edited_files)}"]
    for note in (*proof.notes, *(f"{defect}." for defect in proof.defects)):
        lines += ["", f"note: {note}"]
    return "\n".join([*lines, "", f"{proof.verdict.upper()}: {proof.message}"])


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _costs(proof: Proof) -> list[str]:
    """What one inference costs, a row for each core."""
    costs = [(report.name, report.cost) for report in proof.runtimes if report.cost is not None]
    rows: list[tuple[str, ...]] = [("one inference", "instructions", "stack", "code", "weights", "RAM")]
    for name, cost in costs:
        numbers = (cost.instructions, cost.stack_bytes, cost.code_bytes, cost.weights_bytes, cost.ram_bytes)
        rows.append((name, *(f"{number:,}" for number in numbers)))
    return ["", *_table(rows, left=(0,))] if costs else []


def _row(report: RuntimeReport) -> tuple[str, ...]:
    note = report.reason or report.gap or (str(report.difference) if report.difference else report.version)
    numbers = (report.inputs, report.operators_compared, report.values_compared)
    return (report.name, *(f"{number:,}" if number else "-" for number in numbers), report.status, note)


def _table(rows: list[tuple[str, ...]], left: tuple[int, ...]) -> list[str]:
    """Columns side by side, those of words to the left, those of numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines

"""What the reports of all runtimes amount to."""

from __future__ import annotations

from collections.abc import Sequence

from firmware_export.compare import Information
from firmware_export.oracle import ORACLES, TFLITE, TFLM, Defect
from firmware_export.proof import (
    DIFFERS,
    INCOMPLETE,
    INFORMATIVE_MINIMUM,
    NOT_INFORMATIVE,
    NOT_RUN,
    OK,
    PROVED,
    RuntimeReport,
)

SAMPLES_MINIMUM = 4


def find_gap(ran: int, total: int, uncompared: Sequence[int], operators: int) -> str:
    """Why a runtime that agrees says too little; empty where it says enough.

    Args:
        ran: samples that it ran.
        total: samples in all.
        uncompared: operators that its tap should have shown and did not.
        operators: how many it should show.
    """
    if uncompared and len(uncompared) == operators:
        return "operators not compared: the project calls no tap"
    if uncompared:
        return f"operators not compared, for the project does not tap them: {', '.join(map(str, uncompared))}"
    if ran < min(SAMPLES_MINIMUM, total):
        return f"ran only {ran} of {total} samples; a proof needs {SAMPLES_MINIMUM}"
    return ""


def judge(
    reports: Sequence[RuntimeReport], information: Information, oracle: str, defects: Sequence[Defect] = ()
) -> tuple[str, str]:
    """The verdict and the sentence that explains it.

    Args:
        reports: of all runtimes.
        information: how much equal outputs tell.
        oracle: the runtime that the others were compared with.
        defects: operators that TFLite Micro can't be the oracle of.
    """
    for report in reports:
        if report.status == DIFFERS:
            return DIFFERS, f"{report.name} differs: {report.difference or report.reason}."
    missing = _missing(reports, oracle, defects)
    if missing:
        return INCOMPLETE, "; ".join(missing) + "."
    agreeing = [report.name for report in reports if report.status == OK]
    if oracle not in ORACLES or len(agreeing) < 2:
        return INCOMPLETE, f"nothing is proved without {TFLM}, which is the oracle, and something to compare with it."
    share = information.share("operator")
    if not information.outputs_change():
        return NOT_INFORMATIVE, "the network's outputs are the same for every input; give real ones with --inputs."
    if share < INFORMATIVE_MINIMUM:
        return NOT_INFORMATIVE, (
            f"only {share:.1%} of the operators' outputs tell something (at least {INFORMATIVE_MINIMUM:.0%} must): "
            "the rest is saturated or constant; give real inputs with --inputs."
        )
    because = "".join(f"; {defect}, so TFLite 2.14 is the oracle" for defect in defects[:1])
    return PROVED, f"{len(agreeing)} runtimes give the same bits: {', '.join(agreeing)}{because}."


def _missing(reports: Sequence[RuntimeReport], oracle: str, defects: Sequence[Defect]) -> list[str]:
    """What stands in the way of a proof, one clause each."""
    missing = []
    if defects and oracle != TFLITE:
        reasons = [report.reason for report in reports if report.name == TFLITE] or ["it was not asked for"]
        missing.append(f"{defects[0]}, and TFLite 2.14, which is followed there, did not run: {reasons[0].rstrip('.')}")
    for report in reports:
        excused = not report.wanted or (report.name == TFLM and defects)
        if report.status == NOT_RUN and not excused:
            missing.append(f"{report.name} did not run: {report.reason.rstrip('.')}")
        if report.status == OK and report.gap:
            missing.append(f"{report.name}: {report.gap}")
    return missing

"""What the reports of all runtimes amount to."""

from __future__ import annotations

from collections.abc import Sequence

from firmware_export.compare import Information
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

ORACLE = "tflm"
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


def judge(reports: Sequence[RuntimeReport], information: Information) -> tuple[str, str]:
    """The verdict and the sentence that explains it."""
    for report in reports:
        if report.status == DIFFERS:
            return DIFFERS, f"{report.name} differs: {report.difference or report.reason}."
    missing = [f"{report.name} did not run: {report.reason}" for report in reports if report.status == NOT_RUN]
    missing += [f"{report.name}: {report.gap}" for report in reports if report.status == OK and report.gap]
    if missing:
        return INCOMPLETE, "; ".join(missing)
    if ORACLE not in [report.name for report in reports] or len(reports) < 2:
        return INCOMPLETE, f"nothing is proved without {ORACLE}, which is the oracle, and something to compare with it."
    share = information.share("operator")
    if not information.outputs_change():
        return NOT_INFORMATIVE, "the network's outputs are the same for every input; give real ones with --inputs."
    if share < INFORMATIVE_MINIMUM:
        return NOT_INFORMATIVE, (
            f"only {share:.1%} of the operators' outputs tell something (at least {INFORMATIVE_MINIMUM:.0%} must): "
            "the rest is saturated or constant; give real inputs with --inputs."
        )
    return PROVED, f"{len(reports)} runtimes give the same bits: {', '.join(report.name for report in reports)}."

"""The short forms of requantization that a network's kernels use, and their proof, once more."""

from __future__ import annotations

from .ops import OPS
from .program import Program
from .requant import Verdict, prove_requant


def prove_layers(program: Program) -> tuple[Verdict, ...]:
    """A verdict for each operator and form; none for operators whose kernels compute as TFLite Micro does."""
    return tuple(
        prove_requant(
            (f"operator {step.node.op.index} {step.node.op.type}", channels, form)
            for step in program.steps
            for channels, form in OPS[step.node.op.type].proofs(step.node)
        )
    )


def lines(verdicts: tuple[Verdict, ...]) -> list[str]:
    """What people read: a summary, and what failed."""
    if not verdicts:
        return ["requantization: no kernel uses a short form"]
    proved = [verdict for verdict in verdicts if verdict.proved]
    layers, channels = len({verdict.layer for verdict in verdicts}), sum(verdict.channels for verdict in verdicts)
    thresholds = sum(verdict.thresholds for verdict in verdicts)
    summary = (
        f"requantization: {sum(one.channels for one in proved):,} of {channels:,} channels of {layers} operators "
        f"proved, at {thresholds:,} thresholds"
    )
    failed = [f"  {v.layer}, {v.form}: {text}" for v in verdicts if not v.proved for text in v.failures]
    return [summary, *failed]

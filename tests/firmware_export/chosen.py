"""What is chosen for a target: the kernels of operators, and what they cost on its core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from needs import need_packages
from single_op import Single, several

from firmware_export.cproject import read_project
from firmware_export.emulate import CortexRuntime, zig_for
from firmware_export.ops import OPS
from firmware_export.project import compile_graph, export_c
from firmware_export.reader import read_tflite
from firmware_export.samples import typical_sample
from firmware_export.targets import ANY_TARGET, Target, find_target

M4 = replace(find_target("cortex-m4"), take=frozenset(kind for kind, operator in OPS.items() if operator.replaces))
"""With every kernel that fits, whatever it costs."""


def chosen_kernels(cases: Sequence[Single], target: Target) -> list[str]:
    """The kernels of the cases, one call each, in their order."""
    program = compile_graph(read_tflite(several(cases), "single.tflite"), target)
    steps = sorted(program.steps, key=lambda step: step.node.op.index)
    return [call.kernel for step in steps for call in step.calls]


def costs(cases: Sequence[Single], folder: Path) -> list[tuple[int, int]]:
    """Instructions of each case on the Cortex-M4, with the plain kernel and with the one that is chosen for it."""
    pairs = zip(_costs(cases, folder / "plain", ANY_TARGET), _costs(cases, folder / "chosen", M4), strict=True)
    return list(pairs)


def _costs(cases: Sequence[Single], folder: Path, target: Target) -> list[int]:
    need_packages("ziglang", "unicorn", "elftools")
    assert M4.core is not None
    data = several(cases)
    folder.mkdir()
    (folder / "m.tflite").write_bytes(data)
    export_c(folder / "m.tflite", folder / "c", target=target)
    graph = read_tflite(data, "m.tflite")
    program = compile_graph(graph, target)
    runtime = CortexRuntime(read_project(folder / "c"), graph, M4.core, folder / "build", zig_for(M4.core))
    counts = runtime.measure(typical_sample(graph), [f"edgenet_{kernel}" for kernel in program.kernels]).calls
    order = [step.node.op.index for step in program.steps]
    return [count for _, count in sorted(zip(order, counts, strict=True))]

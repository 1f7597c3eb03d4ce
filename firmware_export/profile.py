"""What one inference costs on a core, exactly, operator by operator: the generated C in the emulator."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from .cproject import read_project
from .emulate import CortexRuntime, Measurement
from .errors import ExportError
from .graph import Graph
from .program import Program
from .project import c_identifier, compile_graph, project_files, read_model
from .samples import typical_sample
from .targets import ANY_TARGET, Target, find_core
from .toolchain import Compiler
from .vectors import golden_vectors

ROLES = ("weights", "general_weights", "bias", "multiplier", "shift", "constant", "pairs")
"""Constants that every exporter has to store; what else the flash holds is code."""


@dataclass(frozen=True)
class OperatorCost:
    """One operator: its index in the .tflite, its type, its output's name, and what it costs."""

    index: int
    type: str
    output: str
    macs: int
    instructions: int


@dataclass(frozen=True)
class Profile:
    """What one inference of a network costs on a core.

    Attributes:
        core: name of the core.
        compiler: name and version of the compiler.
        instructions: of one inference; on soft noise, the same for every run.
        operators: those that call a kernel, in order; their instructions add up to all.
        stack_bytes: the deepest that the stack got.
        arena_bytes: memory for activations and scratch.
        code_bytes: flash but for the constants: code, parameters, tables, and the compiler's helpers.
        constant_bytes: weights, biases, and what requantizes channels.
    """

    core: str
    compiler: str
    instructions: int
    operators: tuple[OperatorCost, ...]
    stack_bytes: int
    arena_bytes: int
    code_bytes: int
    constant_bytes: int


def profile(model_path: Path, core_name: str, compiler: Compiler | None = None, target: Target = ANY_TARGET) -> Profile:
    """The cost of the network in `model_path` on a core.

    Args:
        model_path: an int8 .tflite file.
        core_name: for example "cortex-m4".
        compiler: compiles for that core; None for zig.
        target: what the kernels are chosen for.

    Raises:
        ExportError: the model is not supported, or a tool is missing.
    """
    graph = read_model(model_path)
    return profile_program(graph, compile_graph(graph, target), c_identifier(model_path), core_name, compiler)


def profile_program(
    graph: Graph, program: Program, name: str, core_name: str, compiler: Compiler | None = None
) -> Profile:
    """The cost of `program`, which computes what `graph` does, under a C identifier; the rest as `profile`."""
    core = find_core(core_name)
    with tempfile.TemporaryDirectory() as folder:
        out_dir = Path(folder) / "c"
        out_dir.mkdir()
        for file, data in project_files(program, name, (), golden_vectors(graph, (), 1)).items():
            (out_dir / file).write_bytes(data)
        runtime = CortexRuntime(read_project(out_dir, name), graph, core, Path(folder) / "build", compiler)
        functions = [f"edgenet_{kernel}" for kernel in program.kernels]
        cost = runtime.measure(typical_sample(graph), functions)
    constants = sum(c.values.nbytes for c in program.constants.values() if c.role in ROLES)
    return Profile(
        core=core.name,
        compiler=_full_name(runtime.compiler),
        instructions=cost.instructions,
        operators=_operators(program, cost),
        stack_bytes=cost.stack_bytes,
        arena_bytes=program.plan.arena_bytes,
        code_bytes=cost.code_bytes + cost.weights_bytes - constants,
        constant_bytes=constants,
    )


def _full_name(compiler: Compiler) -> str:
    """Name and version, each once."""
    return compiler.version if compiler.version.startswith(compiler.name) else f"{compiler.name} {compiler.version}"


def _operators(program: Program, cost: Measurement) -> tuple[OperatorCost, ...]:
    """The instructions of the calls, put together operator by operator."""
    calls = sum(len(step.calls) for step in program.steps)
    if len(cost.calls) != calls + len(program.plan.copies):
        raise ExportError(f"{program.graph.name}: counted {len(cost.calls)} calls of kernels, expected {calls}.")
    result, start = [], 0
    for step in program.steps:
        end = start + len(step.calls)
        if step.calls:
            op, output = step.node.op, step.node.output.name
            result.append(OperatorCost(op.index, op.type, output, step.macs, sum(cost.calls[start:end])))
        start = end
    return tuple(result)

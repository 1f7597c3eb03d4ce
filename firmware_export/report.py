"""What a network takes on a chip, as facts: the plan of the arena, and what every operator takes of flash and RAM."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from . import __version__
from .code_size import CodeSize
from .graph import Tensor
from .ops import OPS
from .packing import Buffer
from .planner import Plan
from .program import Program, Step, call_constants

FORMAT = 1


@dataclass(frozen=True)
class BufferFacts:
    """Memory in the arena: `bytes` from `offset` on, from step `first` to step `last`, both included.

    `name` is that of the tensor; empty for scratch memory, which an operator needs for a moment.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    offset: int
    first: int
    last: int


@dataclass(frozen=True)
class LayerFacts:
    """One step of a run: its operator, and what that costs.

    Attributes:
        index: the operator's, in the .tflite.
        type: the operator's.
        output: name of its (first) output.
        dtype: of that output.
        shape: of that output.
        macs: multiply-accumulates.
        constant_bytes: tables that it is the first to need.
        arena_bytes: of the arena, what holds something in this step.
        scratch_bytes: those of `arena_bytes` that are needed for a moment.
        is_peak: whether this step needs the arena's last byte, and no other such step has more in use.
    """

    index: int
    type: str
    output: str
    dtype: str
    shape: tuple[int, ...]
    macs: int
    constant_bytes: int
    arena_bytes: int
    scratch_bytes: int
    is_peak: bool


@dataclass(frozen=True)
class ElsewhereFacts:
    """Memory that is not in the arena: `kind` is "input", "output" (the caller's) or "state" (a variable)."""

    kind: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class ConstantFacts:
    """A table in flash: how the C calls it, what it is, its bytes."""

    name: str
    what: str
    bytes: int


@dataclass(frozen=True)
class RemovedFacts:
    """Channels that an operator's output has in the file and not in the C; see graph.Removed for the rest.

    `operator` is the operator's index in the .tflite, `type` its type, `output` the name of its output.
    """

    operator: int
    type: str
    output: str
    tensor: int
    channels: int
    kept: tuple[int, ...]
    constants: tuple[int | None, ...]
    why: str
    macs: int
    weight_bytes: int


@dataclass(frozen=True)
class Report:
    """Everything. Bytes of RAM: `arena_bytes` and `state_bytes`; of flash: `constant_bytes` and `code`, if measured."""

    model: str
    sha256: str
    tool: str
    macs: int
    arena_bytes: int
    state_bytes: int
    constant_bytes: int
    code: CodeSize | None
    layers: tuple[LayerFacts, ...]
    buffers: tuple[BufferFacts, ...]
    elsewhere: tuple[ElsewhereFacts, ...]
    constants: tuple[ConstantFacts, ...]
    removed: tuple[RemovedFacts, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON values, with what kind of file this is."""
        return {"format": FORMAT, "kind": "edgenet memory report", **asdict(self)}


def make_report(program: Program, code: CodeSize | None = None) -> Report:
    """The facts of `program`; `code` is what was measured of its code."""
    return Report(
        model=program.graph.name,
        sha256=program.graph.sha256,
        tool=f"edgenet {__version__}",
        macs=program.macs,
        arena_bytes=program.plan.arena_bytes,
        state_bytes=program.plan.state_bytes,
        constant_bytes=program.weights_bytes,
        code=code,
        layers=_layers(program),
        buffers=tuple(_buffer(program, buffer) for buffer in program.plan.buffers),
        elsewhere=tuple(_elsewhere(program)),
        constants=tuple(ConstantFacts(key, c.comment, c.values.nbytes) for key, c in program.constants.items()),
        removed=removed_facts(program),
    )


def removed_facts(program: Program) -> tuple[RemovedFacts, ...]:
    """Which channels of which operator were removed, and why that is safe, in the order of the file."""
    writer = {index: op for op in program.graph.ops for index in op.outputs}
    return tuple(
        RemovedFacts(op.index, op.type, program.graph.tensors[part.tensor].name, **asdict(part))
        for part in program.graph.removed
        if (op := writer.get(part.tensor)) is not None
    )


def _layers(program: Program) -> tuple[LayerFacts, ...]:
    seen: set[str] = set()
    layers = tuple(_layer(program, number, seen) for number in range(len(program.steps)))
    most = max((layer.arena_bytes for layer in layers if layer.is_peak), default=0)
    return tuple(replace(layer, is_peak=layer.is_peak and layer.arena_bytes == most) for layer in layers)


def _layer(program: Program, number: int, seen: set[str]) -> LayerFacts:
    """One step; `is_peak` says only whether it needs the arena's last byte."""
    step = program.steps[number]
    live = [buffer for buffer in program.plan.buffers if buffer.first <= number <= buffer.last]
    ends = [_offset(program.plan, buffer) + buffer.size for buffer in live]
    op, output = step.node.op, step.node.output
    return LayerFacts(
        index=op.index,
        type=op.type,
        output=output.name,
        dtype=output.dtype,
        shape=output.shape,
        macs=step.macs,
        constant_bytes=_new_constants(program, step, seen),
        arena_bytes=_covered(program.plan, live),
        scratch_bytes=OPS[op.type].scratch_bytes(step.node),
        is_peak=program.plan.arena_bytes in ends,
    )


def _new_constants(program: Program, step: Step, seen: set[str]) -> int:
    """Bytes of the tables that a step needs and none in `seen` was; they are `seen` then."""
    owner = f"op{step.node.op.index}"
    needed = {key for call in step.calls for key in call_constants(owner, call)}
    new = {program.twins.get(key, key) for key in needed} - seen
    seen |= new
    return sum(program.constants[key].values.nbytes for key in new)


def _covered(plan: Plan, buffers: Iterable[Buffer]) -> int:
    """Bytes of the arena that belong to at least one of `buffers`."""
    end = total = 0
    for start, size in sorted((_offset(plan, buffer), buffer.size) for buffer in buffers):
        total += max(0, start + size - max(start, end))
        end = max(end, start + size)
    return total


def _offset(plan: Plan, buffer: Buffer) -> int:
    return plan.places[buffer.key].number if buffer.key >= 0 else plan.scratch[-1 - buffer.key]


def _buffer(program: Program, buffer: Buffer) -> BufferFacts:
    offset = _offset(program.plan, buffer)
    if buffer.key < 0:
        return BufferFacts("", "", (), buffer.size, offset, buffer.first, buffer.last)
    tensor = program.graph.tensors[buffer.key]
    return BufferFacts(tensor.name, tensor.dtype, tensor.shape, buffer.size, offset, buffer.first, buffer.last)


def _elsewhere(program: Program) -> Iterable[ElsewhereFacts]:
    variables = tuple(program.graph.tensors[variable.tensor] for variable in program.graph.variables)
    groups: tuple[tuple[str, tuple[Tensor, ...]], ...] = (
        ("input", program.inputs),
        ("output", program.outputs),
        ("state", variables),
    )
    for kind, tensors in groups:
        for tensor in tensors:
            yield ElsewhereFacts(kind, tensor.name, tensor.dtype, tensor.shape, tensor.size_bytes)

"""Graph + plan -> constants, buffers and kernel calls in order: all that the emitter needs, and nothing of C."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from .graph import Graph, Node, Tensor, Variable
from .ops import OPS
from .ops.moving import copy_all
from .ops.spec import Constant, KernelCall, Param
from .planner import Plan


@dataclass(frozen=True)
class Step:
    """One operator: its kernel calls (none for an alias) and what it costs."""

    node: Node
    calls: tuple[KernelCall, ...]
    macs: int


@dataclass(frozen=True)
class Program:
    """The network as calls. `constants` maps C-safe name endings ("op3_weights") to tables.

    Every table is there once: `twins` maps the endings of others with the same bytes to the one that stands for them.
    `resets` are the calls that give the variables their first values, one each.
    """

    graph: Graph
    plan: Plan
    steps: tuple[Step, ...]
    constants: Mapping[str, Constant]
    resets: tuple[KernelCall, ...] = ()
    twins: Mapping[str, str] = field(default_factory=dict)

    @property
    def kernels(self) -> tuple[str, ...]:
        """The kernels it calls, each once, sorted."""
        copies = {copy_call(self.graph.tensors[index]).kernel for index, _ in self.plan.copies}
        calls = (*self.resets, *(call for step in self.steps for call in step.calls))
        return tuple(sorted(copies | {call.kernel for call in calls}))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(step.macs for step in self.steps)

    @property
    def weights_bytes(self) -> int:
        """Bytes of all constant tables: weights, biases, multipliers, shifts, look-up tables."""
        return sum(constant.values.nbytes for constant in self.constants.values())

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The network's inputs."""
        return tuple(self.graph.tensors[i] for i in self.graph.inputs)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The network's outputs."""
        return tuple(self.graph.tensors[i] for i in self.graph.outputs)


def lower(graph: Graph, plan: Plan) -> Program:
    """`graph` (after the passes) as a program."""
    steps, constants = [], {}
    for op in plan.ops:
        node = graph.node(op)
        calls = tuple(OPS[op.type].lower(node))
        steps.append(Step(node, calls, OPS[op.type].macs(node)))
        for call in calls:
            constants.update(call_constants(f"op{op.index}", call))
    for index, _ in plan.copies:
        constants.update(_tensor_constant(graph.tensors[index]))
    resets = tuple(_reset(graph, variable) for variable in graph.variables)
    for number, call in enumerate(resets):
        constants.update(call_constants(f"variable{number}", call))
    twins = _twins(constants)
    return Program(graph, plan, tuple(steps), _without(constants, twins), resets, twins)


def _twins(constants: Mapping[str, Constant]) -> dict[str, str]:
    """The endings of tables whose type and bytes are those of an earlier one -> the earlier one's ending."""
    first: dict[tuple[str, bytes], str] = {}
    owners = {key: first.setdefault((str(c.values.dtype), c.values.tobytes()), key) for key, c in constants.items()}
    return {key: owner for key, owner in owners.items() if key != owner}


def _without(constants: Mapping[str, Constant], twins: Mapping[str, str]) -> dict[str, Constant]:
    """`constants` without those in `twins`; the comments of the others name them."""
    kept = {key: constant for key, constant in constants.items() if key not in twins}
    for key, owner in twins.items():
        kept[owner] = replace(kept[owner], comment=f"{kept[owner].comment}; also {key}")
    return kept


def constant_name(owner: str, constant: Constant) -> str:
    """How the constant of an operator ("op3") or a variable ("variable0") is called."""
    return f"{owner}_{constant.role}"


def tensor_constant_name(tensor: Tensor) -> str:
    """How a constant tensor is called that a kernel reads as an input."""
    return f"tensor{tensor.index}"


def copy_call(tensor: Tensor) -> KernelCall:
    """The call that copies `tensor`, for an output that can't live where it is computed."""
    return copy_all(tensor, tensor)


def _reset(graph: Graph, variable: Variable) -> KernelCall:
    """The call that gives `variable` its first value: all bytes the same, or those of a constant."""
    data = np.frombuffer(variable.initial.tobytes(), np.int8)
    same = bool(np.all(data == data[:1]))
    params: dict[str, Param] = {
        "bytes": len(data),
        "value": int(data[0]) if len(data) and same else 0,
        "initial": None if same else Constant("initial", variable.initial, f"first value of '{variable.name}'"),
    }
    return KernelCall("reset_variable", params, (), graph.tensors[variable.tensor])


def call_constants(owner: str, call: KernelCall) -> dict[str, Constant]:
    """The tables that a call needs, by their names' endings; `owner` is as in `constant_name`."""
    found = {constant_name(owner, v): v for v in call.params.values() if isinstance(v, Constant)}
    for tensor in call.inputs:
        found.update(_tensor_constant(tensor))
    return found


def _tensor_constant(tensor: Tensor) -> dict[str, Constant]:
    if tensor.data is None:
        return {}
    return {tensor_constant_name(tensor): Constant("data", tensor.data, f"'{tensor.name}' {tensor.shape}")}

"""Subgraphs -> the one Graph of the network: VAR_HANDLE and CALL_ONCE become `Graph.variables`.

The tensor that the first VAR_HANDLE of a variable makes stands for what the variable holds: READ_VARIABLE has it as its
input, ASSIGN_VARIABLE as its first input and as its output. A variable that the network never assigns is a constant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from .errors import ExportError
from .graph import ITEM_BYTES, Array, Graph, Op, Tensor, Variable
from .ops import call_once, read_variable, var_handle
from .ops.spec import Constraint
from .ops.variable import mismatch
from .passes import fold_constants
from .verify import broken_rule, check_order

READ, ASSIGN, HANDLE, ONCE = "READ_VARIABLE", "ASSIGN_VARIABLE", "VAR_HANDLE", "CALL_ONCE"
RULES: Mapping[str, tuple[int, int, Constraint]] = {
    READ: (1, 1, var_handle.resolved),
    ASSIGN: (2, 0, var_handle.resolved),
    HANDLE: (0, 1, var_handle.resolved),
    ONCE: (0, 0, call_once.resolved),
}
"""How many inputs and outputs these operators have in the file, and the rule that they break otherwise."""
MOST_BYTES = 1 << 26


def resolve_variables(subgraphs: Sequence[Graph]) -> Graph:
    """The first of `subgraphs` (each as it was read) without VAR_HANDLE and CALL_ONCE.

    Raises:
        ExportError: a variable is used in a way that is not supported; the message names the operator.
    """
    main = subgraphs[0]
    if not any(op.type in RULES for op in main.ops):
        return main
    handles = _handles(main)
    first = _first_values(subgraphs)
    places = {name: index for index, name in reversed(handles.items())}
    assigned = _assigned(main, handles)
    _check_size(main, assigned.values())
    variables = tuple(Variable(n, places[n], _initial(main, op, first.get(n))) for n, op in assigned.items())
    tensors = list(main.tensors)
    for name, op in assigned.items():
        value = main.tensors[op.inputs[1]]
        tensors[places[name]] = replace(value, index=places[name], name=name, data=None)
    ops = []
    for op in main.ops:
        name = handles[op.inputs[0]] if op.type in (READ, ASSIGN) else ""
        if name in assigned:
            state = places[name]
            ops.append(replace(op, inputs=(state, *op.inputs[1:]), outputs=op.outputs or (state,)))
        elif op.type == READ:
            tensors[op.outputs[0]] = _constant(main, op, first.get(name))
        elif op.type not in RULES:
            ops.append(op)
    return replace(main, tensors=tuple(tensors), ops=tuple(ops), variables=variables)


def _handles(graph: Graph) -> dict[int, str]:
    """Tensor of a VAR_HANDLE -> name of its variable; nothing but READ_VARIABLE and ASSIGN_VARIABLE uses them."""
    handles: dict[int, str] = {}
    containers: dict[str, str] = {}
    for op in graph.ops:
        inputs, outputs, rule = RULES.get(op.type, (len(op.inputs), len(op.outputs), var_handle.resolved))
        if (len(op.inputs), len(op.outputs)) != (inputs, outputs):
            raise broken_rule(graph, op, rule, f"it has {len(op.inputs)} inputs and {len(op.outputs)} outputs")
        expected = op.inputs[:1] if op.type in (READ, ASSIGN) else ()
        if tuple(i for i in op.inputs if i in handles) != expected:
            raise broken_rule(graph, op, var_handle.resolved, "this operator uses something else, or something more")
        if op.type == HANDLE:
            container, name = str(op.options["container"]), str(op.options["shared_name"])
            handles[op.outputs[0]] = name
            if containers.setdefault(name, container) != container:
                raise broken_rule(graph, op, var_handle.named_once, f"'{name}' of '{container}' and of another one")
    for index in set(graph.outputs) & set(handles):
        op = next(op for op in graph.ops if index in op.outputs)
        raise broken_rule(graph, op, var_handle.resolved, "it is an output of the network")
    return handles


def _assigned(graph: Graph, handles: Mapping[int, str]) -> dict[str, Op]:
    """Name of a variable that the network assigns -> the first operator that does."""
    assigned: dict[str, Op] = {}
    for op in graph.ops:
        if op.type == ASSIGN:
            assigned.setdefault(handles[op.inputs[0]], op)
    return assigned


def _check_size(graph: Graph, assigning: Iterable[Op]) -> None:
    """All variables together are no larger than what a small device remembers."""
    values = [graph.tensors[op.inputs[1]] for op in assigning]
    total = sum(value.size_bytes for value in values if value.dtype in ITEM_BYTES)
    if total > MOST_BYTES:
        raise ExportError(f"{graph.name}: its variables take {total:,} bytes, more than {MOST_BYTES:,}.")


def _first_values(subgraphs: Sequence[Graph]) -> dict[str, Tensor]:
    """Name of a variable -> the constant that CALL_ONCE gives it."""
    main, values = subgraphs[0], dict[str, Tensor]()
    used = [op for op in main.ops if op.type in (READ, ASSIGN)]
    for op in main.ops:
        if op.type != ONCE:
            continue
        number = op.options["init_subgraph_index"]
        if not isinstance(number, int) or not 0 < number < len(subgraphs):
            raise broken_rule(main, op, call_once.resolved, f"it calls subgraph {number} of {len(subgraphs)}")
        if used and main.ops.index(used[0]) < main.ops.index(op):
            raise broken_rule(main, op, call_once.resolved, f"operator {used[0].index} {used[0].type} is before it")
        values.update(_run_once(subgraphs[number]))
    return values


def _run_once(graph: Graph) -> dict[str, Tensor]:
    """Name of a variable -> the constant that this subgraph assigns last."""
    check_order(graph)
    handles, values = _handles(graph), dict[str, Tensor]()
    folded = fold_constants(graph)
    for op in folded.ops:
        value = folded.tensors[op.inputs[1]] if op.type == ASSIGN else None
        if value is not None and value.data is not None:
            values[handles[op.inputs[0]]] = value
        elif op.type != HANDLE:
            raise broken_rule(graph, op, call_once.resolved, "this operator does something else")
    return values


def _initial(graph: Graph, op: Op, first: Tensor | None) -> Array:
    """What a variable holds in the beginning, like the value that `op`, its first ASSIGN_VARIABLE, gives it.

    Without a first value all its bytes are the zero point. Source: TFLite Micro, MicroResourceVariables::Allocate.
    """
    value = graph.tensors[op.inputs[1]]
    if found := mismatch(value, first or value):
        raise broken_rule(graph, op, read_variable.variable_fits, found)
    if first is not None and first.data is not None:
        return first.data.reshape(value.shape)
    return np.frombuffer(bytes([value.zero_point & 0xFF]) * value.size_bytes, value.dtype).reshape(value.shape)


def _constant(graph: Graph, op: Op, first: Tensor | None) -> Tensor:
    """The output of READ_VARIABLE `op` as a constant: the only value that the variable ever has."""
    output = graph.tensors[op.outputs[0]]
    if first is None or first.data is None:
        raise broken_rule(graph, op, read_variable.variable_fits, "nothing assigns it")
    if found := mismatch(first, output):
        raise broken_rule(graph, op, read_variable.variable_fits, found)
    return replace(output, data=first.data.reshape(output.shape))

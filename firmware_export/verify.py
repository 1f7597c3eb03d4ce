"""Every invariant of a Graph: run after the reader and after each pass."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .errors import ExportError
from .graph import ABSENT, ITEM_BYTES, Graph, Op, Tensor
from .ops import OPS
from .ops.spec import Constraint

BORDER_TYPES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"int8": (-128, 127), "uint8": (0, 255), "int16": (-(2**15), 2**15 - 1)}
    | dict.fromkeys(("bool", "int32", "int64", "float32"), (-(2**31), 2**31 - 1))
)
"""The types of inputs and outputs that C has, and the zero points that each may have."""
QUANTIZED = ("int8", "uint8", "int16")
"""What a network has somewhere that is not a float model."""
MOST_OPERATORS, MOST_ENDS = 2048, 2048
"""How many operators a network may have, and how many inputs and outputs the network and each operator may."""
MOST_BYTES = 1 << 30
"""What a network for a small device stays far below; the numpy reference needs about eight times as much."""
MOST_BORDER_BYTES = 1 << 24
"""Of all inputs and outputs."""
MOST_MACS = 1 << 38


def check_wiring(graph: Graph) -> None:
    """Like `check_order`, and the network has inputs and outputs.

    Raises:
        ExportError: naming the operator and what is wrong.
    """
    check_order(graph)
    if not graph.inputs or not graph.outputs:
        raise ExportError(f"{graph.name}: the network has no {'outputs' if graph.inputs else 'inputs'}.")


def check_order(graph: Graph) -> None:
    """Tensors exist, each but a variable is written once and before it is read, and so are the outputs.

    Raises:
        ExportError: naming the operator and what is wrong.
    """
    _check_ends(graph)
    known = {t.index for t in graph.tensors if t.data is not None} | set(graph.inputs) | {ABSENT}
    variables = {variable.tensor for variable in graph.variables}
    for op in graph.ops:
        _check_op(graph, op, known, variables)
        known.update(op.outputs)
    for index in graph.outputs:
        if index not in known:
            raise ExportError(f"{graph.name}: no operator computes the output '{graph.tensors[index].name}'.")


def _check_ends(graph: Graph) -> None:
    """The inputs and outputs of `check_order`: they exist, and each input is a tensor of its own."""
    count = len(graph.tensors)
    if len(graph.inputs) + len(graph.outputs) > MOST_ENDS:
        what = f"{len(graph.inputs):,} inputs and {len(graph.outputs):,} outputs, more than {MOST_ENDS:,}"
        raise ExportError(f"{graph.name}: the network has {what}.")
    for index in (*graph.inputs, *graph.outputs):
        if not 0 <= index < count:
            raise ExportError(f"{graph.name}: the file is damaged (input or output {index} of {count} tensors).")
    constants = [i for i in graph.inputs if graph.tensors[i].data is not None]
    if constants or len(set(graph.inputs)) != len(graph.inputs):
        what = f"input '{graph.tensors[constants[0]].name}' is a constant" if constants else "two inputs are one tensor"
        raise ExportError(f"{graph.name}: the file is damaged ({what}).")


def _check_op(graph: Graph, op: Op, known: set[int], variables: set[int]) -> None:
    """One operator of `check_order`: `known` holds what is computed before it, `variables` what may be rewritten."""
    count = len(graph.tensors)
    if len(op.inputs) + len(op.outputs) > MOST_ENDS:
        raise ExportError(
            f"{graph.name}: operator {op.index} {op.type} has more than {MOST_ENDS:,} inputs and outputs."
        )
    bad = [i for i in op.inputs if not ABSENT <= i < count] + [i for i in op.outputs if not 0 <= i < count]
    if bad or len(set(op.outputs)) != len(op.outputs):
        what = f"uses tensor {bad[0]} of {count}" if bad else "writes a tensor twice"
        raise ExportError(f"{graph.name}: the file is damaged (operator {op.index} {op.type} {what}).")
    for index in op.inputs:
        if index not in known and index not in variables:
            name = graph.tensors[index].name
            raise ExportError(f"{graph.where(op)} reads '{name}' before anything computes it.")
    for index in op.outputs:
        if index in known and index not in variables:
            name = graph.tensors[index].name
            raise ExportError(f"{graph.where(op)} writes '{name}', which is a constant or has been written already.")


def check_supported(graph: Graph) -> None:
    """Operators are known and the network computes in int8.

    Raises:
        ExportError: naming the first operator or tensor that can't become C, and what to do.
    """
    used = [t for op in graph.ops for t in _tensors(graph, op)]
    floats = [t for t in used if t.dtype in ("float32", "float16")]
    if floats and not any(t.dtype in QUANTIZED for t in used):
        raise ExportError(
            f"{graph.name}: is a float model (tensor '{floats[0].name}' is {floats[0].dtype}); "
            "needs int8: run edgenet quantize."
        )
    for op in graph.ops:
        if op.type not in OPS:
            raise unsupported(graph, op)
    _check_sizes(graph, used)


def _check_sizes(graph: Graph, used: list[Tensor]) -> None:
    """The tensors are of types with a size, and all together no larger than any network for a small device."""
    if len(graph.ops) > MOST_OPERATORS:
        raise ExportError(f"{graph.name}: the network has {len(graph.ops):,} operators, more than {MOST_OPERATORS:,}.")
    tensors = {t.index: t for t in (*used, *(graph.tensors[i] for i in (*graph.inputs, *graph.outputs)))}.values()
    for tensor in tensors:
        if tensor.dtype not in ITEM_BYTES:
            raise ExportError(f"{graph.name}: '{tensor.name}' is {tensor.dtype}; supported: {', '.join(ITEM_BYTES)}.")
    total = sum(tensor.size_bytes for tensor in tensors)
    if total > MOST_BYTES:
        raise ExportError(f"{graph.name}: all tensors together take {total:,} bytes, more than {MOST_BYTES:,}.")


def _tensors(graph: Graph, op: Op) -> list[Tensor]:
    return [graph.tensors[index] for index in (*op.inputs, *op.outputs) if index != ABSENT]


def unsupported(graph: Graph, op: Op) -> ExportError:
    """The error for an operator that has no file in `ops/`."""
    return ExportError(
        f"{graph.where(op)} is not supported. Supported: {', '.join(supported_operators())}. "
        "Build the network from these, or export it for TFLite Micro with --format array."
    )


def supported_operators() -> list[str]:
    """The operators that a file may have, sorted."""
    return sorted(kind for kind, operator in OPS.items() if not operator.internal)


def broken_rule(graph: Graph, op: Op, rule: Constraint, found: str) -> ExportError:
    """The error for an operator that breaks `rule`, by what was `found` instead."""
    sentence = " ".join((rule.__doc__ or "").split())
    return ExportError(f"{graph.where(op)}: {sentence} ({found}).")


def check_constraints(graph: Graph) -> None:
    """Every operator is supported, meets its constraints, and has the output shapes that its maths gives.

    Raises:
        ExportError: naming the operator, the rule and what was found.
    """
    for op in graph.ops:
        if op.type not in OPS:
            raise unsupported(graph, op)
        node = graph.node(op)
        for rule in OPS[op.type].constraints:
            if found := rule(node):
                raise broken_rule(graph, op, rule, found)
        expected = [tuple(shape) for shape in OPS[op.type].output_shapes(node)]
        got = [t.shape for t in node.outputs]
        if expected != got:
            raise ExportError(f"{graph.where(op)}: its output should have shape {expected}, the file says {got}.")
        if any(0 in shape for shape in got):
            raise ExportError(f"{graph.where(op)}: its output is empty, {got}; take it out of the network.")
    _check_borders(graph)
    if (macs := sum(OPS[op.type].macs(graph.node(op)) for op in graph.ops)) > MOST_MACS:
        raise ExportError(f"{graph.name}: one run takes {macs:,} multiply-accumulates, more than {MOST_MACS:,}.")


def _check_borders(graph: Graph) -> None:
    """Inputs and outputs are of a type that C has, with zero points that the type has, and not too large.

    An input may be empty: nothing but a CONCATENATION takes it, and that reads nothing of it.
    """
    for index in (*graph.inputs, *graph.outputs):
        tensor = graph.tensors[index]
        where = f"{graph.name}: input or output '{tensor.name}'"
        if not tensor.size and index in graph.outputs:
            raise ExportError(f"{where} is empty, {tensor.shape}; C has no empty arrays.")
        if tensor.dtype not in BORDER_TYPES:
            raise ExportError(f"{where} is {tensor.dtype}; C has {', '.join(BORDER_TYPES)}.")
        low, high = BORDER_TYPES[tensor.dtype]
        if not low <= tensor.zero_point <= high:
            raise ExportError(f"{where} is {tensor.dtype} with zero point {tensor.zero_point}; convert it again.")
    total = sum(graph.tensors[index].size_bytes for index in (*graph.inputs, *graph.outputs))
    if total > MOST_BORDER_BYTES:
        raise ExportError(
            f"{graph.name}: inputs and outputs together take {total:,} bytes, more than {MOST_BORDER_BYTES:,}."
        )

"""What an operator's file says about it: the form that every file in this folder fills in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ..graph import Array, Node, Tensor

if TYPE_CHECKING:
    from ..requant import Channels, Form

Shape: TypeAlias = tuple[int, ...]
Constraint: TypeAlias = Callable[[Node], str | None]
"""The docstring is the rule, as a sentence; returns None when it holds, else what was found instead."""


@dataclass(frozen=True)
class Field:
    """One option in the operator's table in the .tflite schema: its number, kind and default.

    The kind is one of tables.SCALARS, "text", or anything else for a vector of int32.
    """

    number: int
    kind: str = "int32"
    default: int | float | bool = 0


@dataclass(frozen=True, eq=False)
class Constant:
    """A table that the generated C holds: `role` ends its name, `values` are int8, int32 or float32."""

    role: str
    values: Array
    comment: str


Param: TypeAlias = int | float | tuple[int | tuple[int, ...], ...] | Constant | None


@dataclass(frozen=True)
class KernelCall:
    """One call of `c/kernels/<kernel>.c`: its parameters, and the tensors that it reads and writes.

    With `scratch` the kernel takes one more pointer behind the output: to the operator's scratch bytes.
    """

    kernel: str
    params: Mapping[str, Param]
    inputs: tuple[Tensor, ...]
    output: Tensor
    scratch: bool = False


ONLY_IN_PLACE = -1
"""What `overlap` says when the output may begin exactly where that input does, or not overlap it at all."""


def no_macs(node: Node) -> int:
    """0: this operator multiplies and accumulates nothing."""
    return 0


def no_scratch(node: Node) -> int:
    """0: the kernel needs no memory but its inputs and outputs."""
    return 0


def apart(node: Node, number: int) -> int | None:
    """None: the output must not overlap input `number`."""
    return None


def in_place(node: Node, number: int) -> int | None:
    """0 for a kernel that reads element i of an input for the last time just before it writes element i.

    Only for an input of the output's shape and item size: one that is broadcast is read again and again.
    """
    tensor, out = node.need(number), node.output
    return 0 if tensor.shape == out.shape and tensor.size_bytes == out.size_bytes else None


def no_proofs(node: Node) -> Sequence[tuple[Channels, Form]]:
    """None: the kernel requantizes as TFLite Micro does."""
    return ()


def no_work(node: Node) -> Mapping[str, int]:
    """Nothing but what counts for every operator."""
    return {}


@dataclass(frozen=True)
class Operator:
    """Everything the exporter knows about one operator.

    Attributes:
        output_shapes: the shapes of the outputs, from those of the inputs and the options.
        reference: the outputs (N, *shape), from the inputs (N, *shape) or, for constants, (1, *shape); bit-exact.
        lower: the kernel calls, in order.
        options: name -> field of the options table.
        constraints: what has to hold; the docstrings are the rules.
        macs: multiply-accumulates for one sample.
        alias: the output is the first input's bytes, under another shape.
        scratch_bytes: memory that the kernel calls need for a moment, all of them the same.
        overlap: (node, input number) -> how many bytes the output has to begin before that input at least, so that
            nothing is overwritten that is still to be read; or ONLY_IN_PLACE; None where they may not overlap at all.
        table: the 256 outputs for the values -128 to 127 of the only input that is computed, of an operator that maps
            every int8 value on its own; None for a node that does not.
        internal: only passes make it; no file has it.
        proofs: what was asked of short forms of requantization, and the forms that the kernel uses; proved again on
            demand.
        work: what a run of the kernel depends on, by name: kernel_costs.json says what each takes on a core. Beside
            these count: one call, the outputs, the first input's elements, and the MACs.
        replaces: the operator of a file that this internal one computes too, with a kernel for some cores only.
        dsp: the kernel is made for cores with the SIMD instructions of Armv7E-M; elsewhere it is slow.
        shape_only: the outputs depend on the inputs' shapes alone, so they are constants; `reference` gets no inputs.
    """

    output_shapes: Callable[[Node], Sequence[Shape]]
    reference: Callable[[Node, Sequence[Array]], Sequence[Array]]
    lower: Callable[[Node], Sequence[KernelCall]]
    options: Mapping[str, Field] = field(default_factory=dict)
    constraints: tuple[Constraint, ...] = ()
    macs: Callable[[Node], int] = no_macs
    alias: bool = False
    scratch_bytes: Callable[[Node], int] = no_scratch
    overlap: Callable[[Node, int], int | None] = apart
    table: Callable[[Node], Array | None] | None = None
    internal: bool = False
    work: Callable[[Node], Mapping[str, int]] = no_work
    proofs: Callable[[Node], Sequence[tuple[Channels, Form]]] = no_proofs
    replaces: str = ""
    dsp: bool = False
    shape_only: bool = False

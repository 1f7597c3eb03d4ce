"""What a network is: tensors, operators that refer to them by index, and the order to run them in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
OptionValue: TypeAlias = int | float | bool | str | tuple[int, ...]
ABSENT = -1
"""The tensor index that stands for an optional input that is left out."""

ITEM_BYTES: Mapping[str, int] = MappingProxyType(
    {"int8": 1, "uint8": 1, "bool": 1, "int16": 2, "float16": 2, "int32": 4, "float32": 4, "int64": 8, "float64": 8}
)


@dataclass(frozen=True)
class Quant:
    """real = scale * (q - zero_point); one pair for the tensor, or one per index along `axis`.

    `scale` holds the file's float32 values exactly (as Python floats).
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one scale."""
        return len(self.scale) > 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor. `data` (shape, dtype as declared) is set for constants only."""

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    quant: Quant | None = None
    data: Array | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes it takes in memory."""
        return self.size * ITEM_BYTES[self.dtype]

    @property
    def scale(self) -> float:
        """The per-tensor scale; 0.0 when the tensor is not quantized."""
        return self.quant.scale[0] if self.quant else 0.0

    @property
    def zero_point(self) -> int:
        """The per-tensor zero point; 0 when the tensor is not quantized."""
        return self.quant.zero_point[0] if self.quant else 0


@dataclass(frozen=True)
class Op:
    """One operator. `index` is its place in the file, also after passes removed others."""

    index: int
    type: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, OptionValue]


@dataclass(frozen=True)
class Node:
    """An operator together with its tensors: what one file of `ops/` works on."""

    op: Op
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    def input(self, number: int) -> Tensor | None:
        """Input `number`, or None when it is left out."""
        return self.inputs[number] if number < len(self.inputs) else None

    def need(self, number: int) -> Tensor:
        """Input `number`, which the operator can't do without (the constraints made sure that it is there)."""
        tensor = self.input(number)
        if tensor is None:
            raise ValueError(f"operator {self.op.index} {self.op.type} has no input {number}")
        return tensor

    def constant(self, number: int) -> Array:
        """The data of constant input `number` (the constraints made sure that it is one)."""
        data = self.need(number).data
        if data is None:
            raise ValueError(f"operator {self.op.index} {self.op.type}: input {number} is not constant")
        return data

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def integer(self, option: str) -> int:
        """Option `option` as an int."""
        value = self.op.options[option]
        if isinstance(value, tuple | str):
            raise TypeError(f"option {option} is no number")
        return int(value)

    def number(self, option: str) -> float:
        """Option `option` as a float."""
        value = self.op.options[option]
        if isinstance(value, tuple | str):
            raise TypeError(f"option {option} is no number")
        return float(value)


@dataclass(frozen=True, eq=False)
class Variable:
    """State that lasts from one run to the next: READ_VARIABLE copies tensor `tensor`, ASSIGN_VARIABLE writes it.

    `initial` (shape and dtype of the tensor) is what it holds before the first run and after a reset.
    """

    name: str
    tensor: int
    initial: Array


@dataclass(frozen=True)
class Removed:
    """Channels (indices along the last axis) of a tensor that a pass left out, for no output of the network needs them.

    Attributes:
        tensor: its index.
        channels: how many it has in the file.
        kept: which of them are left, ascending.
        constants: for each that is not, ascending, the value that it has whatever the network's inputs are; None where
            it has none, but nothing reads it any more.
        why: a sentence that says why that is safe.
        macs: multiply-accumulates that this saved.
        weight_bytes: bytes of filters, biases and other constants, as the file has them, that this saved.
    """

    tensor: int
    channels: int
    kept: tuple[int, ...]
    constants: tuple[int | None, ...]
    why: str = ""
    macs: int = 0
    weight_bytes: int = 0


@dataclass(frozen=True)
class Graph:
    """A network: `ops` in the order to run them; `inputs` and `outputs` are tensor indices.

    `name` is the model's file name and `sha256` the digest of its bytes: both go into messages and banners. Operators
    that read or write one of the `variables` must keep their order: only a variable's tensor is written repeatedly.
    `removed` are the channels that the file's tensors have and these do not.
    """

    name: str
    sha256: str
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    variables: tuple[Variable, ...] = ()
    removed: tuple[Removed, ...] = ()

    @property
    def state(self) -> frozenset[int]:
        """The tensors that an operator both reads and writes: they hold a variable, and outlive the run."""
        return frozenset(index for op in self.ops for index in op.outputs if index in op.inputs)

    def node(self, op: Op) -> Node:
        """`op` with its tensors."""
        inputs = tuple(None if i == ABSENT else self.tensors[i] for i in op.inputs)
        return Node(op, inputs, tuple(self.tensors[i] for i in op.outputs))

    def where(self, op: Op) -> str:
        """How messages name an operator: file, index, type and output."""
        output = self.tensors[op.outputs[0]].name if op.outputs else ""
        return f"{self.name}: operator {op.index} {op.type} (output '{output}')"

"""Builds small .tflite files, so that operators can be tried over shapes, strides, paddings and scales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

from firmware_export.graph import OptionValue
from firmware_export.ops import OPS
from firmware_export.ops.spec import Field
from firmware_export.schema import OPERATORS, TENSOR_TYPES
from firmware_export.tables import SCALARS

OPTION_TABLES = {
    "CONV_2D": 1,
    "DEPTHWISE_CONV_2D": 2,
    "AVERAGE_POOL_2D": 5,
    "MAX_POOL_2D": 5,
    "FULLY_CONNECTED": 8,
    "SOFTMAX": 9,
    "CONCATENATION": 10,
    "ADD": 11,
    "RESIZE_BILINEAR": 15,
    "RESHAPE": 17,
    "MUL": 21,
    "PAD": 22,
    "GATHER": 23,
    "TRANSPOSE": 26,
    "MEAN": 27,
    "SUM": 27,
    "REDUCE_MAX": 27,
    "SUB": 28,
    "SQUEEZE": 30,
    "STRIDED_SLICE": 32,
    "SPLIT": 35,
    "CAST": 37,
    "DEQUANTIZE": 38,
    "MINIMUM": 39,
    "MAXIMUM": 39,
    "ARG_MAX": 40,
    "PADV2": 43,
    "SLICE": 48,
    "TRANSPOSE_CONV": 49,
    "TILE": 51,
    "EXPAND_DIMS": 52,
    "SHAPE": 55,
    "PACK": 59,
    "UNPACK": 64,
    "FILL": 68,
    "RESIZE_NEAREST_NEIGHBOR": 74,
    "LEAKY_RELU": 75,
    "MIRROR_PAD": 77,
    "SPLIT_V": 79,
    "QUANTIZE": 89,
    "HARD_SWISH": 91,
    "CALL_ONCE": 103,
    "VAR_HANDLE": 111,
    "READ_VARIABLE": 112,
    "ASSIGN_VARIABLE": 113,
}
"""Operator -> the number of its options table in the schema's union."""


@dataclass(frozen=True, eq=False)
class TensorSpec:
    """A tensor to put into the file; `scale` and `zero_point` may be single or one per channel along `axis`."""

    shape: tuple[int, ...]
    dtype: str = "int8"
    scale: float | Sequence[float] | None = 0.5
    zero_point: int = 0
    axis: int = 0
    data: npt.NDArray[Any] | None = None
    name: str = ""


@dataclass(frozen=True)
class OpSpec:
    """An operator to put into the file; options left out are written as the schema's defaults."""

    type: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, OptionValue]


@dataclass(frozen=True)
class SubgraphSpec:
    """A subgraph to put into the file."""

    tensors: Sequence[TensorSpec]
    ops: Sequence[OpSpec]
    inputs: Sequence[int] = ()
    outputs: Sequence[int] = ()


def build(tensors: Sequence[TensorSpec], ops: Sequence[OpSpec], inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
    """The bytes of a .tflite file with one subgraph."""
    return build_subgraphs([SubgraphSpec(tensors, ops, inputs, outputs)])


def build_subgraphs(subgraphs: Sequence[SubgraphSpec], *, behind: bool = False) -> bytes:
    """The bytes of a .tflite file; the first subgraph is the network.

    With `behind` the constants lie behind the flatbuffer, as in files of more than 2 GB.
    """
    if not behind:
        return _flatbuffer(subgraphs, None)
    constants = [t.data for subgraph in subgraphs for t in subgraph.tensors if t.data is not None]
    length = len(_flatbuffer(subgraphs, 2))
    return _flatbuffer(subgraphs, length) + b"".join(data.tobytes() for data in constants)


def _flatbuffer(subgraphs: Sequence[SubgraphSpec], start: int | None) -> bytes:
    """The file; the constants are in it, or at `start` and behind."""
    b = flatbuffers.Builder(1024)
    types = sorted({op.type for subgraph in subgraphs for op in subgraph.ops})
    constants = [t.data for subgraph in subgraphs for t in subgraph.tensors if t.data is not None]
    starts = [None if start is None else start + sum(d.nbytes for d in constants[:i]) for i in range(len(constants))]
    buffers = [_buffer(b, None), *(_buffer(b, *pair) for pair in zip(constants, starts, strict=True))]
    numbers = iter(range(1, len(buffers)))
    graphs = [_subgraph(b, subgraph, types, numbers) for subgraph in subgraphs]
    codes = [_code(b, kind) for kind in types]
    fields = [
        (1, "offset", _offsets(b, codes)),
        (2, "offset", _offsets(b, graphs)),
        (4, "offset", _offsets(b, buffers)),
    ]
    model = _table(b, 8, [(0, "uint32", 3), *fields])
    b.Finish(model, file_identifier=b"TFL3")
    return bytes(b.Output())


def _subgraph(b: flatbuffers.Builder, spec: SubgraphSpec, types: Sequence[str], numbers: Iterator[int]) -> int:
    """`numbers` are those of the buffers that are left."""
    buffers = [0 if t.data is None else next(numbers) for t in spec.tensors]
    tensors = [_tensor(b, i, t, buffers[i]) for i, t in enumerate(spec.tensors)]
    operators = [_operator(b, op, types.index(op.type)) for op in spec.ops]
    fields = [_offsets(b, tensors), _ints(b, spec.inputs), _ints(b, spec.outputs), _offsets(b, operators)]
    return _table(b, 5, [(i, "offset", at) for i, at in enumerate(fields)])


def _table(b: flatbuffers.Builder, fields: int, values: Sequence[tuple[int, str, Any]]) -> int:
    writers = {
        "offset": b.PrependUOffsetTRelativeSlot,
        "int8": b.PrependInt8Slot,
        "uint8": b.PrependUint8Slot,
        "bool": b.PrependBoolSlot,
        "int32": b.PrependInt32Slot,
        "uint32": b.PrependUint32Slot,
        "uint64": b.PrependUint64Slot,
        "float32": b.PrependFloat32Slot,
    }
    b.StartObject(fields)
    for slot, kind, value in values:
        b.ForceDefaults(kind != "offset")
        writers[kind](slot, value, 0)
    b.ForceDefaults(False)
    return int(b.EndObject())


def _offsets(b: flatbuffers.Builder, items: Sequence[int]) -> int:
    b.StartVector(4, len(items), 4)
    for item in reversed(items):
        b.PrependUOffsetTRelative(item)
    return int(b.EndVector())


def _ints(b: flatbuffers.Builder, values: Sequence[int]) -> int:
    return int(b.CreateNumpyVector(np.array(values, np.int32)))


def _buffer(b: flatbuffers.Builder, data: npt.NDArray[Any] | None, start: int | None = None) -> int:
    if data is None:
        return _table(b, 3, [])
    if start is not None:
        return _table(b, 3, [(1, "uint64", start), (2, "uint64", data.nbytes)])
    b.StartVector(1, data.nbytes, 16)
    b.head = b.head - data.nbytes
    b.Bytes[b.head : b.head + data.nbytes] = data.tobytes()
    return _table(b, 3, [(0, "offset", int(b.EndVector()))])


def _tensor(b: flatbuffers.Builder, index: int, spec: TensorSpec, buffer: int) -> int:
    name = b.CreateString(spec.name or f"t{index}")
    shape = _ints(b, spec.shape)
    fields = [(0, "offset", shape), (2, "uint32", buffer), (3, "offset", name)]
    if spec.scale is not None:
        scales = np.atleast_1d(np.array(spec.scale, np.float32))
        scale = b.CreateNumpyVector(scales)
        zeros = b.CreateNumpyVector(np.full(len(scales), spec.zero_point, np.int64))
        quant = _table(b, 7, [(2, "offset", scale), (3, "offset", zeros), (6, "int32", spec.axis)])
        fields.append((4, "offset", quant))
    return _table(b, 10, [*fields, (1, "int8", TENSOR_TYPES.index(spec.dtype))])


def _operator(b: flatbuffers.Builder, op: OpSpec, code: int) -> int:
    fields: list[tuple[int, str, Any]] = [(0, "uint32", code)]
    fields += [(1, "offset", _ints(b, op.inputs)), (2, "offset", _ints(b, op.outputs))]
    if op.type in OPTION_TABLES:
        known = OPS[op.type].options if op.type in OPS else {}
        values = [_option(b, f, op.options.get(key, f.default)) for key, f in known.items()]
        fields += [(3, "uint8", OPTION_TABLES[op.type]), (4, "offset", _table(b, 8, values))]
    return _table(b, 9, fields)


def _option(b: flatbuffers.Builder, field: Field, value: OptionValue) -> tuple[int, str, Any]:
    if isinstance(value, str):
        return field.number, "offset", int(b.CreateString(value))
    if field.kind not in SCALARS:
        return field.number, "offset", _ints(b, value if isinstance(value, tuple) else ())
    return field.number, field.kind, value


def _code(b: flatbuffers.Builder, kind: str) -> int:
    number = OPERATORS.index(kind)
    return _table(b, 4, [(0, "int8", min(number, 127)), (2, "int32", 1), (3, "int32", number)])

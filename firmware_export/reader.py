""".tflite bytes -> Graph, exactly what the file says.

Source of the field numbers: the .tflite schema
(https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs).
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from .errors import ExportError, printable
from .graph import ABSENT, ITEM_BYTES, Array, Graph, Op, OptionValue, Quant, Tensor
from .ops import OPS
from .ops.spec import Field
from .schema import OPERATORS, OPTIONS, TENSOR_TYPES
from .tables import SCALARS, BadTableError, Table, root
from .variables import resolve_variables
from .verify import check_supported, check_wiring

MAX_AXES = 8
"""The schema has no limit; more axes mean that the file is damaged."""
MAX_BYTES = 1 << 30
"""What one tensor may take; more means that the file is damaged."""
WIDEST = max(ITEM_BYTES.values())
CUSTOM = OPERATORS.index("CUSTOM")
BYTE_SWAPPED = sys.byteorder == "big"


def read_tflite(data: bytes, name: str, *, strict: bool = True) -> Graph:
    """The network in `data`, the bytes of a .tflite file; `name` is the file name that messages use, made printable.

    Args:
        data: the whole file.
        name: how messages call it.
        strict: also insist on what can become C: int8 tensors and supported operators.

    Raises:
        ExportError: the file is empty, cut short, damaged or no .tflite; or, when strict, a float model or one with
            an operator that is not supported.
    """
    name = printable(name)
    if len(data) < 8:
        raise ExportError(f"{name}: the file is {'empty' if not data else 'too short for a .tflite'}; copy it again.")
    if data[4:8] != b"TFL3":
        raise ExportError(f"{name}: this is not a .tflite file (bytes 4 to 7 are {data[4:8]!r}, not b'TFL3').")
    try:
        subgraphs = _subgraphs(root(data), data, name)
    except (BadTableError, OverflowError) as error:
        raise ExportError(f"{name}: the file is damaged or cut short ({error}); copy or convert it again.") from error
    check_wiring(subgraphs[0])
    graph = resolve_variables(subgraphs)
    check_wiring(graph)
    if strict:
        check_supported(graph)
    return graph


def _subgraphs(model: Table, data: bytes, name: str) -> tuple[Graph, ...]:
    """The subgraphs of `model`: the network, and those that its operators call."""
    tables = model.tables(2)
    if not tables:
        raise ExportError(f"{name}: the file has no network; convert it again.")
    buffers = model.tables(4)
    codes = tuple(_operator_type(code) for code in model.tables(1))
    digest = hashlib.sha256(data).hexdigest()
    names = (name, *(f"{name}, subgraph {number}" for number in range(1, len(tables))))
    return tuple(_graph(*pair, digest, buffers, codes) for pair in zip(names, tables, strict=True))


def _graph(name: str, table: Table, digest: str, buffers: tuple[Table, ...], codes: tuple[str, ...]) -> Graph:
    """One subgraph; `name` is how messages call it."""
    ops = tuple(_op(i, op, codes) for i, op in enumerate(table.tables(3)))
    inputs = table.integers(1)
    computed = {*inputs, *(index for op in ops for index in op.outputs)}
    tensors = (_tensor(i, tensor, buffers) for i, tensor in enumerate(table.tables(0)))
    return Graph(
        name=name,
        sha256=digest,
        tensors=tuple(t if t.index in computed else _if_empty(t) for t in tensors),
        ops=ops,
        inputs=inputs,
        outputs=table.integers(2),
    )


def _operator_type(code: Table) -> str:
    """The name of an operator code; codes above 126 are in the newer field."""
    number = max(code.integer(0, "int8"), code.integer(3))
    if number == CUSTOM:
        return f"CUSTOM:{code.text(1)}"
    return OPERATORS[number] if 0 <= number < len(OPERATORS) else f"OPERATOR_{number}"


def _tensor(index: int, table: Table, buffers: tuple[Table, ...]) -> Tensor:
    """Tensor `index`."""
    code = table.integer(1, "int8")
    if not 0 <= code < len(TENSOR_TYPES):
        raise BadTableError(f"tensor {index} has type {code}")
    dtype, shape = TENSOR_TYPES[code], _shape(index, table)
    if math.prod(shape) * ITEM_BYTES.get(dtype, WIDEST) > MAX_BYTES:
        raise BadTableError(f"tensor {index} has shape {shape}, more than {MAX_BYTES:,} bytes")
    buffer = table.integer(2, "uint32")
    if buffer >= len(buffers):
        raise BadTableError(f"tensor {index} uses buffer {buffer} of {len(buffers)}")
    name = table.text(3) or f"tensor_{index}"
    quant = _quant(index, table.table(4))
    return Tensor(index, name, dtype, shape, quant, _data(index, buffers[buffer], dtype, shape))


def _if_empty(tensor: Tensor) -> Tensor:
    """`tensor`, which nothing computes; as a constant if it has no values, for which a file has no bytes."""
    if tensor.data is not None or tensor.size or tensor.dtype not in ITEM_BYTES:
        return tensor
    return replace(tensor, data=np.zeros(tensor.shape, tensor.dtype))


def _shape(index: int, table: Table) -> tuple[int, ...]:
    """The extents of tensor `index`, each 0 to 2**31 - 1; a batch (the first) of -1 is taken as 1."""
    extents = table.integers(0)
    if len(extents) > MAX_AXES:
        raise BadTableError(f"tensor {index} has {len(extents)} axes")
    shape = (1, *extents[1:]) if extents[:1] == (-1,) else extents
    if any(extent < 0 for extent in shape):
        raise BadTableError(f"tensor {index} has shape {extents}")
    return shape


def _quant(index: int, table: Table | None) -> Quant | None:
    """Scales and zero points of tensor `index`; None where one or the other is left out, as TFLite Micro takes it."""
    if table is None:
        return None
    scales, zeros = table.floats(2), table.integers(3, "int64")
    if not scales or not zeros:
        return None
    if len(zeros) not in (1, len(scales)):
        raise BadTableError(f"tensor {index} has {len(scales)} scales and {len(zeros)} zero points")
    if not all(0.0 <= scale < math.inf for scale in scales):
        raise BadTableError(f"tensor {index} has a scale that is negative or not a number")
    return Quant(scales, zeros * len(scales) if len(zeros) == 1 else zeros, table.integer(6))


def _data(index: int, buffer: Table, dtype: str, shape: tuple[int, ...]) -> Array | None:
    """The constant in `buffer` (shape), or None when it is empty: the tensor is computed. A view of the file."""
    raw = buffer.array(0, "uint8")
    at, length = buffer.integer(1, "uint64"), buffer.integer(2, "uint64")
    if at > 1:
        if at + length > len(buffer.buf):
            raise BadTableError(f"the data of tensor {index} lies behind the end")
        raw = np.frombuffer(buffer.buf, np.uint8, length, at) if length else None
    if raw is None or not len(raw):
        return None
    if dtype not in ITEM_BYTES:
        return raw
    if len(raw) != math.prod(shape) * ITEM_BYTES[dtype]:
        raise BadTableError(f"tensor {index} {dtype}{list(shape)} has {len(raw)} bytes of data")
    if dtype == "bool" and bool(np.any(raw.view(np.uint8) > 1)):
        raise BadTableError(f"tensor {index} bool{list(shape)} holds other values than 0 and 1")
    values = raw.view(np.dtype(dtype).newbyteorder("<")).reshape(shape)
    return values.astype(dtype) if BYTE_SWAPPED else values.view(dtype)


def _op(index: int, table: Table, codes: tuple[str, ...]) -> Op:
    """Operator `index` with its options, those that its file in `ops/` names."""
    code = table.integer(0, "uint32")
    if code >= len(codes):
        raise BadTableError(f"operator {index} has code {code} of {len(codes)}")
    kind = codes[code]
    fields = OPS[kind].options if kind in OPS else {}
    stored, options = table.integer(3, "uint8"), table.table(4) if fields else None
    if options is not None and stored != OPTIONS.get(kind, stored):
        raise BadTableError(f"operator {index} {kind} has options of kind {stored}, not {OPTIONS[kind]}")
    return Op(index, kind, table.integers(1), table.integers(2), _options(options, fields))


def _options(table: Table | None, fields: Mapping[str, Field]) -> Mapping[str, OptionValue]:
    """Every field of `fields`, at its default where the file leaves it (or the whole table) out."""
    values: dict[str, OptionValue] = {}
    for key, field in fields.items():
        if field.kind in SCALARS:
            values[key] = field.default if table is None else table.scalar(field.number, field.kind, field.default)
        elif field.kind == "text":
            values[key] = "" if table is None else table.key(field.number)
        else:
            values[key] = () if table is None else table.integers(field.number)
    return MappingProxyType(values)


__all__ = ["ABSENT", "read_tflite"]

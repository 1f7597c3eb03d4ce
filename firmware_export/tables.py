"""FlatBuffer tables, read with every offset checked: a damaged file can only raise `BadTableError`.

Source: the FlatBuffers binary format (https://flatbuffers.dev/internals): a table starts with the signed distance back
to its vtable; the vtable holds its own size, the table's size, then one unsigned 16-bit field offset per field number,
0 for a field that is absent. Vectors and strings start with a 32-bit element count. Everything is little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SCALARS = {"bool": "<?", "int8": "<b", "uint8": "<B", "int32": "<i", "uint32": "<I", "uint64": "<Q", "float32": "<f"}
"""The scalar kinds that the .tflite schema uses, as struct formats."""


class BadTableError(ValueError):
    """An offset, a count or a text that can't be: the file is damaged."""


def _unpack(buf: bytes, at: int, form: str) -> int | float | bool:
    """One little-endian scalar of format `form` at byte `at`. Raises BadTableError outside of the buffer."""
    if at < 0 or at + struct.calcsize(form) > len(buf):
        raise BadTableError(f"offset {at} is outside of the {len(buf)} bytes")
    value: int | float | bool = struct.unpack_from(form, buf, at)[0]
    return value


def _uint(buf: bytes, at: int, form: str = "<I") -> int:
    return int(_unpack(buf, at, form))


@dataclass(frozen=True)
class Table:
    """One table at byte `at` of `buf`; fields are addressed by their number in the schema."""

    buf: bytes
    at: int

    def _field(self, number: int) -> int:
        """The byte at which field `number` lies, or 0 when the file leaves it out."""
        vtable = self.at - int(_unpack(self.buf, self.at, "<i"))
        slot = 4 + 2 * number
        if slot + 2 > _uint(self.buf, vtable, "<H"):
            return 0
        offset = _uint(self.buf, vtable + slot, "<H")
        return self.at + offset if offset else 0

    def position(self, number: int) -> int:
        """The byte at which field `number` lies, or 0 when the file leaves it out."""
        return self._field(number)

    def scalar(self, number: int, kind: str, default: int | float | bool) -> int | float | bool:
        """Field `number` as a scalar of `kind` (a key of SCALARS), or `default` when absent."""
        at = self._field(number)
        return _unpack(self.buf, at, SCALARS[kind]) if at else default

    def integer(self, number: int, kind: str = "int32", default: int = 0) -> int:
        """Field `number` as an int, or `default` when absent."""
        return int(self.scalar(number, kind, default))

    def table(self, number: int) -> Table | None:
        """The table that field `number` points to, or None when absent."""
        at = self._field(number)
        return Table(self.buf, at + _uint(self.buf, at)) if at else None

    def _vector(self, number: int, item_bytes: int) -> tuple[int, int] | None:
        """First byte and element count of vector field `number`, or None when absent."""
        at = self._field(number)
        if not at:
            return None
        start = at + _uint(self.buf, at)
        count = _uint(self.buf, start)
        if start + 4 + count * item_bytes > len(self.buf):
            raise BadTableError(f"a vector of {count} elements leaves the {len(self.buf)} bytes")
        return start + 4, count

    def array(self, number: int, dtype: str) -> npt.NDArray[np.generic] | None:
        """Vector field `number` as a read-only array of `dtype` (n,), or None when absent."""
        kind = np.dtype(dtype).newbyteorder("<")
        found = self._vector(number, kind.itemsize)
        return None if found is None else np.frombuffer(self.buf, kind, found[1], found[0])

    def integers(self, number: int, dtype: str = "int32") -> tuple[int, ...]:
        """Vector field `number` as a tuple of ints; empty when absent."""
        values = self.array(number, dtype)
        return () if values is None else tuple(int(v) for v in values)

    def text(self, number: int) -> str:
        """String field `number`; empty when absent. Bytes that are not UTF-8 are replaced."""
        values = self.array(number, "uint8")
        return "" if values is None else values.tobytes().decode("utf-8", "replace")

    def tables(self, number: int) -> tuple[Table, ...]:
        """The tables of vector field `number`; empty when absent."""
        found = self._vector(number, 4)
        if found is None:
            return ()
        starts = range(found[0], found[0] + 4 * found[1], 4)
        return tuple(Table(self.buf, at + _uint(self.buf, at)) for at in starts)


def root(buf: bytes) -> Table:
    """The root table of a whole file."""
    return Table(buf, _uint(buf, 0))

"""FlatBuffer tables, read with every offset checked: a damaged file can only raise `BadTableError`.

Source: the FlatBuffers binary format (https://flatbuffers.dev/internals): a table starts with the signed distance back
to its vtable; the vtable holds its own size, the table's size, then one unsigned 16-bit field offset per field number,
0 for a field that is absent. Vectors and strings start with a 32-bit element count. Everything is little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .errors import printable

SCALARS = {"bool": "<?", "int8": "<b", "uint8": "<B", "int32": "<i", "uint32": "<I", "uint64": "<Q", "float32": "<f"}
"""The scalar kinds that the .tflite schema uses, as struct formats."""
TABLE_COST = 32
"""What one table of a vector counts in bytes: reading it takes longer than reading a number."""
TEXT_BYTES = 1000
"""Of a longer text the rest is left out."""
FREE_BYTES = 1 << 20
"""What may be read of the smallest file."""


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


@dataclass
class Meter:
    """How many bytes may still be read: a file whose tables share what they hold can be far larger than it looks."""

    left: int

    def take(self, count: int) -> None:
        """Counts `count` bytes. Raises BadTableError when they are too many."""
        self.left -= count
        if self.left < 0:
            raise BadTableError("its tables refer to the same bytes again and again")


@dataclass(frozen=True)
class Table:
    """One table at byte `at` of `buf`; fields are addressed by their number in the schema."""

    buf: bytes
    at: int
    meter: Meter = field(repr=False, compare=False)

    def _field(self, number: int) -> int:
        """The byte at which field `number` lies, or 0 when the file leaves it out."""
        vtable = self.at - int(_unpack(self.buf, self.at, "<i"))
        slot = 4 + 2 * number
        if slot >= _uint(self.buf, vtable, "<H"):
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
        return Table(self.buf, at + _uint(self.buf, at), self.meter) if at else None

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
        """Vector field `number` as a read-only view of the file as `dtype` (n,), or None when absent."""
        kind = np.dtype(dtype).newbyteorder("<")
        found = self._vector(number, kind.itemsize)
        return None if found is None else np.frombuffer(self.buf, kind, found[1], found[0])

    def integers(self, number: int, dtype: str = "int32") -> tuple[int, ...]:
        """Vector field `number` as a tuple of ints; empty when absent."""
        values = self.array(number, dtype)
        if values is None:
            return ()
        self.meter.take(values.nbytes)
        return tuple(values.tolist())

    def floats(self, number: int) -> tuple[float, ...]:
        """Vector field `number`, float32, as a tuple of floats; empty when absent."""
        values = self.array(number, "float32")
        if values is None:
            return ()
        self.meter.take(values.nbytes)
        return tuple(values.tolist())

    def text(self, number: int) -> str:
        """The first TEXT_BYTES of string field `number`; empty when absent. '?' stands for what can't be printed."""
        values = self.array(number, "uint8")
        text = "" if values is None else values[:TEXT_BYTES].tobytes().decode("utf-8", "replace")
        return printable(text)

    def key(self, number: int) -> str:
        """String field `number` in printable ASCII, different for different bytes, up to a 0 as C reads it."""
        values = self.array(number, "uint8")
        if values is None:
            return ""
        self.meter.take(values.nbytes)
        return values.tobytes().split(b"\0")[0].decode("latin-1").encode("unicode_escape").decode("ascii")

    def tables(self, number: int) -> tuple[Table, ...]:
        """The tables of vector field `number`; empty when absent."""
        found = self._vector(number, 4)
        if found is None:
            return ()
        self.meter.take(TABLE_COST * found[1])
        starts = range(found[0], found[0] + 4 * found[1], 4)
        return tuple(Table(self.buf, at + _uint(self.buf, at), self.meter) for at in starts)


def root(buf: bytes) -> Table:
    """The root table of a whole file."""
    return Table(buf, _uint(buf, 0), Meter(FREE_BYTES + 4 * len(buf)))

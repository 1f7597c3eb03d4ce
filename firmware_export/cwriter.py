"""Spelling C: literals, tables, comments, and the slots of a skeleton."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np

from .graph import Array

C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "bool": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "float32": "float",
}
"""The C type of a tensor's elements; of other dtypes nothing can be emitted."""
WIDTH = 120
SLOT = re.compile(r"/\*<(\w+)\*/.*?/\*>\*/", re.DOTALL)
"""/*<name*/ what makes the skeleton valid C /*>*/: a slot."""


def fill(skeleton: str, slots: Mapping[str, str]) -> str:
    """`skeleton` with every slot replaced. Raises KeyError for a slot without text, ValueError for one unused."""
    unused = set(slots) - set(SLOT.findall(skeleton))
    if unused:
        raise ValueError(f"the skeleton has no slots {sorted(unused)}")
    return SLOT.sub(lambda match: slots[match.group(1)], skeleton)


def rename(skeleton: str, name: str) -> str:
    """`skeleton` with model_ and MODEL_ (and file names model.h, ...) in the network's name."""
    renamed = re.sub(r"\bmodel(?=_|\.[ch]\b)", name, skeleton)
    return re.sub(r"\bMODEL(?=_)", name.upper(), renamed)


def comment_text(text: str) -> str:
    """`text` so that no comment ends, opens or continues by it: printable ASCII."""
    plain = "".join(c if c.isprintable() and c.isascii() else "?" for c in text).replace("\\", "/")
    return re.sub(r"(?<=\*)(?=/)|(?<=/)(?=\*)|(?<=\?)(?=\?)", " ", plain)


def comment(text: str, indent: str = "") -> str:
    """`text` as a C comment, in lines of at most WIDTH characters where words allow."""
    lines = textwrap.wrap(comment_text(text), WIDTH - len(indent) - 6, break_long_words=False, break_on_hyphens=False)
    return f"{indent}/* " + f"\n{indent} * ".join(lines) + " */"


def float_literal(value: float) -> str:
    """A float32 value in C that reads back as the same bits; what is not a number reads back as such."""
    if not math.isfinite(value):
        return "(0.0f / 0.0f)" if math.isnan(value) else f"({'-' if value < 0 else ''}1.0f / 0.0f)"
    text = f"{float(np.float32(value)):.9g}"
    return f"{text}f" if any(c in text for c in ".e") else f"{text}.0f"


def string_literal(text: str) -> str:
    """`text` as a C string literal in UTF-8; everything but plain ASCII is an octal escape."""
    plain = set(range(32, 127)) - set(b'"\\?')
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode()) + '"'


def wrapped(items: Sequence[str], indent: str) -> str:
    """`items` with commas, in lines of at most WIDTH characters."""
    lines, line = [], indent
    for item in items:
        if len(line) + len(item) + 1 > WIDTH and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += f"{item}, "
    return "\n".join([*lines, line.rstrip()]).rstrip(",")


def table(ctype: str, name: str, values: Array, storage: str = "const") -> str:
    """A definition of `values`, flattened, as an array called `name`."""
    flat = values.reshape(-1)
    items = [float_literal(v) for v in flat] if flat.dtype.kind == "f" else [_integer(int(v)) for v in flat]
    return f"{storage} {ctype} {name}[{len(items)}] = {{\n{wrapped(items, '    ')}\n}};"


def _integer(value: int) -> str:
    """An integer literal that no compiler warns of: the smallest numbers have no literal of their own."""
    if value == -(2**31):
        return "INT32_MIN"
    if value == -(2**63):
        return "INT64_MIN"
    return str(value) if -(2**31) < value < 2**31 else f"INT64_C({value})"


def initializer(value: int | float | tuple[int | tuple[int, ...], ...]) -> str:
    """A number, or numbers and groups of numbers in braces."""
    if isinstance(value, tuple):
        return "{" + ", ".join(initializer(v) for v in value) + "}"
    return float_literal(value) if isinstance(value, float) else _integer(value)

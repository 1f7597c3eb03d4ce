"""Spelling Python: the loader that a project carries, `c/skeletons/model.py` with the network's facts in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from .cwriter import comment_text
from .graph import Tensor
from .program import Program

SLOT = re.compile(r"^# <(\w+)>\n.*?^# </\1>\n", re.DOTALL | re.MULTILINE)
"""Lines from `# <name>` to `# </name>`: a slot."""


def loader(program: Program, name: str, banner: str, sources: Sequence[str], headers: Sequence[str]) -> str:
    """The text of NAME.py; `banner` is that of the C files, `sources` and `headers` are what it compiles."""
    facts = [
        f"NAME = {string(name)}",
        f"MODEL_SHA256 = {string(program.graph.sha256)}",
        f"ARENA_BYTES = {program.plan.arena_bytes}",
        "# Name, shape, dtype, scale, zero point.",
        *_rows("INPUTS", map(_tensor, program.inputs)),
        *_rows("OUTPUTS", map(_tensor, program.outputs)),
        *_rows("SOURCES", map(string, sources)),
        *_rows("HEADERS", map(string, headers)),
    ]
    slots = {"banner": _comments(banner), "facts": "\n".join(facts) + "\n"}
    return fill_python((files(__package__) / "c" / "skeletons" / "model.py").read_text(encoding="utf-8"), slots)


def fill_python(skeleton: str, slots: Mapping[str, str]) -> str:
    """`skeleton` with every slot replaced. Raises KeyError for a slot without text, ValueError for one unused."""
    unused = set(slots) - set(SLOT.findall(skeleton))
    if unused:
        raise ValueError(f"the skeleton has no slots {sorted(unused)}")
    return SLOT.sub(lambda match: slots[match.group(1)], skeleton)


def string(text: str) -> str:
    """`text` as a Python string literal in plain ASCII."""
    escaped = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{escaped}"'


def _tensor(tensor: Tensor) -> str:
    shape = ", ".join(map(str, tensor.shape)) + ("," if len(tensor.shape) == 1 else "")
    return f"({string(tensor.name)}, ({shape}), {string(tensor.dtype)}, {tensor.scale!r}, {tensor.zero_point})"


def _rows(name: str, items: Mapping[str, str] | Sequence[str] | map[str]) -> list[str]:
    """A tuple, one item per line."""
    return [f"{name} = (", *(f"    {item}," for item in items), ")"]


def _comments(banner: str) -> str:
    """The lines of a C comment as Python's."""
    lines = [line.strip().removeprefix("/*").removesuffix("*/").strip(" *") for line in banner.splitlines()]
    return "".join(f"# {comment_text(line)}\n" for line in lines if line)

"""The page of supported operators, made from what their files say: docs/operators.md."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass

from .ops import OPS
from .verify import supported_operators

SOURCE = "Source:"


@dataclass(frozen=True)
class OperatorRules:
    """An operator, what its file says of it, in paragraphs, and the rules that a network has to meet."""

    type: str
    about: tuple[str, ...]
    rules: tuple[str, ...]


def operator_rules() -> tuple[OperatorRules, ...]:
    """What is known of every operator that a file may have, sorted by type."""
    return tuple(OperatorRules(kind, _about(kind), _rules(kind)) for kind in supported_operators())


def file_name(kind: str) -> str:
    """The name of an operator's files, without an ending: CONV_2D is conv2d."""
    return kind.lower().replace("_2d", "2d")


def markdown() -> str:
    """The page."""
    return "\n".join(_lines())


def _about(kind: str) -> tuple[str, ...]:
    """The paragraphs of the operator's module but for those that name a source."""
    module = importlib.import_module(f"{__package__}.ops.{file_name(kind)}")
    paragraphs = (module.__doc__ or "").strip().split("\n\n")
    told = [" ".join(text.split()) for text in paragraphs if not text.startswith(SOURCE)]
    return (_sentence(told[0].removeprefix(f"{kind}: ")), *told[1:])


def _rules(kind: str) -> tuple[str, ...]:
    return tuple(" ".join((rule.__doc__ or "").split()) for rule in OPS[kind].constraints)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _plain(text: str) -> str:
    """`text` for Markdown, which takes asterisks and angle brackets for its own except in code."""
    parts = text.split("`")
    parts[::2] = [part.replace("*", "\\*").replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


INTRODUCTION = """# Supported operators

Made by `python -m firmware_export operators --markdown` from the files in `firmware_export/ops/`: the rules are the
docstrings of the functions that check them. A network that breaks one is refused by a message with the operator's
index, its output's name, the rule and what was found. Shapes are those of the file; a batch of -1 is taken as 1.
"""


def _lines() -> Iterator[str]:
    known = operator_rules()
    yield INTRODUCTION
    yield ",\n".join(f"[{one.type}](#{one.type.lower()})" for one in known)
    for one in known:
        yield f"\n## {one.type}"
        yield from (f"\n{_plain(paragraph)}" for paragraph in one.about)
        yield ""
        yield from (f"* {_plain(_sentence(rule))}." for rule in one.rules)
    yield ""

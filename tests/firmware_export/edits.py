"""Patterns that find one constant in generated C."""

from __future__ import annotations


def table(name: str, item: int) -> str:
    """A pattern for one item of a table of constants."""
    return rf"\b{name}\[\d+\] = \{{\s*(?:-?\d+,\s*){{{item}}}(-?\d+)"


def member(op: int, name: str) -> str:
    """A pattern for a member of an operator's parameters."""
    return rf"op{op} = \{{[^;]*?/\* {name} \*/ (-?\d+)"

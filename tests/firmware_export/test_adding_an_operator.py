"""The walk through an operator quotes the code as it stands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "adding-an-operator.md"


def test_what_the_page_quotes_is_in_the_files() -> None:
    text = PAGE.read_text(encoding="utf-8")
    quotes = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```\n", text, re.DOTALL)
    assert len(quotes) == text.count("```") / 2 >= 8
    for file, code in quotes:
        assert code in (ROOT / file).read_text(encoding="utf-8"), f"{PAGE.name} quotes what is no longer in {file}"


def test_the_files_that_the_page_names_exist() -> None:
    names = set(re.findall(r"`((?:firmware_export|tests)/[\w/.]+)`", PAGE.read_text(encoding="utf-8")))
    assert len(names) >= 4
    assert all((ROOT / name).is_file() for name in names)

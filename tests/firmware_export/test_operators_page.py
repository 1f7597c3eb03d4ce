"""The page of supported operators says what the code checks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firmware_export import cli, oracle
from firmware_export.operators_page import file_name, markdown, operator_rules
from firmware_export.ops import OPS

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_page_is_not_stale() -> None:
    committed = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    assert committed == markdown(), "run: python -m firmware_export operators --markdown > docs/operators.md"


def test_every_rule_is_a_sentence() -> None:
    for one in operator_rules():
        assert one.about[0].endswith("."), one
        assert one.rules, f"{one.type} takes anything"
        for rule in one.rules:
            assert rule[:1].islower() or rule.split()[0].isupper(), (one.type, rule)
            assert not rule.endswith("."), (one.type, rule)


def test_both_pages_name_every_known_defect() -> None:
    proofs = (ROOT / "docs" / "prove.md").read_text(encoding="utf-8")
    for kind in oracle.KNOWN:
        assert f"\n| {kind} " in proofs
        (about,) = (one.about for one in operator_rules() if one.type == kind)
        assert any("TFLite Micro" in paragraph for paragraph in about[1:]), kind


@pytest.mark.parametrize("kind", sorted(OPS))
def test_files_are_where_one_would_look(kind: str) -> None:
    folder = ROOT / "firmware_export" / "ops"
    assert (folder / f"{file_name(kind)}.py").is_file()


def test_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["operators"]) == 0
    names = capsys.readouterr().out.splitlines()
    assert "CONV_2D" in names
    assert "LOOKUP" not in names
    assert cli.main(["operators", "--markdown"]) == 0
    assert capsys.readouterr().out == markdown()
    assert cli.main(["operators", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [one["type"] for one in facts] == names

"""`edgenet doctor`: what it lists is what the extras install, and it says which digits there are."""

from __future__ import annotations

import json
import re
import tomllib
from argparse import Namespace
from pathlib import Path

import pytest

from edgenet.commands.doctor import EXTRAS, run

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_every_package_of_an_extra_is_listed(extra: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    packages = {re.split(r"[^A-Za-z0-9_-]", line)[0] for line in extras[extra]} - {"numpy"}
    assert packages <= {name for _, distributions in EXTRAS[extra][1] for name in distributions}


def test_it_says_which_digits_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("EDGENET_DATA", raising=False)
    run(Namespace(json=True))
    assert "scikit-learn's 1,797 digits" in json.loads(capsys.readouterr().out)["data"]["digits"]
    (tmp_path / ".cache" / "edgenet" / "mnist").mkdir(parents=True)
    run(Namespace(json=False))
    assert "train-images-idx3-ubyte.gz is missing" in capsys.readouterr().out

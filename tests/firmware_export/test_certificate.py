"""The certificate: what it holds, that it is the same every time, and that its digests can be checked by others."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from argparse import ArgumentParser
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from needs import need_packages
from test_prove_flips import block

from firmware_export.agreement import compare_outputs
from firmware_export.certificate import certificate, write_certificate, write_page
from firmware_export.certificate_page import page
from firmware_export.errors import ExportError
from firmware_export.evidence import hashed_samples
from firmware_export.proof import Proof
from firmware_export.prove import add_prove_arguments, prove, run_prove
from firmware_export.reader import read_tflite
from firmware_export.reference import run_all
from firmware_export.samples import make_samples

pytestmark = pytest.mark.slow

RUNTIMES = ("tflm", "numpy", "host", "cortex-m4")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """block.tflite."""
    need_packages("tflite_micro", "ziglang", "unicorn", "elftools")
    path = tmp_path_factory.mktemp("certificate") / "block.tflite"
    path.write_bytes(block())
    return path


@pytest.fixture(scope="module")
def proof(model: Path) -> Proof:
    return prove(model, count=16, cortex_count=6, seed=5, runtimes=RUNTIMES)


def test_it_says_what_was_proved_and_how(proof: Proof, model: Path, tmp_path: Path) -> None:
    write_certificate(tmp_path / "c.json", proof)
    facts = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert facts == json.loads(json.dumps(certificate(proof)))
    assert (facts["format"], facts["kind"], facts["verdict"]) == (1, "edgenet proof", "proved")
    assert facts["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert re.fullmatch(r"edgenet \d+\.\d+.*", facts["tool"])
    host, core = facts["runtimes"][2:]
    assert "-O2" in host["flags"]
    assert "-mcpu=cortex_m4" in core["flags"]
    assert host["version"]
    assert facts["sampling"]["seed"] == 5
    assert facts["sampling"]["generated"] == 16
    assert len(facts["sampling"]["hashed"]) == 6
    assert str(tmp_path) not in json.dumps(facts)


def test_digests_can_be_made_again(proof: Proof, model: Path) -> None:
    """From the model, the seed and numpy alone."""
    graph = read_tflite(model.read_bytes(), model.name)
    samples = make_samples(graph, (), 16, 5)
    hashed = list(proof.sampling.hashed)
    assert proof.sampling.sha256 == (hashlib.sha256(samples[0][hashed].tobytes()).hexdigest(),)
    outputs = run_all(graph, samples)
    for digests in proof.digests:
        assert set(digests.sha256) == set(RUNTIMES)
        index = 2 if digests.operator is None else digests.operator
        assert set(digests.sha256.values()) == {hashlib.sha256(outputs[index][hashed].tobytes()).hexdigest()}
    assert [digests.operator for digests in proof.digests] == [0, 1, 2, None]


def test_the_same_proof_is_the_same_file(proof: Proof, model: Path) -> None:
    again = prove(model, count=16, cortex_count=6, seed=5, runtimes=RUNTIMES)
    assert certificate(again) == certificate(proof)
    other = prove(model, count=16, cortex_count=6, seed=6, runtimes=RUNTIMES[:2])
    assert other.sampling.sha256 != proof.sampling.sha256


def test_hashed_samples_are_those_that_all_tap() -> None:
    assert hashed_samples([np.arange(9), np.array([1, 3, 8])]).tolist() == [1, 3, 8]
    assert hashed_samples([np.arange(99)], limit=3).tolist() == [0, 1, 2]
    assert hashed_samples([]).tolist() == []


class Checker(HTMLParser):
    """Counts open elements, and notes what would be loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        self.loads += [str(value) for name, value in attrs if name in ("src", "href") and value != "data:,"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_stands_alone(proof: Proof, tmp_path: Path) -> None:
    nasty = replace(proof, model="<b>&\"' $x", edited_files=("<script>",), notes=("a & b",))
    write_page(tmp_path / "c.html", nasty)
    text = (tmp_path / "c.html").read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(text)
    assert checker.open == checker.loads == []
    assert "<script" not in text
    assert "<h1>&lt;b&gt;&amp;&quot;&#x27; $x</h1>" in text
    for expected in ("Proved", "cortex-m4", "-mcpu=cortex_m4", "a &amp; b", proof.sha256, "DEPTHWISE_CONV_2D"):
        assert expected in text


def test_the_page_shows_a_difference(model: Path, tmp_path: Path) -> None:
    from firmware_export.project import export_c

    export_c(model, tmp_path / "c", name="block")
    source = tmp_path / "c" / "block.c"
    source.write_text(re.sub(r"(op2 = .*?activation_max \*/ )\d+", r"\g<1>60", source.read_text(), count=1, flags=re.S))
    differs = prove(model, project=tmp_path / "c", count=12, runtimes=("tflm", "numpy", "host"))
    text = page(differs)
    assert "host differs" in text
    assert "looks like saturation" in text
    rows = differs.digests[2].sha256
    assert rows["tflm"] == rows["numpy"] != rows["host"]
    assert text.count('<td class="bad">') >= 2


def test_litert_is_reported_and_does_not_judge(model: Path, proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    need_packages("ai_edge_litert")
    assert proof.agreement is not None
    assert proof.agreement.name.startswith("LiteRT 2")
    assert (proof.agreement.samples, proof.agreement.values) == (16, 16 * 400)
    assert 0 < proof.agreement.same_values <= proof.agreement.values
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    without = prove(model, count=6, runtimes=("tflm", "numpy"))
    assert without.proved
    assert without.agreement is None


def test_agreement_of_outputs() -> None:
    expected = np.array([[1, 5, 2], [7, 0, 0]], np.int8)
    got = np.array([[1, 5, 4], [0, 1, 0]], np.int8)
    near = compare_outputs("x", [expected], [got])
    assert (near.samples, near.values, near.same_values, near.same_top) == (2, 6, 3, 1)
    assert near.largest_difference == 7


def test_command_line_writes_both(model: Path, tmp_path: Path) -> None:
    parser = ArgumentParser()
    add_prove_arguments(parser)
    words = [str(model), "--runtimes", "tflm,numpy", "--count", "6", "--certificate", str(tmp_path / "a" / "c.json")]
    assert run_prove(parser.parse_args([*words, "--html", str(tmp_path / "c.html")])) == 0
    assert json.loads((tmp_path / "a" / "c.json").read_text())["verdict"] == "proved"
    assert "Proved" in (tmp_path / "c.html").read_text()
    (tmp_path / "file").write_text("")
    words[-1] = str(tmp_path / "file" / "c.json")
    with pytest.raises(ExportError, match=r"c\.json: can't be written"):
        run_prove(parser.parse_args(words))

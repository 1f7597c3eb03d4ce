"""What the record of removed channels is good for: the report says it, and a proof checks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dead_channels import LIVE, SAME, VALID, Maker, macs, read, two
from needs import need_packages

from firmware_export.cproject import read_project
from firmware_export.graph import Removed
from firmware_export.passes import simplify
from firmware_export.project import compile_graph, export_c
from firmware_export.prove import Proof, prove
from firmware_export.report import make_report
from firmware_export.report_page import page

pytestmark = pytest.mark.slow


def proof_of(data: bytes, folder: Path, edit: Callable[[dict[str, Any]], None] = lambda manifest: None) -> Proof:
    """The proof of an exported project, after an edit of what its manifest says."""
    need_packages("tflite_micro")
    (folder / "net.tflite").write_bytes(data)
    if not (folder / "c").is_dir():
        export_c(folder / "net.tflite", folder / "c")
    path = folder / "c" / "MANIFEST.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))
    return prove(folder / "net.tflite", project=folder / "c", count=8, runtimes=("tflm", "numpy", "host"))


def informative() -> bytes:
    """Channels 1 and 3 of the first convolution are constant; nothing reads the last, which is not."""
    net = Maker()
    last = net.conv(net.conv(0, (*LIVE, 60)), (0, 5))
    net.tensors[last - 2].data[..., 5] = 0
    return net.build(last)


def test_a_proof_compares_what_is_left_and_the_constants(tmp_path: Path) -> None:
    """Of what nothing reads nothing can be compared; all other values of the file's network are."""
    proof = proof_of(informative(), tmp_path)
    assert proof.proved, proof.message
    outputs, host = 16 * 2, proof.runtime("host")
    assert host.operators_compared == 2
    assert host.values_compared == 8 * (3 * outputs + 16 * 5 + outputs)  # outputs: plain, tapped, and plain once more
    digests = {found.operator: found.sha256 for found in proof.digests}
    assert "host" not in digests[0]
    assert "host" in digests[1]


def test_a_wrong_claim_is_found(tmp_path: Path) -> None:
    """A constant that is none, a channel that is another one, and no word of what was removed."""

    def another_constant(manifest: dict[str, Any]) -> None:
        manifest["removed"][0]["constants"] = [-128, 126, None]

    def another_channel(manifest: dict[str, Any]) -> None:
        manifest["removed"][0].update(kept=[0, 1, 4], constants=[-128, 127, None])

    def of_another_shape(manifest: dict[str, Any]) -> None:
        others = {"channels": 12, "constants": [None] * 9}, {"tensor": 400}
        manifest["removed"] = [{**manifest["removed"][0], **other} for other in others]

    for edit in (another_constant, another_channel, of_another_shape):
        proof = proof_of(informative(), tmp_path, edit)
        assert not proof.proved
        found = proof.runtime("host").difference
        if edit is of_another_shape:
            assert "gave 48 bytes, expected 96" in proof.runtime("host").reason
        else:
            assert found is not None
            assert found.operator == 0


KNOWN: dict[str, Any] = {"tensor": 3, "channels": 5, "kept": [0, 2, 4], "constants": [-128, None]}


@pytest.mark.parametrize(
    ("wrong", "sense"),
    [
        ({}, True),
        ({"tensor": "3"}, False),
        ({"channels": 6}, False),
        ({"kept": [2, 0, 4]}, False),
        ({"kept": [0, 2, 5]}, False),
        ({"kept": [-1, 2, 4]}, False),
        ({"kept": [], "constants": [None] * 5}, False),
        ({"constants": [-129, 127]}, False),
        ({"constants": None}, False),
    ],
)
def test_a_manifest_that_makes_no_sense_says_nothing(wrong: dict[str, Any], sense: bool, tmp_path: Path) -> None:
    (tmp_path / "net.h").write_text("void net_run(const int8_t *input, int8_t *output);")
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"removed": [7, {**KNOWN, **wrong}]}))
    assert read_project(tmp_path).removed == ((Removed(3, 5, (0, 2, 4), (-128, None)),) if sense else ())


def test_the_report_says_what_was_removed_and_why() -> None:
    data, middle = two(1, VALID)
    report = make_report(compile_graph(read(data)))
    (part,) = report.removed
    assert (part.operator, part.type, part.tensor, part.kept) == (0, "CONV_2D", middle, (0, 2, 4))
    assert report.to_json()["removed"][0]["constants"] == (-128, 127)
    assert report.macs == macs(simplify(read(data))) - part.macs
    text = page(report)
    assert "<h2>Removed channels</h2>" in text
    assert part.why in text
    assert "160 of 400 multiply-accumulates less, and 18 bytes" in text
    assert "Removed channels" not in page(make_report(compile_graph(read(two(3, SAME, biases=(0, 5))[0]))))

"""The memory report: facts that add up, and a page that needs nothing else and lets no name out of its place."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import needs
import pytest
from random_network import random_network
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import cli, emulate, files, planner, report
from firmware_export.code_size import CodeSize, measure_code
from firmware_export.ops import OPS
from firmware_export.passes import apply_passes
from firmware_export.plan_picture import plan_picture
from firmware_export.planner import plan_memory
from firmware_export.profile import profile
from firmware_export.program import Program, lower
from firmware_export.project import REPORT, compile_graph, read_model
from firmware_export.reader import read_tflite
from firmware_export.report import Report, make_report
from firmware_export.report_page import page
from firmware_export.targets import find_core

RESNET = "mlperf_tiny_ic_resnet8.tflite"
HOSTILE = "</title><script>alert(1)</script>\"'&*/"


def compiled(data: bytes, name: str = "net.tflite") -> Program:
    graph = apply_passes(read_tflite(data, name))
    return lower(graph, plan_memory(graph))


def resnet() -> Report:
    return make_report(compiled(needs.tflite_model(RESNET).read_bytes(), RESNET))


def hostile() -> bytes:
    """Three operators whose tensors have names that would like to be markup."""
    tensors = [TensorSpec((1, 64), scale=0.5, name=HOSTILE) for _ in range(4)]
    ops = [OpSpec("ADD", (0, 0), (1,), {}), OpSpec("ADD", (1, 0), (2,), {}), OpSpec("ADD", (2, 1), (3,), {})]
    return build(tensors, ops, [0], [3])


def test_facts_add_up() -> None:
    facts = resnet()
    assert (facts.state_bytes, facts.macs) == (0, 12_501_632)
    assert 20_000 < facts.arena_bytes <= 49_152
    assert sum(layer.macs for layer in facts.layers) == facts.macs
    assert sum(layer.constant_bytes for layer in facts.layers) == facts.constant_bytes
    assert sum(constant.bytes for constant in facts.constants) == facts.constant_bytes
    assert {layer.arena_bytes for layer in facts.layers if layer.is_peak} == {facts.arena_bytes}
    assert [(e.kind, e.bytes) for e in facts.elsewhere] == [("input", 3072), ("output", 10)]
    assert max(b.offset + b.bytes for b in facts.buffers) == facts.arena_bytes


def test_live_bytes_count_an_overlap_once() -> None:
    """The second ADD writes over its input: both are there in its step, in the same bytes."""
    tensors = [TensorSpec((1, 64), scale=0.5) for _ in range(4)]
    ops = [OpSpec("ADD", (0, 0), (1,), {}), OpSpec("ADD", (1, 1), (2,), {}), OpSpec("ADD", (2, 0), (3,), {})]
    facts = make_report(compiled(build(tensors, ops, [0], [3])))
    assert [layer.arena_bytes for layer in facts.layers] == [64, 64, 64]
    assert [(b.first, b.last, b.offset) for b in facts.buffers] == [(0, 1, 0), (1, 2, 0)]
    for seed in range(20):
        facts = make_report(compiled(random_network(seed, 20)))
        assert max((layer.arena_bytes for layer in facts.layers), default=0) <= facts.arena_bytes


def test_scratch_memory_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with_scratch = {**OPS, "CONV_2D": replace(OPS["CONV_2D"], scratch_bytes=lambda node: 1000)}
    for module in (planner, report):
        monkeypatch.setattr(module, "OPS", with_scratch)
    facts = resnet()
    assert [layer.scratch_bytes for layer in facts.layers[:4]] == [1000, 1000, 1000, 0]
    assert "scratch memory of operator 0 CONV_2D\n1,000 bytes" in plan_picture(facts)
    assert "scratch memory</li>" in page(facts)


class _Tags(HTMLParser):
    """What a browser would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for key, value in attrs if key in ("src", "href", "action", "xlink:href")]


@pytest.mark.parametrize("name", [RESNET, "hostile", "empty"])
def test_the_page_needs_nothing_else(name: str) -> None:
    empty = build([TensorSpec((1, 4))], [], [0], [0])
    data = {"hostile": hostile(), "empty": empty}.get(name) or needs.tflite_model(name).read_bytes()
    text = page(make_report(compiled(data, HOSTILE if name == "hostile" else name)))
    found = _Tags()
    found.feed(text)
    assert found.links == ["data:,"]
    assert "script" not in found.tags
    assert not re.search(r"url\((?!#)|@import|https?://", text)
    assert ("svg" in found.tags) == (name != "empty")


@pytest.mark.parametrize("seed", range(5))
def test_the_picture_has_every_buffer_in_its_place(seed: int) -> None:
    facts = make_report(compiled(random_network(seed, 20)))
    svg = ElementTree.fromstring(plan_picture(facts))
    boxes = [group.find("rect") for group in svg.iter("g")]
    assert len(boxes) == len(facts.buffers)
    width, height = float(svg.attrib["width"]), float(svg.attrib["height"])
    for box in boxes:
        assert box is not None
        x, y, w, h = (float(box.attrib[key]) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
        assert min(w, h) > 0
    titles = [group.findtext("title") or "" for group in svg.iter("g")]
    assert all(
        f"{b.bytes:,} bytes" in title and b.name in title for b, title in zip(facts.buffers, titles, strict=True)
    )


def test_no_label_runs_through_the_frame_of_a_peak() -> None:
    """Names lie beside the frame or in it; of this network one rectangle begins in its middle."""
    facts = make_report(compiled(needs.tflite_model("mlperf_tiny_vww_mobilenet_v1_025.tflite").read_bytes()))
    svg = ElementTree.fromstring(plan_picture(facts))
    frames = [rect for rect in svg.iter("rect") if rect.get("class") == "peak"]
    labels = [label for label in svg.findall("svg") if label.find("text") is not None]
    assert frames
    assert len(labels) > 10
    for frame in frames:
        left = float(frame.attrib["x"])
        for label in labels:
            x, width = float(label.attrib["x"]), float(label.attrib["width"])
            for side in (left, left + float(frame.attrib["width"])):
                assert not x + 0.2 < side < x + width - 0.2


@pytest.mark.parametrize("name", [RESNET, "tflm_hello_world_sine.tflite"])
def test_flash_is_counted_as_the_benchmark_counts_it(name: str) -> None:
    path, compiler = needs.tflite_model(name), emulate.gcc_for(find_core("cortex-m4"))
    if compiler is None:
        needs.lack("no compiler for Cortex-M: apt install gcc-arm-none-eabi")
    needs.need_packages("unicorn", "elftools")
    program = compile_graph(read_model(path))
    code, found = measure_code(program), profile(path, "cortex-m4", compiler)
    assert code is not None
    assert code.code_bytes + program.weights_bytes == found.code_bytes + found.constant_bytes


def test_code_is_measured_where_a_compiler_is() -> None:
    program = compiled(needs.tflite_model("tflm_hello_world_sine.tflite").read_bytes())
    if shutil.which("arm-none-eabi-gcc") is None:
        needs.lack("no compiler for Cortex-M: apt install gcc-arm-none-eabi")
    code = measure_code(program)
    assert code is not None
    assert 200 < code.code_bytes < 1500
    assert f">{code.code_bytes:,}<" in page(make_report(program, code))


def test_code_is_not_measured_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    program = compiled(hostile())
    assert measure_code(program) is None
    assert "not measured" in page(make_report(program))
    assert make_report(program, CodeSize(7, "cc", ())).to_json()["code"]["code_bytes"] == 7


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "my net.tflite"
    path.write_bytes(hostile())
    return path


def test_the_verb(network: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(network.parent)
    assert cli.main(["report", str(network)]) == 0
    assert capsys.readouterr().out == "my net.tflite -> my_net_report.html: arena 128 bytes, 3 operators\n"
    assert (network.parent / "my_net_report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert cli.main(["report", str(network), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kind"], facts["format"], facts["arena_bytes"]) == ("edgenet memory report", 1, 128)
    assert facts["buffers"][0]["name"] == HOSTILE
    assert len(list(network.parent.iterdir())) == 2
    assert cli.main(["report", str(network.parent / "none.tflite")]) == 1
    assert "there is no such file" in capsys.readouterr().err


def test_export_with_a_report(network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, html = tmp_path / "c", tmp_path / "pages" / "plan.html"
    assert cli.main(["export", str(network), "--out", str(out), "--report", str(html)]) == 0
    assert f"memory plan: {html}" in capsys.readouterr().out
    assert html.is_file()
    assert cli.main(["export", str(network), "--out", str(out), "--report", str(html), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["report"]["arena_bytes"] == facts["arena_bytes"] == 128
    assert cli.main(["export", str(network), "--out", str(out), "--format", "array", "--report", str(html)]) == 1
    assert "leave out --format array" in capsys.readouterr().err


def test_a_report_in_the_project_is_no_obstacle(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "c"
    command = ["export", str(network), "--out", str(out), "--report", str(out / "plan.html")]
    assert [cli.main(command), cli.main(command)] == [0, 0]
    assert (out / "plan.html").is_file()
    (out / "mine.html").write_text("<!doctype html>\n<p>mine")
    assert cli.main(command) == 1
    assert "mine.html was not written by the export" in capsys.readouterr().err


def test_half_a_page_is_never_there(network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    html = tmp_path / "plan.html"
    old = REPORT.decode()
    html.write_text(old)

    def interrupted(path: Path, data: bytes) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.Path, "write_bytes", interrupted)
    assert cli.main(["report", str(network), "--out", str(html)]) == 130
    assert html.read_text() == old

"""Which kernels are chosen, within which budgets, and what an export says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from needs import tflite_model
from single_op import linear_specs, model
from tflite_builder import TensorSpec

from firmware_export import ExportError
from firmware_export.cli import main
from firmware_export.costs import cost_of, measured_core
from firmware_export.graph import Graph
from firmware_export.kernel_choice import Choice, alternatives, choose_kernels
from firmware_export.ops import OPS
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite
from firmware_export.targets import CORES, Target, find_core, find_target


def convolution(size: int, channels: int) -> bytes:
    shape = (1, size, size, channels)
    weights = linear_specs(
        1, (channels, 3, 3, channels), channels, axis=0, per_channel=True, bias=True, input_scale=0.05
    )
    options = {"stride_h": 1, "stride_w": 1, "activation": 1}
    output = TensorSpec(shape, scale=0.4, zero_point=-128)
    return model("CONV_2D", [TensorSpec(shape, scale=0.05, zero_point=3), *weights], [output], options)


def graph(size: int = 16, channels: int = 32) -> Graph:
    return apply_passes(read_tflite(convolution(size, channels), "m.tflite"))


def choice(optimize: str, **budget: int) -> Choice:
    return choose_kernels(graph(), find_target("cortex-m4", optimize, budget.get("flash"), budget.get("ram")))


def types(chosen: Choice) -> list[str]:
    return [op.type for op in chosen.graph.ops]


def test_each_goal_has_its_kernel() -> None:
    assert types(choice("speed")) == ["CONV_2D_WINOGRAD"]
    assert types(choice("size")) == ["CONV_2D_DSP"]
    assert types(choose_kernels(graph(), find_target("cortex-m3", "speed"))) == ["CONV_2D"]
    assert types(choose_kernels(graph(), find_target("host"))) == ["CONV_2D"]


def test_budgets_are_kept_and_what_more_would_buy_is_told() -> None:
    fast, small = choice("speed"), choice("size")
    between = (fast.flash_bytes + small.flash_bytes) // 2
    bound = choice("speed", flash=between)
    assert types(bound) == ["CONV_2D_DSP"]
    assert bound.flash_bytes <= between
    (offer,) = [offer for offer in bound.offers if offer.type == "CONV_2D_WINOGRAD"]
    assert offer.operators == (0,)
    assert offer.flash_bytes == fast.flash_bytes - bound.flash_bytes
    assert offer.saved_instructions == bound.instructions - fast.instructions > 0
    lean = choice("speed", ram=fast.plan.arena_bytes - 1)
    assert lean.plan.arena_bytes < fast.plan.arena_bytes
    assert types(lean) != types(fast)


def test_a_budget_that_cannot_be_met_says_what_can() -> None:
    with pytest.raises(ExportError, match=r"--max-flash 1,000: the least that can be reached is about [\d,]+ bytes"):
        choice("speed", flash=1000)
    with pytest.raises(ExportError, match=r"--max-ram 100: the least that can be reached is [\d,]+ bytes"):
        choice("speed", ram=100)
    least = min(choice(goal).plan.arena_bytes for goal in ("speed", "size"))
    with pytest.raises(
        ExportError, match=rf"--max-ram {10:,}: the least that can be reached is (?P<bytes>[\d,]+)"
    ) as error:
        choice("balanced", ram=10)
    assert int(str(error.value).split(" is ")[1].split()[0].replace(",", "")) <= least


def test_every_kernel_of_a_core_has_measured_costs() -> None:
    """An operator without would seem to cost nothing, and would always be taken."""
    for name in ("cortex-m4", "cortex-m3", "cortex-m0plus"):
        core = find_core(name)
        node_of = {"CONV_2D": graph(4, 2)}
        for op in node_of["CONV_2D"].ops:
            for other in alternatives(node_of["CONV_2D"], op, core):
                assert cost_of(node_of["CONV_2D"].node(other), core).instructions > 0, (name, other.type)
    from firmware_export.costs import _table

    for kind, operator in OPS.items():
        cores = ("cortex-m4",) if operator.dsp else ("cortex-m0plus", "cortex-m3", "cortex-m4")
        for core_name in cores if operator.replaces else ():
            for wanted in (kind, operator.replaces):
                assert wanted in _table()["instructions"][core_name], (core_name, wanted)
    assert {measured_core(core) for core in CORES.values()} <= set(_table()["instructions"])


def test_taken_kernels_are_taken_where_they_fit() -> None:
    target = replace(find_target("cortex-m4", "size"), take=frozenset({"CONV_2D_WINOGRAD"}))
    assert types(choose_kernels(graph(4, 2), target)) == ["CONV_2D_WINOGRAD"]
    assert isinstance(target, Target)


def test_export_says_what_was_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(convolution(16, 32))
    arguments = ["export", str(path), "--target", "cortex-m4", "--optimize", "size", "--out", str(tmp_path / "c")]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "for cortex-m4, size: about" in text
    assert "kernels: 1 conv2d_dsp_s8" in text
    assert "CONV_2D_WINOGRAD for operators 0" in text
    assert main([*arguments, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)["kernels"]
    assert facts["layers"][0]["type"] == "CONV_2D_DSP"
    assert facts["offers"][0]["saved_instructions"] > 0
    manifest = json.loads((tmp_path / "c" / "MANIFEST.json").read_text())
    assert manifest["options"]["target"] == "cortex-m4"
    assert manifest["options"]["optimize"] == "size"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--target", "cortex-m99"], "no such target. Known: host, cortex-m0"),
        (["--max-flash", "64k"], "name one with --target"),
        (["--target", "cortex-m4", "--max-ram", "50"], "the least that can be reached"),
    ],
)
def test_bad_targets_are_one_sentence(
    options: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(convolution(16, 4))
    assert main(["export", str(path), "--out", str(tmp_path / "c"), *options]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("text", ["none", "-4", "0", "12 parsecs", "k"])
def test_bad_sizes_are_usage(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(["export", "net.tflite", "--target", "cortex-m4", "--max-ram", text, "--out", str(tmp_path / "c")])
    assert error.value.code == 2
    assert "is no number of bytes" in capsys.readouterr().err


def test_proof_with_short_forms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(convolution(5, 6))
    out = str(tmp_path / "c")
    assert main(["export", str(path), "--target", "cortex-m4", "--out", out]) == 0
    capsys.readouterr()
    arguments = [
        "prove",
        str(path),
        "--project",
        out,
        "--requant",
        "--runtimes",
        "numpy,host",
        "--count",
        "8",
        "--json",
    ]
    main(arguments)
    proof = json.loads(capsys.readouterr().out)
    assert all(verdict["proved"] for verdict in proof["requantization"])
    assert sum(verdict["channels"] for verdict in proof["requantization"]) == 6
    assert sum(verdict["thresholds"] for verdict in proof["requantization"]) > 6


def test_vww_within_forty_kilobytes() -> None:
    data = tflite_model("mlperf_tiny_vww_mobilenet_v1_025.tflite").read_bytes()
    network = apply_passes(read_tflite(data, "vww.tflite"))
    chosen = choose_kernels(network, find_target("cortex-m4", "speed", max_ram=40_960))
    assert chosen.plan.arena_bytes <= 40_960
    assert np.mean([op.type.endswith("_DSP") for op in chosen.graph.ops if "CONV" in op.type]) > 0.9

"""Proofs: an untouched project is proved, one changed constant is found and its operator named."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from edits import member, table
from needs import need_packages, tflite_model

from firmware_export import runtimes
from firmware_export.batch import NotAvailableError
from firmware_export.cli import main
from firmware_export.errors import ExportError
from firmware_export.project import export_c
from firmware_export.proof import Proof, render
from firmware_export.prove import prove
from firmware_export.reader import read_tflite
from firmware_export.runtimes import Started
from firmware_export.samples import load_inputs

pytestmark = pytest.mark.slow

MNIST, DEPTHWISE, RESNET = (
    "mnist_cnn_emlearn.tflite",
    "mnist_depthwise_tinymaix.tflite",
    "mlperf_tiny_ic_resnet8.tflite",
)
ALL = ("tflm", "numpy", "host", "cortex-m4")
FAST = ("tflm", "host")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three exported projects, in folders m, d and r."""
    need_packages("tflite_micro", "ziglang", "unicorn", "elftools")
    folder = tmp_path_factory.mktemp("exported")
    for name, model in (("m", MNIST), ("d", DEPTHWISE), ("r", RESNET)):
        export_c(tflite_model(model), folder / name, name=name)
    return folder


def edit(path: Path, pattern: str, change: int) -> None:
    """Adds to the integer that the pattern's only group matches first."""
    text = path.read_text(encoding="utf-8")
    match = re.search(pattern, text, re.DOTALL)
    assert match is not None, f"{path.name} has no {pattern}"
    start, end = match.span(1)
    path.write_text(f"{text[:start]}{int(match[1]) + change}{text[end:]}", encoding="utf-8")


FLIPS = [
    ("m", MNIST, "weights", table("m_op0_weights", 4), -1, 0, "CONV_2D"),
    ("m", MNIST, "weights", table("m_op1_bias", 5), 64, 1, "CONV_2D"),
    ("m", MNIST, "weights", table("m_op2_multiplier", 2), -(1 << 24), 2, "CONV_2D"),
    ("m", MNIST, "weights", table("m_op0_shift", 3), 1, 0, "CONV_2D"),
    ("m", MNIST, "", member(3, "output_offset"), 1, 3, "MEAN"),
    ("m", MNIST, "weights", table("m_op4_bias", 9), 300, 4, "FULLY_CONNECTED"),
    ("m", MNIST, "", member(5, "multiplier"), 1 << 26, 5, "SOFTMAX"),
    ("m", MNIST, "", member(1, "activation_min"), 1, 1, "CONV_2D"),
    ("d", DEPTHWISE, "", member(1, "pad_value"), 1, 1, "DEPTHWISE_CONV_2D"),
    ("r", RESNET, "", member(3, "activation_max"), -1, 3, "ADD"),
    ("m", MNIST, "weights", table("m_op2_constant", 3), 1 << 10, 2, "CONV_2D"),
]
QUICK = 4


@pytest.mark.parametrize(
    "flip", [pytest.param(f, marks=[pytest.mark.slow] * (i >= QUICK)) for i, f in enumerate(FLIPS)]
)
def test_one_changed_constant_names_its_operator(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flip: tuple[str, str, str, str, int, int, str]
) -> None:
    monkeypatch.setattr("firmware_export.prove.EDITED_SAMPLES", 0)
    name, model, part, pattern, change, operator, kind = flip
    project = tmp_path / "project"
    shutil.copytree(exported / name, project)
    source = f"{name}_{part}.c" if part else f"{name}.c"
    edit(project / source, pattern, change)
    proof = prove(tflite_model(model), project=project, count=24, runtimes=FAST)
    assert proof.verdict == "differs"
    difference = proof.runtime("host").difference
    assert difference is not None
    assert (difference.operator, difference.type) == (operator, kind)
    assert difference.differing > 0
    assert source in proof.edited_files
    assert f"operator {operator} {kind} (output '" in proof.message


@pytest.mark.slow
@pytest.mark.parametrize(("op", "item"), [(2, 7), (4, 0), (4, 5)])
def test_the_smallest_change_of_a_bias_is_found(exported: Path, tmp_path: Path, op: int, item: int) -> None:
    """It shows in one of some hundred samples: edited projects are run on more."""
    project = tmp_path / "project"
    shutil.copytree(exported / "m", project)
    edit(project / "m_weights.c", table(f"m_op{op}_bias", item), 1)
    proof = prove(tflite_model(MNIST), project=project, count=8, runtimes=FAST)
    difference = proof.runtime("host").difference
    assert difference is not None
    assert (difference.operator, difference.max_difference) == (op, 1)


@pytest.mark.slow
def test_the_emulated_core_names_the_operator_too(exported: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(exported / "m", project)
    edit(project / "m_weights.c", table("m_op2_constant", 3), 1 << 10)
    proof = prove(tflite_model(MNIST), project=project, count=8, runtimes=ALL)
    for name in ("host", "cortex-m4"):
        difference = proof.runtime(name).difference
        assert difference is not None
        assert difference.operator == 2
    assert proof.runtime("numpy").status == "ok"


def check_proved(proof: Proof) -> None:
    assert proof.verdict == "proved", proof.message
    assert [report.status for report in proof.runtimes] == ["ok"] * 4
    assert proof.informative_share >= 0.3
    cost = proof.runtime("cortex-m4").cost
    assert cost is not None
    assert cost.instructions > 100_000
    assert cost.weights_bytes > 1000
    assert 500 < cost.code_bytes < 20_000
    assert cost.ram_bytes > 500


def test_untouched_is_proved(exported: Path) -> None:
    proof = prove(tflite_model(MNIST), project=exported / "m", count=12, cortex_count=6)
    check_proved(proof)
    assert proof.edited_files == ()
    assert [report.inputs for report in proof.runtimes] == [12, 12, 12, 6]
    assert json.loads(json.dumps(proof.to_json()))["verdict"] == "proved"
    assert "PROVED: 4 runtimes give the same bits" in render(proof)


@pytest.mark.slow
@pytest.mark.parametrize("model", [MNIST, DEPTHWISE, RESNET, "mlperf_tiny_kws_dscnn.tflite"])
def test_export_and_prove_with_goldens(model: str) -> None:
    path = tflite_model(model)
    with np.load(path.parent / "golden" / f"{path.stem}.npz") as golden:
        proof = prove(path, inputs=golden["input_0"], count=8, cortex_count=6)
    check_proved(proof)
    assert proof.given_inputs == 19


def test_what_does_not_run_is_incomplete(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(name: str, subject: runtimes.Subject) -> Started:
        raise NotAvailableError("the Python package unicorn is not installed: pip install 'edgenet[verify]'")

    def numpy_only(name: str, subject: runtimes.Subject) -> Started:
        return start(name, subject) if name == "cortex-m4" else original(name, subject)

    original = runtimes._start
    monkeypatch.setattr(runtimes, "_start", numpy_only)
    proof = prove(tflite_model(MNIST), project=exported / "m", count=8, runtimes=("tflm", "numpy", "cortex-m4"))
    assert proof.verdict == "incomplete"
    assert proof.runtime("cortex-m4").status == "not run"
    assert proof.runtime("numpy").status == "ok"
    assert "cortex-m4 did not run: the Python package unicorn is not installed: pip install" in proof.message


def test_without_tflm_nothing_is_proved() -> None:
    proof = prove(tflite_model(MNIST), count=8, runtimes=("numpy",))
    assert proof.verdict == "incomplete"
    assert proof.oracle == "numpy"


def test_saturated_outputs_are_not_informative(tmp_path: Path) -> None:
    """A model whose last layer ignores its inputs: all-zero weights make its outputs constant."""
    data = bytearray(tflite_model(MNIST).read_bytes())
    graph = read_tflite(bytes(data), "mnist")
    for weights in (graph.tensors[graph.ops[op].inputs[1]].data for op in (0, 1, 2, 4)):
        assert weights is not None
        at = data.find(weights.tobytes())
        assert at >= 0
        data[at : at + weights.nbytes] = bytes(weights.nbytes)
    constant = tmp_path / "constant.tflite"
    constant.write_bytes(data)
    proof = prove(constant, count=12, runtimes=("tflm", "numpy"))
    assert proof.verdict == "not informative"
    assert proof.informative_share == 0.0
    assert "the same for every input" in proof.message


def test_given_inputs_of_a_wrong_shape_are_an_error() -> None:
    with pytest.raises(ExportError, match=r"input '.*' is int8 \(N, 1, 28, 28, 1\), got int8 \(3, 28, 28\)"):
        prove(tflite_model(MNIST), inputs=np.zeros((3, 28, 28), np.int8), runtimes=("numpy",))


def test_no_samples_at_all_are_an_error(tmp_path: Path) -> None:
    model = tflite_model(MNIST)
    np.save(tmp_path / "none.npy", np.zeros((0, 28, 28, 1), np.int8))
    for given in (np.zeros((0, 28, 28, 1), np.int8), *load_inputs(tmp_path / "none.npy", 1)):
        with pytest.raises(ExportError, match="the inputs that were given hold no samples"):
            prove(model, inputs=given, runtimes=("numpy",))


def test_more_samples_than_memory_holds_are_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    model = tflite_model(MNIST)
    with pytest.raises(ExportError, match=r"1,000,000 samples of 784 bytes are too many; ask for 684,784 at most"):
        prove(model, count=1_000_000, runtimes=("numpy",))
    for option in ("--count", "--cortex-count"):
        for number in ("1000001", "99999999999", "0"):
            with pytest.raises(SystemExit):
                command(str(model), option, number)
            assert f"{number} is not a number of samples from 1 to 1,000,000" in capsys.readouterr().err


def test_another_models_project_is_noted(exported: Path) -> None:
    proof = prove(tflite_model(DEPTHWISE), project=exported / "m", count=6, runtimes=FAST)
    assert proof.verdict == "differs"
    assert proof.notes[0].startswith("the project was exported from another model")


def test_code_that_leaves_its_memory_differs(exported: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(exported / "m", project)
    source = (project / "m.c").read_text(encoding="utf-8")
    (project / "m.c").write_text(source.rstrip().removesuffix("}") + "    output[4096] = 1;\n}\n", encoding="utf-8")
    proof = prove(tflite_model(MNIST), project=project, count=4, runtimes=("tflm", "cortex-m4"))
    assert proof.verdict == "differs"
    assert "outside what the output allows, in m_run" in proof.message


@pytest.mark.parametrize("name", ["domain", "my_selftest", "main", "features"])
def test_any_name_of_a_model_is_proved(tmp_path: Path, name: str) -> None:
    need_packages("tflite_micro", "ziglang", "unicorn", "elftools")
    model = tmp_path / f"{name}.tflite"
    shutil.copy(tflite_model(MNIST), model)
    proof = prove(model, count=6, cortex_count=4, runtimes=("tflm", "host", "cortex-m4"))
    assert proof.proved, proof.message


def test_unknown_runtime() -> None:
    with pytest.raises(
        ExportError, match=r"cortex-m9: no such runtime. Known: tflm, tflite-2.14, numpy, host, cortex-m0"
    ):
        prove(Path("x.tflite"), runtimes=("cortex-m9",))


def command(*words: str) -> int:
    return main(["prove", *words])


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need_packages("tflite_micro")
    model, inputs = str(tflite_model(MNIST)), tmp_path / "x.npz"
    np.savez(inputs, images=np.zeros((2, 28, 28, 1), np.int8))
    words = (model, "--runtimes", "tflm,numpy", "--count", "10", "--seed", "3")
    assert command(*words, "--inputs", str(inputs), "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["given_inputs"] == 2
    assert "12 of 12 inputs" in printed.err
    assert command(*words) == 0
    assert capsys.readouterr().out.strip().endswith("PROVED: 2 runtimes give the same bits: tflm, numpy.")


def test_command_line_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(str(tmp_path / "none.tflite")) == 1
    assert "none.tflite: can't be read" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        command("x.tflite", "--runtimes", "gpu")
    assert "gpu: no such runtime" in capsys.readouterr().err
    bad = tmp_path / "bad.npy"
    bad.write_bytes(b"not numpy")
    assert command(str(tflite_model(MNIST)), "--inputs", str(bad), "--runtimes", "numpy") == 1
    assert "bad.npy: can't be read as .npy or .npz" in capsys.readouterr().err
    with pytest.raises(ExportError):
        command(str(tmp_path / "none.tflite"), "--debug")


def test_a_harmless_edit_is_proved_and_said(exported: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(exported / "m", project)
    (project / "m.c").write_text((project / "m.c").read_text(encoding="utf-8") + "/* mine */\n", encoding="utf-8")
    proof = prove(tflite_model(MNIST), project=project, count=6, runtimes=FAST)
    assert proof.proved
    assert proof.message.endswith("tflm, host; but the project is not what was exported (m.c edited).")
    shown = render(proof)
    assert "edited since it was exported: m.c" in shown
    assert "note: the C was edited since its export: equal bits on these inputs say little of others" in shown


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"nodir: no such folder"):
        prove(tflite_model(MNIST), project=tmp_path / "nodir", runtimes=("numpy",))


def test_a_project_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"expected one header NAME\.h that declares NAME_run; none does"):
        prove(tflite_model(MNIST), project=tmp_path, runtimes=("numpy", "host"))


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, firmware_export.prove, firmware_export.array; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"tflite_micro", "unicorn", "elftools", "ziglang"} & set(loaded)

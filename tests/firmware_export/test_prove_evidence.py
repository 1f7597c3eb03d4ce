"""A proof needs evidence: operators compared, enough samples that tell something, and no state between runs."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
from needs import need_packages
from test_prove_flips import block

from firmware_export.cproject import edited_files
from firmware_export.errors import ExportError
from firmware_export.project import export_c
from firmware_export.proof import Proof
from firmware_export.prove import add_prove_arguments, prove, run_prove
from firmware_export.samples import spread

pytestmark = pytest.mark.slow

FAST = ("tflm", "host")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """block.tflite and block/, its C."""
    need_packages("tflite_micro", "ziglang", "unicorn", "elftools")
    folder = tmp_path_factory.mktemp("evidence")
    (folder / "block.tflite").write_bytes(block())
    export_c(folder / "block.tflite", folder / "block", name="block")
    return folder


def replaced(exported: Path, folder: Path, old: str, new: str) -> Path:
    """The project with every `old` in block.c replaced, and no more samples for that."""
    project = folder / "block"
    shutil.copytree(exported / "block", project)
    source = (project / "block.c").read_text(encoding="utf-8")
    assert old in source
    (project / "block.c").write_text(source.replace(old, new), encoding="utf-8")
    return project


def prove_block(exported: Path, project: Path, runtimes: tuple[str, ...] = FAST, count: int = 8) -> Proof:
    return prove(exported / "block.tflite", project=project, count=count, runtimes=runtimes)


@pytest.mark.parametrize("runtime", ["host", pytest.param("cortex-m4", marks=pytest.mark.slow)])
def test_without_taps_nothing_is_proved(exported: Path, tmp_path: Path, runtime: str) -> None:
    project = replaced(exported, tmp_path, "block_tap((op), (data), (bytes))", "((void)0)")
    proof = prove_block(exported, project, ("tflm", runtime))
    assert proof.runtime(runtime).status == "ok"
    assert proof.verdict == "incomplete"
    assert f"{runtime}: operators not compared: the project calls no tap" in proof.message


def test_an_operator_without_its_tap_is_named(exported: Path, tmp_path: Path) -> None:
    proof = prove_block(exported, replaced(exported, tmp_path, "    TAP(1, ", "    if (0) TAP(1, "))
    assert proof.verdict == "incomplete"
    assert "operators not compared, for the project does not tap them: 1" in proof.message


def test_state_between_runs_is_found(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_export.prove.EDITED_SAMPLES", 0)
    project = replaced(exported, tmp_path, "void block_run(", "static int runs;\nvoid block_run(")
    source = (project / "block.c").read_text(encoding="utf-8").rstrip().removesuffix("}")
    (project / "block.c").write_text(f"{source}    if (++runs == 65) {{ output[0] ^= 1; }}\n}}\n", encoding="utf-8")
    assert prove_block(exported, project, count=64).verdict == "differs"
    assert prove_block(exported, project, count=100).verdict == "differs"


def test_one_sample_on_a_core_proves_nothing(exported: Path) -> None:
    proof = prove(exported / "block.tflite", project=exported / "block", count=12, cortex_count=1,
                  runtimes=("tflm", "cortex-m4"))  # fmt: skip
    assert proof.verdict == "incomplete"
    assert "cortex-m4: ran only 1 of 12 samples" in proof.message


def test_a_core_prefers_samples_that_tell_something() -> None:
    assert spread(64, None).tolist() == list(range(64))
    assert min(spread(64, 1)) >= 3
    for total, limit, given in [(64, 32, 0), (64, 4, 0), (12, 6, 0), (5, 4, 0), (40, 39, 20), (1000, 32, 900)]:
        taken = spread(total, limit, given)
        assert len(taken) == len(set(taken.tolist())) == limit
        assert set(taken.tolist()) <= set(range(total))
    assert sum(number % 2 == 0 for number in spread(64, 32).tolist() if number >= 3) > 16


def test_labels_that_do_not_fit_do_not_stop_a_proof(exported: Path, tmp_path: Path) -> None:
    shutil.copy(exported / "block.tflite", tmp_path)
    (tmp_path / "labels.txt").write_text("one\n", encoding="utf-8")
    assert prove(tmp_path / "block.tflite", count=6, runtimes=FAST).proved


def test_what_counts_as_edited(exported: Path, tmp_path: Path) -> None:
    project = tmp_path / "block"
    shutil.copytree(exported / "block", project)
    assert edited_files(project) == ()
    (project / "extra.c").write_text("int extra;\n", encoding="utf-8")
    assert edited_files(project) == ("extra.c",)
    (project / "MANIFEST.json").unlink()
    assert edited_files(project) == ("MANIFEST.json",)


def test_wrong_arguments_end_in_a_sentence(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    add_prove_arguments(parser)
    model = str(exported / "block.tflite")
    with pytest.raises(SystemExit) as ended:
        parser.parse_args([model, "--seed", "-1"])
    assert ended.value.code == 2
    assert "-1 is negative" in capsys.readouterr().err
    broken = tmp_path / "x.npz"
    np.savez(broken, x=np.zeros((2, 8, 8, 4), np.int8))
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(ExportError, match=r"x\.npz: can't be read as \.npy or \.npz"):
        run_prove(parser.parse_args([model, "--inputs", str(broken), "--runtimes", "numpy"]))

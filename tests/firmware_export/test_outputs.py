"""Files that options name to be written: never what is read, never another file of the user's; said before the work."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import cli, prove
from firmware_export.certificate import JSON, PAGE
from firmware_export.errors import ExportError
from firmware_export.files import Output, check_outputs
from firmware_export.project import REPORT

COMMANDS = {
    "report": (["report", "M", "--out", "OUT"], REPORT),
    "export": (["export", "M", "--out", "c", "--report", "OUT"], REPORT),
    "certificate": (["prove", "M", "--inputs", "x.npy", "--certificate", "OUT"], JSON),
    "html": (["prove", "M", "--inputs", "x.npy", "--html", "OUT"], PAGE),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a network M and samples x.npy; no proof runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "M").write_bytes(build([TensorSpec((1, 4))] * 2, [OpSpec("RELU", (0,), (1,), {})], [0], [1]))
    np.save("x.npy", np.zeros((2, 1, 4), np.int8))
    os.link("M", "hard")
    os.symlink("M", "soft")
    monkeypatch.setattr(prove, "_prove", lambda args: pytest.fail("the proof ran"))
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def run(words: list[str], out: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """(exit code, what was said on stderr) of a command that writes to `out`."""
    code = cli.main([out if word == "OUT" else word for word in words])
    return code, capsys.readouterr().err


@pytest.mark.parametrize("verb", COMMANDS)
def test_what_is_read_is_never_written(verb: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, before = COMMANDS[verb][0], contents(folder)
    for out in ("M", "hard", "soft", str(folder / "M"), "../" + folder.name + "/M", "x.npy"):
        code, said = run(words, out, capsys)
        assert code == 1
        assert said.count("\n") == 1
        assert "is read, and --" in said or (out == "x.npy" and "not an earlier output" in said)
    assert contents(folder) == before


@pytest.mark.parametrize("verb", COMMANDS)
def test_other_files_are_never_replaced(verb: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, mark = COMMANDS[verb]
    (folder / "mine").write_text("<!doctype html>\n<p>mine")
    (folder / "other kind").write_bytes(PAGE if mark != PAGE else REPORT)
    (folder / "late").write_bytes(b" " * 1000 + mark)
    (folder / "d").mkdir()
    before = contents(folder)
    for out in ("mine", "other kind", "late", "d"):
        code, said = run(words, out, capsys)
        assert (code, said.count("\n")) == (1, 1)
        assert ("is a folder" if out == "d" else "is not an earlier output of --") in said
    assert contents(folder) == before


@pytest.mark.parametrize("verb", COMMANDS)
def test_what_cant_be_written_is_said_before_the_work(
    verb: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(folder)
    for out in ("M/below", "x" * 254, "y" * 300, "/dev/null"):
        code, said = run(COMMANDS[verb][0], out, capsys)
        assert (code, said.count("\n")) == (1, 1)
        assert ("is no ordinary file" if out == "/dev/null" else "can't be written") in said
    assert contents(folder) == before


@pytest.mark.parametrize("mark", [REPORT, JSON, PAGE])
def test_earlier_outputs_and_empty_files_are_replaced(mark: bytes, folder: Path) -> None:
    (folder / "earlier").write_bytes(b"<head>" + mark + b"and the rest")
    (folder / "empty").touch()
    for name in ("earlier", "empty", "new", "new folder/new"):
        check_outputs([Output("--out", folder / name, mark)], [folder / "M", None])
    assert not (folder / "new folder").exists()


def test_two_outputs_are_two_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(["prove", "M", "--certificate", "OUT", "--html", "OUT"], "p", capsys)
    assert (code, "is --certificate and --html" in said) == (1, True)


@pytest.mark.parametrize("report", ["c", "c/M.c", "c/Makefile"])
def test_a_report_takes_the_place_of_no_file_of_the_project(
    report: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "the place of the C project" in run(["export", "M", "--out", "c", "--report", "OUT"], report, capsys)[1]
    assert "the place of the C project" in run(["export", "M", "--out", "c/d", "--report", "OUT"], "c", capsys)[1]
    assert not (folder / "c").exists()


def test_the_model_is_not_replaced_with_its_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`selftest` is what `make` builds in a project."""
    assert cli.main(["export", "M", "--out", "c"]) == 0
    (folder / "c" / "selftest").write_bytes((folder / "M").read_bytes())
    before = contents(folder)
    assert cli.main(["export", "c/selftest", "--out", "c", "--name", "m"]) == 1
    assert "holds the model, and would be replaced" in capsys.readouterr().err
    assert contents(folder) == before


def test_certificates_bear_their_marks() -> None:
    from importlib.resources import files

    assert PAGE in (files("firmware_export") / "pages" / "certificate.html").read_bytes()[:1000]
    assert REPORT in (files("firmware_export") / "pages" / "report.html").read_bytes()[:1000]


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", os.fsdecode(b"a\xffb")])
def test_a_name_that_does_not_print_stays_in_one_line(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = folder / f"{name}.tflite"
    model.write_bytes((folder / "M").read_bytes())
    assert cli.main(["export", str(model), "--out", name, "--report", f"{name}.html"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)
    (folder / "cut").mkdir()
    for path in ((folder / "cut" / model.name), folder / name / "none.tflite"):
        if path.parent.name == "cut":
            path.write_bytes(b"xx")
        assert cli.main(["export", str(path), "--out", "d"]) == 1
        said = capsys.readouterr().err.removesuffix("\n")
        assert said.isprintable(), said


def test_one_output_that_was_read_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(ExportError, match=r"hard: is read, and --html would replace it"):
        check_outputs([Output("--html", folder / "hard", PAGE)], [folder / "M"])

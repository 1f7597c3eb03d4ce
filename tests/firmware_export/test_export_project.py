from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from single_op import linear_specs, model, random_int8
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import ExportError, array, cli, cwriter, export_c, files


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A FULLY_CONNECTED of 4 to 3 with a nasty name."""
    linear = linear_specs(1, (3, 4), 3, axis=0, per_channel=True, bias=True, input_scale=0.5)
    output = TensorSpec((1, 3), name='out */ ??/ \\ "ü\n')
    path = tmp_path / "My net-2.tflite"
    path.write_bytes(model("FULLY_CONNECTED", [TensorSpec((1, 4)), *linear], [output]))
    return path


def compile_and_run(folder: Path, compiler: str) -> str:
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    sources = [str(p) for p in folder.glob("*.c")]
    subprocess.run([compiler, *flags, *sources, "-o", str(folder.parent / "selftest")], check=True)
    return subprocess.run([str(folder.parent / "selftest")], capture_output=True, text=True, check=False).stdout


def test_files_and_manifest(network: Path, tmp_path: Path, compiler: str) -> None:
    summary = export_c(network, tmp_path / "c", labels=["a", 'b"\\', "ü?"])
    names = {p.name for p in (tmp_path / "c").iterdir()}
    assert summary.name == "my_net_2"
    generated = {f"my_net_2{end}" for end in (".h", ".c", ".py", "_weights.h", "_weights.c", "_selftest.c")}
    others = {"edgenet_nn.h", "fully_connected_small_s8.c", "Makefile", "README.md", "labels.txt", "MANIFEST.json"}
    assert names == generated | others
    manifest = json.loads((tmp_path / "c" / "MANIFEST.json").read_text())
    for name in names - {"MANIFEST.json"}:
        assert manifest["files"][name] == hashlib.sha256((tmp_path / "c" / name).read_bytes()).hexdigest()
    assert manifest["model"]["sha256"] == hashlib.sha256(network.read_bytes()).hexdigest()
    assert manifest["operators"][0]["macs"] == 12
    assert (summary.arena_bytes, summary.weights_bytes, summary.macs) == (0, 12 + 3 * (4 + 4 + 4 + 1), 12)
    assert summary.inputs[0].scale == 0.5
    assert compile_and_run(tmp_path / "c", compiler) == "my_net_2: 8 of 8 golden vectors bit-exact\n"


def test_a_flipped_weight_is_noticed(network: Path, tmp_path: Path, compiler: str) -> None:
    export_c(network, tmp_path / "c", name="net")
    path = tmp_path / "c" / "net_weights.c"
    first = str(int(random_int8(1, (3, 4))[0, 0]))
    text = path.read_text()
    assert f"= {{\n    {first}," in text
    path.write_text(text.replace(f"= {{\n    {first},", f"= {{\n    {int(first) ^ 64},", 1))
    assert "8 of 8" not in compile_and_run(tmp_path / "c", compiler)


def test_labels_beside_the_model(network: Path, tmp_path: Path) -> None:
    (network.parent / "labels.txt").write_text("zero\none\ntwo\n")
    export_c(network, tmp_path / "c", name="net")
    assert '"zero",\n    "one",\n    "two",' in (tmp_path / "c" / "net_weights.c").read_text()
    (network.parent / "labels.txt").write_text("zero\n")
    with pytest.raises(ExportError, match="1 labels for 3 output values"):
        export_c(network, tmp_path / "c", name="net")


def test_samples_come_first(network: Path, tmp_path: Path) -> None:
    export_c(network, tmp_path / "c", name="net", samples=[np.full((9, 4), 77, np.int8)])
    assert (tmp_path / "c" / "net_selftest.c").read_text().count("77, 77, 77, 77") == 5
    with pytest.raises(ExportError, match="got int8"):
        export_c(network, tmp_path / "c", name="net", samples=[np.zeros((9, 5), np.int8)])


def test_only_earlier_exports_are_replaced(network: Path, tmp_path: Path) -> None:
    out = tmp_path / "c"
    export_c(network, out, name="network")
    (out / "selftest").write_text("built")
    export_c(network, out, name="network")
    assert not (out / "selftest").exists()
    for name in ("main.c", "network.h"):
        (out / name).write_text("int mine;")
        with pytest.raises(ExportError, match=rf"{name} was (not written by|edited since)"):
            export_c(network, out, name="network")
        assert (out / name).read_text() == "int mine;"
        (out / name).unlink()
    for manifest in ("{}", "[]", "no json", '{"format": 1, "tool": "other 1.0", "files": {}}'):
        foreign = tmp_path / "foreign"
        foreign.mkdir(exist_ok=True)
        (foreign / "MANIFEST.json").write_text(manifest)
        with pytest.raises(ExportError, match="not an earlier export"):
            export_c(network, foreign)
        assert (foreign / "MANIFEST.json").read_text() == manifest
    with pytest.raises(ExportError, match="is the folder you are in"):
        export_c(network, Path.cwd())
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("precious")
    with pytest.raises(ExportError, match="holds files that are not an earlier export"):
        export_c(network, mine)
    with pytest.raises(ExportError, match="is a file"):
        export_c(network, network)
    assert (mine / "thesis.tex").read_text() == "precious"


def test_interrupted_writing_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "c"
    files.replace_folder(out, {"a": b"old"})

    def interrupted(path: Path, data: bytes) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            files.replace_folder(out, {"a": b"new", "b": b"new"})
        with pytest.raises(KeyboardInterrupt):
            files.write_file(out / "a", b"new")
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", lambda a, b, real=os.rename: interrupted(a, b"") if "tmp" in str(a) else real(a, b))
        with pytest.raises(KeyboardInterrupt):
            files.replace_folder(out, {"a": b"new"})
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {"a": b"old"}
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def test_unwritable_folder_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(ExportError, match=r"c: can't be written \(permission denied\); choose a folder"):
        files.replace_folder(tmp_path / "c", {"a": b""})


@pytest.mark.parametrize("name", ["1st", "int", "a-b", "edgenet_x", "ä", ""])
def test_names_that_are_no_identifiers(name: str, network: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="is not a free C identifier"):
        export_c(network, tmp_path / "c", name=name)


@pytest.mark.parametrize(
    "name",
    ["Makefile", "makefile", "README", "selftest", "os", "ctypes", "numpy", "NumPy", "string", "stdint", "copy", "None",
     "fully_connected_s8", "softmax_s8", "Slice", "lambda"],
)  # fmt: skip
def test_names_that_would_break_the_project(name: str, network: Path, tmp_path: Path, compiler: str) -> None:
    with pytest.raises(ExportError, match=rf"--name {name}: a file of the project, .*; choose another, model_{name}"):
        export_c(network, tmp_path / "c", name=name)
    with pytest.raises(ExportError, match="choose another"):
        array.export_array(network, tmp_path / "c", name=name)
    assert not (tmp_path / "c").exists()
    path = network.rename(tmp_path / f"{name}.tflite")
    assert export_c(path, tmp_path / "c").name == f"model_{name.lower()}"
    built = subprocess.run(["make", "-s", f"CC={compiler}", "test"], cwd=tmp_path / "c", capture_output=True, text=True)
    assert "8 of 8 golden vectors bit-exact" in built.stdout, built.stderr


def test_the_loader_imports_nothing_that_a_name_hides() -> None:
    from firmware_export import project

    loader = (Path(project.__file__).parent / "c" / "skeletons" / "model.py").read_text()
    imported = re.findall(r"^(?:import|from) (\w+)", loader, re.MULTILINE)
    assert "ctypes" in imported
    assert all(project.is_taken(name) for name in imported)


def test_two_inputs_and_shared_outputs(tmp_path: Path, compiler: str) -> None:
    """Output 0 is computed, output 1 an alias of it, output 2 an input."""
    tensors = [TensorSpec((1, 4)), TensorSpec((1, 4)), TensorSpec((1, 4), scale=1.0), TensorSpec((4, 1), scale=1.0)]
    ops = [OpSpec("ADD", (0, 1), (2,), {}), OpSpec("RESHAPE", (2,), (3,), {})]
    path = tmp_path / "two.tflite"
    path.write_bytes(build(tensors, ops, [0, 1], [2, 3, 0]))
    export_c(path, tmp_path / "c")
    header = (tmp_path / "c" / "two.h").read_text()
    arguments = "const int8_t *input_0, const int8_t *input_1, int8_t *output_0, int8_t *output_1, int8_t *output_2"
    assert f"void two_run({arguments});" in header
    assert "#define TWO_OUTPUT_2_SIZE 4" in header
    assert compile_and_run(tmp_path / "c", compiler) == "two: 8 of 8 golden vectors bit-exact\n"


def test_c_literals() -> None:
    assert cwriter.float_literal(0.1) == "0.100000001f"
    assert cwriter.float_literal(2.0) == "2.0f"
    assert np.float32(cwriter.float_literal(1e-8)[:-1]) == np.float32(1e-8)
    assert cwriter.string_literal('a"ü?') == '"a\\042\\303\\274\\077"'
    assert cwriter.comment_text("*/ /* ??/ \\ ü\n") == "* / / * ? ?/ / ??".replace("??", "? ?")
    assert cwriter.initializer((1, -(2**31))) == "{1, INT32_MIN}"


def test_command_line(network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "c")
    assert cli.main(["export", str(network), "--out", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "my_net_2"
    assert cli.main(["export", str(network), "--out", out, "--name", "net"]) == 0
    assert "net_run, 1 operators" in capsys.readouterr().out
    assert cli.main(["export", str(tmp_path / "missing.tflite")]) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'missing.tflite'}: there is no such file.\n"
    with pytest.raises(ExportError):
        cli.main(["export", str(tmp_path / "missing.tflite"), "--debug"])
    with pytest.raises(SystemExit) as usage:
        cli.main(["export"])
    assert usage.value.code == 2


def test_command_line_writes_beside_you(network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", str(network)]) == 0
    assert (tmp_path / "my_net_2_c" / "my_net_2.c").is_file()

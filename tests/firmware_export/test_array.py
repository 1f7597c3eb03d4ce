"""The export for TFLite Micro users: the same bytes in C, the resolver, the arena."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from needs import need_packages, tflite_model

from firmware_export import array
from firmware_export.array import export_array
from firmware_export.batch import NotAvailableError
from firmware_export.cli import main
from firmware_export.errors import ExportError
from firmware_export.operator_list import list_operators, resolver_call
from firmware_export.toolchain import find_host_compiler

MNIST = "mnist_cnn_emlearn.tflite"


@pytest.fixture
def fixed_arena(monkeypatch: pytest.MonkeyPatch) -> None:
    """An arena without measuring it, for tests of something else."""
    monkeypatch.setattr(array, "tflm_version", lambda: "1")
    monkeypatch.setattr(array, "measure_arena", lambda data, name: 4544)


def test_array_holds_the_file(tmp_path: Path) -> None:
    need_packages("tflite_micro")
    model = tflite_model(MNIST)
    summary = export_array(model, tmp_path, name="digits")
    assert [path.name for path in summary.files] == ["digits_model.cc", "digits_model.h", "digits_resolver.h"]
    text = (tmp_path / "digits_model.cc").read_text(encoding="ascii")
    assert bytes(int(v, 16) for v in re.findall(r"0x([0-9a-f]{2}),", text)) == model.read_bytes()
    assert "alignas(16) const unsigned char digits_model[]" in text
    assert "const unsigned int digits_model_len = 7976;" in text
    assert summary.arena_bytes == 4544
    header = (tmp_path / "digits_model.h").read_text(encoding="ascii")
    assert "#define DIGITS_MODEL_ARENA_BYTES 4544" in header
    assert "64-bit machine: an upper bound for 32-bit chips" in header
    assert "This file is yours" in header


@pytest.mark.usefixtures("fixed_arena")
def test_resolver_lists_what_is_used(tmp_path: Path) -> None:
    summary = export_array(tflite_model(MNIST), tmp_path, name="digits")
    assert summary.operators == ("CONV_2D", "FULLY_CONNECTED", "MEAN", "SOFTMAX")
    text = (tmp_path / "digits_resolver.h").read_text(encoding="ascii")
    assert "#define DIGITS_OPERATORS 4" in text
    assert re.findall(r"resolver\.(\w+)\(\)", text) == ["AddConv2D", "AddFullyConnected", "AddMean", "AddSoftmax"]


@pytest.mark.usefixtures("fixed_arena")
def test_same_bytes_twice(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        export_array(tflite_model(MNIST), tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_without_tflm_the_arena_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise NotAvailableError("the Python package tflite-micro is not installed")

    monkeypatch.setattr(array, "tflm_version", missing)
    summary = export_array(tflite_model(MNIST), tmp_path, name="digits")
    assert summary.arena_bytes is None
    header = (tmp_path / "digits_model.h").read_text(encoding="ascii")
    assert "not measured: the Python package tflite-micro is not installed" in header
    assert "ARENA_BYTES" not in header


@pytest.mark.usefixtures("fixed_arena")
def test_it_compiles_as_cpp_where_a_compiler_is(tmp_path: Path) -> None:
    compiler = find_host_compiler()
    export_array(tflite_model(MNIST), tmp_path, name="digits")
    flags = ["-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    done = subprocess.run(
        [*compiler.command, *flags, str(tmp_path / "digits_model.cc")], capture_output=True, text=True
    )
    if "cc1plus" in done.stderr:
        pytest.skip("gcc without C++")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("operator", "method"),
    [
        ("DEPTHWISE_CONV_2D", "AddDepthwiseConv2D"),
        ("RELU6", "AddRelu6"),
        ("PADV2", "AddPadV2"),
        ("BATCH_TO_SPACE_ND", "AddBatchToSpaceNd"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
        ("CUSTOM:ethos-u", "AddEthosU"),
        ("CUSTOM:mine", None),
        ("TOPK_V2", None),
    ],
)
def test_resolver_methods(operator: str, method: str | None) -> None:
    assert resolver_call(operator) == method


def test_an_operator_that_tflm_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array, "list_operators", lambda data, name: ["TOPK_V2"])
    with pytest.raises(ExportError, match="TFLite Micro has no operator TOPK_V2"):
        export_array(tflite_model(MNIST), tmp_path)


@pytest.mark.usefixtures("fixed_arena")
def test_a_custom_operator_is_left_to_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array, "list_operators", lambda data, name: ["CUSTOM:my op"])
    export_array(tflite_model(MNIST), tmp_path, name="digits")
    text = (tmp_path / "digits_resolver.h").read_text(encoding="ascii")
    assert 'resolver.AddCustom("my op", Register_my_op())' in text


def refusing(data: bytes, name: str) -> int:
    raise NotAvailableError(f"TFLite Micro refuses {name}: Hybrid models are not supported.")


@pytest.mark.usefixtures("fixed_arena")
def test_what_tflm_refuses_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array, "measure_arena", refusing)
    with pytest.raises(ExportError, match=r"refuses mnist.*Hybrid models are not supported; an array of it"):
        export_array(tflite_model(MNIST), tmp_path / "out", name="digits")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(array, "list_operators", lambda data, name: ["CUSTOM:mine"])
    summary = export_array(tflite_model(MNIST), tmp_path / "out", name="digits")
    assert summary.arena_note == "not measured: the operator mine is the user's own"


@pytest.mark.usefixtures("fixed_arena")
@pytest.mark.parametrize("file", ["digits_model.cc", "digits_model.h", "digits_resolver.h"])
def test_only_an_earlier_export_is_replaced(tmp_path: Path, file: str) -> None:
    (tmp_path / "main.cc").write_text("the user's own")
    export_array(tflite_model(MNIST), tmp_path, name="digits")
    before = (tmp_path / file).read_bytes()
    export_array(tflite_model(MNIST), tmp_path, name="digits")
    assert (tmp_path / file).read_bytes() == before
    for text in (before + b"// mine\n", b"mine\n", b""):
        (tmp_path / file).write_bytes(text)
        with pytest.raises(ExportError, match=rf"{file}: was edited since"):
            export_array(tflite_model(MNIST), tmp_path, name="digits")
        assert (tmp_path / file).read_bytes() == text


@pytest.mark.usefixtures("fixed_arena")
def test_the_arena_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tflite_model(MNIST)), "--format", "array", "--out", str(tmp_path)]) == 0
    assert "arena 4,544 bytes, measured by TFLite Micro's interpreter on a 64-bit" in capsys.readouterr().out


def test_damaged_files_are_errors(tmp_path: Path) -> None:
    data = tflite_model(MNIST).read_bytes()
    with pytest.raises(ExportError, match=r"this is not a \.tflite file"):
        list_operators(b"hello", "x")
    for cut in (8, 40, 400, 2000):
        with pytest.raises(ExportError, match="damaged or cut short"):
            list_operators(data[:cut], "x")
    with pytest.raises(ExportError, match=r"none.tflite: can't be read"):
        export_array(tmp_path / "none.tflite", tmp_path)

"""Finding compilers, and the errors of compiling."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from firmware_export import toolchain
from firmware_export.errors import ExportError
from firmware_export.toolchain import compile_objects, find_host_compiler, find_zig


def fake_compiler(folder: Path, name: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{name} 1.2.3'\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_cc_comes_first(tmp_path: Path) -> None:
    chosen = fake_compiler(tmp_path, "mycc")
    fake_compiler(tmp_path, "gcc")
    compiler = find_host_compiler({"PATH": f"{tmp_path}:/bin:/usr/bin", "CC": f"{chosen} -m64"})
    assert compiler.command == (str(chosen), "-m64")
    assert compiler.version == "mycc 1.2.3"


def test_gcc_before_clang_before_cc(tmp_path: Path) -> None:
    names = ["gcc", "clang", "cc"]
    for name in names:
        fake_compiler(tmp_path, name)
    for name in names:
        assert find_host_compiler({"PATH": str(tmp_path)}).name == name
        (tmp_path / name).unlink()


def test_zig_is_the_last_resort(tmp_path: Path) -> None:
    if find_zig() is None:
        pytest.skip("ziglang is not installed")
    assert find_host_compiler({"PATH": str(tmp_path), "HOME": str(tmp_path)}).name == "zig cc"


def test_wrong_cc_is_an_error() -> None:
    with pytest.raises(ExportError, match="CC=/nowhere/cc: this compiler does not run"):
        find_host_compiler({"PATH": os.environ["PATH"], "CC": "/nowhere/cc"})


def test_no_compiler_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_zig", lambda environment: None)
    with pytest.raises(ExportError, match=r"no C compiler found: looked for .*install gcc, or pip install"):
        find_host_compiler({"PATH": str(tmp_path)})


def test_zig_cache_without_a_home(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    folder = toolchain._zig_cache({"HOME": str(blocked)})
    assert folder.is_dir()
    assert os.access(folder, os.W_OK)


def test_compile_error_names_the_file_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.c").write_text("int f(void) { return missing; }\n", encoding="utf-8")
    with pytest.raises(ExportError, match=r"compiling broken.c failed(.|\n)*missing"):
        compile_objects(find_host_compiler(), [tmp_path / "broken.c"], tmp_path / "build", ["-std=c99"])

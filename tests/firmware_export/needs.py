"""What a test needs that may be missing: skipped with a reason on a laptop, an error where CI is set."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

DATA = Path(os.environ.get("EDGENET_DATA", Path(__file__).parents[3] / "shared" / "data"))


def need_packages(*modules: str) -> None:
    """Skips the test unless all Python packages are there."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        lack(f"{', '.join(missing)} not installed: pip install 'edgenet[verify]'")


def tflite_model(name: str) -> Path:
    """A model of the data folder; the test is left out, and says so, where that folder is not there."""
    path = DATA / "tflite" / name
    if not path.is_file():
        pytest.skip(f"{name} is not here: set EDGENET_DATA to the folder that holds tflite/")
    return path


def compile_as_cxx(source: Path, headers: Path) -> None:
    """Generated C is C++17 too: no initializers by name, no conversions that only C makes."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        lack("no C++ compiler: apt install g++")
    flags = ["-x", "c++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-fsyntax-only"]
    subprocess.run([str(compiler), *flags, f"-I{headers}", str(source)], check=True)


def lack(what: str) -> None:
    """Skips the test, or fails it in CI."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)

"""cppcheck finds nothing in exported projects, nor in any kernel."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from needs import lack
from random_network import random_network

from firmware_export import emit
from firmware_export.project import export_c

KERNELS = Path(emit.__file__).parent / "c" / "kernels"
OPTIONS = ["--std=c99", "--enable=warning,style,performance,portability", "--error-exitcode=1", "--quiet"]


def findings(*where: Path) -> str:
    """What cppcheck says of these files or folders."""
    program = shutil.which("cppcheck")
    if program is None:
        lack("cppcheck is not installed: apt install cppcheck")
    done = subprocess.run([str(program), *OPTIONS, *map(str, where)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("seed", range(4))
def test_whole_projects(seed: int, tmp_path: Path) -> None:
    """Of small networks: cppcheck's time grows with the square of a table's length, 20 s for 32,000 weights."""
    (tmp_path / "net.tflite").write_bytes(random_network(seed, 25))
    export_c(tmp_path / "net.tflite", tmp_path / "c")
    assert findings(tmp_path / "c") == ""


def test_every_kernel() -> None:
    assert findings(*sorted(KERNELS.glob("*.c"))) == ""


def test_a_mistake_is_found(tmp_path: Path) -> None:
    (tmp_path / "wrong.c").write_text("int f(void)\n{\n    int a[2] = {1, 2};\n    return a[2];\n}\n")
    assert "arrayIndexOutOfBounds" in findings(tmp_path)

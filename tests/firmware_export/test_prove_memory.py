"""C that reads or writes what is not its own, or relies on what memory held before: never proved."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from needs import need_packages
from test_prove_flips import block

from firmware_export.project import export_c
from firmware_export.proof import Proof
from firmware_export.prove import prove

pytestmark = pytest.mark.slow

RUNTIMES = ("tflm", "host", "cortex-m4")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """block.tflite and block/, its C."""
    need_packages("tflite_micro", "ziglang", "unicorn", "elftools")
    folder = tmp_path_factory.mktemp("memory")
    (folder / "block.tflite").write_bytes(block(zero=0))
    export_c(folder / "block.tflite", folder / "block", name="block")
    return folder


def prove_edited(exported: Path, folder: Path, file: str, pattern: str, text: str) -> Proof:
    """The proof of the project with one edit."""
    project = folder / "block"
    shutil.copytree(exported / "block", project)
    source = (project / file).read_text(encoding="utf-8")
    edited, count = re.subn(pattern, text, source, count=1, flags=re.DOTALL)
    assert count == 1, source
    (project / file).write_text(edited, encoding="utf-8")
    return prove(exported / "block.tflite", project=project, count=8, cortex_count=4, runtimes=RUNTIMES)


END = r"\}\s*$"
OUTSIDE = [
    (f"output[{10 * 10 * 4}] = 1;", "outside its output: 1 byte after it"),
    ("output[-1] = 1;", "outside its output: 1 byte before it"),
    ("ARENA[BLOCK_ARENA_BYTES] = 1;", "outside its arena: 1 byte after it"),
    ("ARENA[-3] = 1;", "outside its arena: 3 bytes before it"),
]


@pytest.mark.parametrize(
    ("statement", "message"), [OUTSIDE[0], *(pytest.param(*case, marks=pytest.mark.slow) for case in OUTSIDE[1:])]
)
def test_a_write_outside_a_buffer_is_found(exported: Path, tmp_path: Path, statement: str, message: str) -> None:
    proof = prove_edited(exported, tmp_path, "block.c", END, f"    {statement}\n}}\n")
    assert proof.verdict == "differs"
    for name in ("host", "cortex-m4"):
        assert proof.runtime(name).status == "differs", name
        assert f"the C wrote {message}" in proof.runtime(name).reason, name


@pytest.mark.slow
def test_a_write_to_the_input_is_found(exported: Path, tmp_path: Path) -> None:
    proof = prove_edited(exported, tmp_path, "block.c", END, "    ((int8_t *)input)[2] ^= 1;\n}\n")
    assert "the C wrote into its input" in proof.runtime("host").reason
    assert "writes 1 bytes" in proof.runtime("cortex-m4").reason


@pytest.mark.slow
@pytest.mark.parametrize("outside", ["input[256]", "input[-1]", "ARENA[-1]", "ARENA[BLOCK_ARENA_BYTES]"])
def test_a_read_outside_a_buffer_is_found(exported: Path, tmp_path: Path, outside: str) -> None:
    text = f"    output[3] = (int8_t)(output[3] ^ ({outside} & 1));\n}}\n"
    proof = prove_edited(exported, tmp_path, "block.c", END, text)
    assert [proof.runtime(name).status for name in ("host", "cortex-m4")] == ["differs"] * 2


@pytest.mark.parametrize(
    ("file", "pattern", "text"),
    [
        ("fill.c", r"memset\(to, .*?\);", "(void)to;"),
        ("block.c", r"(void block_run\(.*?\{)(.*)\}", r"\1 output[0] = ARENA[5]; if (output[0] != 0) { \2 } }"),
    ],
)
def test_relying_on_what_memory_held_is_found(
    exported: Path, tmp_path: Path, file: str, pattern: str, text: str
) -> None:
    """The arena of a program that just started holds zeros, the padding of this network."""
    proof = prove_edited(exported, tmp_path, file, pattern, text)
    assert [proof.runtime(name).status for name in ("host", "cortex-m4")] == ["differs"] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "pattern", "message"),
    [
        ("block.c", r"(arena_words\[)(\d+)", "its arena_words hold"),
        ("block.h", r"(BLOCK_ARENA_BYTES )(\d+)", "outside its arena"),
    ],
)
def test_an_arena_too_small_is_found(exported: Path, tmp_path: Path, file: str, pattern: str, message: str) -> None:
    size = re.search(pattern, (exported / "block" / file).read_text(encoding="utf-8"))
    assert size is not None
    smaller = int(size[2]) - (1 if file == "block.c" else 4)
    proof = prove_edited(exported, tmp_path, file, pattern, rf"\g<1>{smaller}")
    for name in ("host", "cortex-m4"):
        assert message in proof.runtime(name).reason, name


@pytest.mark.slow
def test_the_untouched_project_is_proved(exported: Path) -> None:
    proof = prove(exported / "block.tflite", project=exported / "block", count=8, cortex_count=4, runtimes=RUNTIMES)
    assert proof.proved, proof.message

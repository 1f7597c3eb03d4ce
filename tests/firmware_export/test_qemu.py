"""The hand-written project on the boards that QEMU emulates: outputs, taps, exact counts, faults, missing tools."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from handmade import hand_expected, hand_graph, hand_project, hand_samples
from needs import lack

from firmware_export import qemu
from firmware_export.batch import NotAvailableError, RuntimeFaultError
from firmware_export.cproject import harness_header
from firmware_export.memory import Memory
from firmware_export.qemu import BOARDS, QemuRuntime
from firmware_export.toolchain import HARNESS_FOLDER, compile_objects, find_arm_gcc, find_host_compiler

pytestmark = pytest.mark.slow

M4 = "qemu-cortex-m4"
OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in BOARDS if name not in (M4, "qemu-cortex-m55")]
LOOP = '__asm__ volatile("movw r3, #{0}\\n1: subs r3, r3, #1\\nbne 1b" : : : "r3", "cc");'
"""1 + 2 * {0} instructions."""


@pytest.fixture(autouse=True)
def tools() -> None:
    """The cross compiler and the emulator, from the system's packages."""
    try:
        qemu._tools()
    except NotAvailableError as error:
        lack(str(error))


def started(folder: Path, board: str = M4, *, stack: int = 64, extra: str = "") -> QemuRuntime:
    project = hand_project(folder / "hand", stack=stack, extra=extra)
    return QemuRuntime(project, hand_graph(), BOARDS[board], folder / "build")


@pytest.mark.parametrize("name", [M4, "qemu-cortex-m55", *OTHERS])
def test_boards(tmp_path: Path, name: str) -> None:
    samples = hand_samples(5)
    folded, outputs = hand_expected(samples)
    runtime = started(tmp_path, name)
    plain, tapped = runtime.run([samples], tap=False), runtime.run([samples], tap=True)
    for batch in (plain, tapped):
        np.testing.assert_array_equal(batch.outputs[0].reshape(-1, 2), outputs)
    assert plain.operators == {}
    np.testing.assert_array_equal(tapped.operators[0], folded)
    np.testing.assert_array_equal(tapped.operators[1], outputs)
    cost = runtime.measure([samples[:1]])
    assert cost.weights_bytes == 64
    assert cost.ram_bytes == 64
    assert 64 <= cost.stack_bytes < 400
    assert 200 < cost.code_bytes < 3000
    assert 500 < cost.instructions < 5000


def test_instructions_are_exact(tmp_path: Path) -> None:
    """Loops of a known length on top of the same code, short and longer than the board's timer counts at once."""
    counts = {}
    for number in (1, 1000, 30_000):
        runtime = started(tmp_path / str(number), extra=LOOP.format(number))
        counts[number] = runtime.measure([hand_samples(1)]).instructions
    assert counts[1000] - counts[1] == 2 * 999
    assert counts[30_000] - counts[1] == 2 * 29_999
    long = started(tmp_path / "long", extra=f"for (i = 0; i < 40; i++) {{ {LOOP.format(50_000)} }}")
    assert 4_000_000 < long.measure([hand_samples(1)]).instructions - counts[1] < 4_000_400


def test_counts_put_together_from_two_clocks() -> None:
    for instructions in (3, 655_359, 655_361, 30_000_001, 400_000_000):
        for clock in (20_000_000, 25_000_000, 32_000_000):
            coarse = int(instructions * clock / 1e9)
            fine = int(instructions * 1024 * clock / 1e9) % (1 << 24)
            assert abs(qemu._combine(coarse, fine, clock) - instructions) <= 1


def test_stack_is_measured(tmp_path: Path) -> None:
    assert 5000 <= started(tmp_path, stack=5000).measure([hand_samples(1)]).stack_bytes < 5300


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("*(volatile int *)0xFFFFFFF0u = 1;", "hand on qemu-cortex-m4 faulted .*exit code"),
        ("output[2] = 1;", "outside its output: 1 byte after it"),
        ("((int8_t *)input)[3] ^= 1;", "the C wrote into its input"),
    ],
)
def test_faults_are_named(tmp_path: Path, extra: str, message: str) -> None:
    with pytest.raises(RuntimeFaultError, match=message):
        started(tmp_path, extra=extra).run([hand_samples(2)], tap=False)


def test_a_run_without_an_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "RUN_TIMEOUT_S", 2)
    with pytest.raises(RuntimeFaultError, match="did not end in 2 s"):
        started(tmp_path, extra="for (;;) { i++; scratch[0] = 1; }").run([hand_samples(1)], tap=False)


def test_too_large_for_a_board_is_not_available(tmp_path: Path) -> None:
    project = hand_project(tmp_path / "hand")
    (project.folder / "big.c").write_text("char big[20000000];\nvoid hand_big(void) { big[0] = 1; }\n")
    source = project.folder / "hand.c"
    source.write_text(source.read_text().replace("    int32_t sum = 0;", "    int32_t sum = 0;\n    hand_big();"))
    (project.folder / "hand.h").write_text((project.folder / "hand.h").read_text() + "void hand_big(void);\n")
    from firmware_export.cproject import read_project

    with pytest.raises(NotAvailableError, match="mps2-an386 has too little memory"):
        QemuRuntime(read_project(project.folder), hand_graph(), BOARDS[M4], tmp_path / "build")


def test_missing_tools_are_not_available(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "find_arm_gcc", lambda: None)
    with pytest.raises(NotAvailableError, match=r"arm-none-eabi-gcc not found: apt install gcc-arm-none-eabi qemu"):
        started(tmp_path)


def test_the_harness_compiles_without_warnings(tmp_path: Path) -> None:
    project, graph = hand_project(tmp_path), hand_graph()
    (tmp_path / "harness_model.h").write_text(harness_header(project, Memory(graph, None)), encoding="utf-8")
    compiler = find_arm_gcc()
    assert compiler is not None
    folder = HARNESS_FOLDER / "qemu"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", f"-I{tmp_path}", "-mthumb"]
    flags += ["-mcpu=cortex-m4", "-fno-builtin", "-isystem", str(folder), "-isystem", str(HARNESS_FOLDER / "include")]
    sources = [*sorted(folder.glob("*.c")), HARNESS_FOLDER / "harness_host.c"]
    compile_objects(compiler, sources, tmp_path / "build", flags)


def test_memory_functions(tmp_path: Path) -> None:
    """string.c, under other names, against the C library."""
    text = (HARNESS_FOLDER / "qemu" / "string.c").read_text(encoding="utf-8")
    for name in ("memcpy", "memmove", "memset", "memcmp"):
        text = text.replace(f"{name}(", f"my_{name}(")
    text = f"#include <stddef.h>\nvoid *my_memmove(void *to, const void *from, size_t bytes);\n{text}"
    main = """
    int main(void) {
        unsigned char a[64], b[64]; unsigned s = 1;
        for (int i = 0; i < 20000; i++) {
            for (int k = 0; k < 64; k++) { s = s * 1103515245u + 12345u; a[k] = b[k] = (unsigned char)(s >> 16); }
            unsigned from = (s >> 8) % 40, to = (s >> 14) % 40, n = (s >> 20) % 24;
            memmove(a + to, a + from, n); my_memmove(b + to, b + from, n);
            memset(a + from, (int)n, n); my_memset(b + from, (int)n, n);
            memcpy(a, b + 32, n); my_memcpy(b, b + 32, n);
            if (memcmp(a, b, 64) != 0 || my_memcmp(a, b, 64) != 0) return 1;
            if ((memcmp(a, a + to, n) < 0) != (my_memcmp(a, a + to, n) < 0)) return 2;
        }
        return 0;
    }"""
    (tmp_path / "t.c").write_text(text + main, encoding="utf-8")
    program = str(tmp_path / "t")
    compiler = find_host_compiler()
    subprocess.run([*compiler.command, "-fno-builtin", "-w", str(tmp_path / "t.c"), "-o", program], check=True)
    assert subprocess.run([program], env=dict(os.environ)).returncode == 0

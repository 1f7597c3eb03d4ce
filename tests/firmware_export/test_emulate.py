"""A hand-written project on this machine and on emulated cores: outputs, taps, counts, sizes, faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade import hand_expected, hand_graph, hand_project, hand_samples
from needs import need_packages

from firmware_export.batch import Batch, NotAvailableError, RuntimeFaultError
from firmware_export.cproject import harness_header, read_project
from firmware_export.emulate import OWN, CortexRuntime, emulator_versions
from firmware_export.errors import ExportError
from firmware_export.graph import Graph, Quant, Tensor
from firmware_export.host import HostRuntime
from firmware_export.machine import Machine, count_thumb
from firmware_export.memory import Memory
from firmware_export.targets import CORES, find_core
from firmware_export.toolchain import HARNESS_FOLDER, compile_objects, find_host_compiler

pytestmark = pytest.mark.slow

M4 = CORES["cortex-m4"]


def check(batch: Batch, samples: Any, *, tapped: bool) -> None:
    folded, outputs = hand_expected(samples)
    np.testing.assert_array_equal(batch.outputs[0].reshape(-1, 2), outputs)
    assert set(batch.operators) == ({0, 1} if tapped else set())
    if tapped:
        np.testing.assert_array_equal(batch.operators[0], folded)
        np.testing.assert_array_equal(batch.operators[1], outputs)


def test_host(tmp_path: Path) -> None:
    samples = hand_samples(20)
    runtime = HostRuntime(hand_project(tmp_path), hand_graph(), find_host_compiler(), tmp_path / "build")
    check(runtime.run([samples], tap=False), samples, tapped=False)
    check(runtime.run([samples], tap=True), samples, tapped=True)


def test_host_crash_is_an_error(tmp_path: Path) -> None:
    project = hand_project(tmp_path, extra="*(volatile int *)0 = 1;")
    runtime = HostRuntime(project, hand_graph(), find_host_compiler(), tmp_path / "build")
    with pytest.raises(RuntimeFaultError, match="hand on the host crashed"):
        runtime.run([hand_samples(1)], tap=False)


OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in CORES if name != M4.name]


@pytest.mark.parametrize("name", [M4.name, *OTHERS])
def test_cores(tmp_path: Path, name: str) -> None:
    need_packages("ziglang", "unicorn", "elftools")
    samples = hand_samples(5)
    runtime = CortexRuntime(hand_project(tmp_path), hand_graph(), find_core(name), tmp_path / "build")
    check(runtime.run([samples], tap=False), samples, tapped=False)
    check(runtime.run([samples], tap=True), samples, tapped=True)
    cost = runtime.measure([samples[:1]])
    assert cost.weights_bytes == 64
    assert cost.ram_bytes == 64
    assert 64 <= cost.stack_bytes < 800
    assert 200 < cost.code_bytes < 5000


@pytest.mark.parametrize(("name", "skipped_share"), [("cortex-m0", 0.0), ("cortex-m4", 0.02)])
def test_block_counting_equals_single_instructions(tmp_path: Path, name: str, skipped_share: float) -> None:
    """Exact without IT blocks (Armv6-M has none); with them, blocks also count instructions whose condition fails."""
    need_packages("ziglang", "unicorn", "elftools")
    from unicorn import UC_HOOK_CODE

    project, graph, core = hand_project(tmp_path), hand_graph(), find_core(name)
    runtime = CortexRuntime(project, graph, core, tmp_path / "build")
    memory = Memory(graph, None)
    machine = Machine(runtime._images[OWN], memory, project, core)
    steps: list[int] = []
    machine._uc.hook_add(UC_HOOK_CODE, lambda uc, address, size, data: steps.append(address))
    machine.run(memory.fill([hand_samples(1)])[0])
    counted = runtime.measure([hand_samples(1)]).instructions
    assert len(steps) <= counted <= len(steps) * (1 + skipped_share)


def test_instruction_lengths() -> None:
    assert count_thumb(bytes.fromhex("7047")) == 1  # bx lr
    assert count_thumb(bytes.fromhex("20f00100 00bf")) == 2  # bic.w r0, r0, #1; nop


def test_stack_is_measured(tmp_path: Path) -> None:
    need_packages("ziglang", "unicorn", "elftools")
    project = hand_project(tmp_path, stack=5000)
    runtime = CortexRuntime(project, hand_graph(), M4, tmp_path / "build")
    assert 5000 <= runtime.measure([hand_samples(1)]).stack_bytes < 5400


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("output[4096] = 1;", "writes 1 bytes at .* outside what the output allows, in hand_run"),
        ("((int8_t *)input)[0] = 2;", "writes 1 bytes at .* outside what the input allows"),
        ("output[0] = input[4096];", "reads 1 bytes at .* outside what the input allows"),
        ("*(volatile int *)0 = 3;", "outside the program's memory"),
    ],
)
def test_memory_faults_are_named(tmp_path: Path, extra: str, message: str) -> None:
    need_packages("ziglang", "unicorn", "elftools")
    runtime = CortexRuntime(hand_project(tmp_path, extra=extra), hand_graph(), M4, tmp_path / "build")
    with pytest.raises(RuntimeFaultError, match=message):
        runtime.run([hand_samples(1)], tap=False)


def test_stack_overflow_is_named(tmp_path: Path) -> None:
    need_packages("ziglang", "unicorn", "elftools")
    runtime = CortexRuntime(hand_project(tmp_path, stack=300_000), hand_graph(), M4, tmp_path / "build")
    with pytest.raises(RuntimeFaultError, match="below the stack of 262144 bytes"):
        runtime.run([hand_samples(1)], tap=False)


def test_six_arguments_reach_the_model(tmp_path: Path) -> None:
    """Three inputs and three outputs: the fifth and sixth pointer travel on the stack."""
    need_packages("ziglang", "unicorn", "elftools")
    quant = Quant((1.0,), (0,))
    tensors = tuple(Tensor(i, f"t{i}", "int8", (1, 3 + i % 3), quant) for i in range(6))
    graph = Graph("six.tflite", "0" * 64, tensors, (), (0, 1, 2), (3, 4, 5))
    names = [f"const int8_t *i{k}" for k in range(3)] + [f"int8_t *o{k}" for k in range(3)]
    declaration = f"void six_run({', '.join(names)})"
    (tmp_path / "six.h").write_text(f"#include <stdint.h>\n{declaration};\n", encoding="utf-8")
    loops = "".join(f"for (k = 0; k < {3 + n}; k++) o{n}[k] = (int8_t)(i{n}[k] ^ {n + 1});\n" for n in range(3))
    (tmp_path / "six.c").write_text(f'#include "six.h"\n{declaration}\n{{ int k; {loops} }}\n', encoding="utf-8")
    rng = np.random.default_rng(0)
    inputs = [rng.integers(-128, 128, (4, *tensor.shape)).astype(np.int8) for tensor in tensors[:3]]
    project = read_project(tmp_path)
    host = HostRuntime(project, graph, find_host_compiler(), tmp_path / "host")
    for runtime in (host, CortexRuntime(project, graph, M4, tmp_path / "m4")):
        outputs = runtime.run(inputs, tap=True).outputs
        for number, values in enumerate(outputs):
            np.testing.assert_array_equal(values, inputs[number] ^ (number + 1))


def test_harness_compiles_without_warnings(tmp_path: Path) -> None:
    project = hand_project(tmp_path)
    (tmp_path / "harness_model.h").write_text(harness_header(project, Memory(hand_graph(), None)), encoding="utf-8")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", f"-I{tmp_path}"]
    sources = [HARNESS_FOLDER / "harness_host.c", HARNESS_FOLDER / "harness_cortex.c"]
    for number, tap in enumerate(([], ["-DHAND_TAP"])):
        compile_objects(find_host_compiler(), sources, tmp_path / f"build{number}", [*flags, *tap])


def test_missing_package_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NotAvailableError, match=r"unicorn.*not installed: pip install 'edgenet\[verify\]'"):
        emulator_versions()


def test_unknown_core() -> None:
    with pytest.raises(ExportError, match=r"cortex-m99: no such core. Known: cortex-m0"):
        find_core("cortex-m99")

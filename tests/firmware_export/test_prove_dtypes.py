"""Inputs and outputs of every dtype: their samples, their way to the C and back, and their comparison."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from needs import lack, need_packages

from firmware_export.batch import Batch, NotAvailableError, Runtime
from firmware_export.compare import Information, Tally
from firmware_export.cproject import CProject, read_project
from firmware_export.cwriter import C_TYPES
from firmware_export.emulate import CortexRuntime
from firmware_export.graph import Graph, Op, Quant, Tensor
from firmware_export.host import HostRuntime
from firmware_export.qemu import BOARDS, QemuRuntime
from firmware_export.samples import input_range, make_samples
from firmware_export.targets import CORES
from firmware_export.toolchain import find_host_compiler

pytestmark = pytest.mark.slow

DTYPES = ("int8", "uint8", "int16", "int32", "int64", "float32", "bool")


def copies() -> Graph:
    """One input and one output of each dtype, (1, 5) to (1, 11) in size."""
    sizes = dict(zip(DTYPES, range(5, 12), strict=True))
    inputs = [Tensor(i, f"in_{t}", t, (1, sizes[t])) for i, t in enumerate(DTYPES)]
    outputs = [Tensor(len(DTYPES) + i, f"out_{t}", t, (1, sizes[t])) for i, t in enumerate(DTYPES)]
    numbers = tuple(range(len(DTYPES)))
    return Graph("copies.tflite", "0" * 64, (*inputs, *outputs), (), numbers, tuple(n + len(DTYPES) for n in numbers))


def copying_c(folder: Path) -> CProject:
    """C that copies every input to its output, last element first."""
    graph = copies()
    tensors = [graph.tensors[index] for index in graph.inputs]
    parameters = [f"const {C_TYPES[t.dtype]} *i{t.index}" for t in tensors]
    parameters += [f"{C_TYPES[t.dtype]} *o{t.index}" for t in tensors]
    loops = "".join(f"for (k = 0; k < {t.size}; k++) o{t.index}[k] = i{t.index}[{t.size - 1} - k];\n" for t in tensors)
    declaration = f"void copies_run({', '.join(parameters)})"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "copies.h").write_text(f"#include <stdint.h>\n{declaration};\n", encoding="utf-8")
    text = f'#include "copies.h"\n{declaration}\n{{ int k;\n{loops} }}\n'
    (folder / "copies.c").write_text(text, encoding="utf-8")
    return read_project(folder)


def on_host(folder: Path) -> Runtime:
    return HostRuntime(copying_c(folder), copies(), find_host_compiler(), folder / "build")


def on_core(folder: Path) -> Runtime:
    need_packages("ziglang", "unicorn", "elftools")
    return CortexRuntime(copying_c(folder), copies(), CORES["cortex-m4"], folder / "build")


def on_board(folder: Path) -> Runtime:
    try:
        return QemuRuntime(copying_c(folder), copies(), BOARDS["qemu-cortex-m55"], folder / "build")
    except NotAvailableError as error:
        lack(str(error))
        raise


@pytest.mark.parametrize("started", [on_host, on_core, on_board])
def test_every_dtype_reaches_the_c_and_comes_back(tmp_path: Path, started: Callable[[Path], Runtime]) -> None:
    inputs = make_samples(copies(), (), 9, seed=1)
    outputs = started(tmp_path).run(inputs, tap=False).outputs
    for name, values, got in zip(DTYPES, inputs, outputs, strict=True):
        assert got.dtype == np.dtype(name)
        assert got.tobytes() == values[..., ::-1].tobytes(), name
        assert len(np.unique(values)) > 1


def graph_of(dtype: str, op: str, other: Tensor, options: dict[str, int] | None = None) -> Graph:
    """x -> op -> y, or for GATHER (y, x) -> z."""
    x = Tensor(0, "x", dtype, (1, 6))
    inputs, output = ((1, 0), 2) if op == "GATHER" else ((0,), 1)
    tensors = (x, other, Tensor(2, "z", "int8", (1, 6), Quant((1.0,), (0,))))
    return Graph("g.tflite", "0" * 64, tensors, (Op(0, op, inputs, (output,), options or {}),), (0,), (output,))


def test_floats_cover_what_their_quantize_tells_apart() -> None:
    graph = graph_of("float32", "QUANTIZE", Tensor(1, "q", "int8", (1, 6), Quant((0.5,), (-128,))))
    low, high = input_range(graph, 0)
    assert -9 < low < 0
    assert 127.5 < high < 136
    values = make_samples(graph, (), 40, 0)[0]
    assert values.dtype == np.float32
    assert values[0].max() == 0
    assert values[3:].max() > 100
    assert input_range(copies(), DTYPES.index("float32")) == (-8.0, 8.0)


def test_indices_are_those_that_exist() -> None:
    table = Tensor(1, "table", "int8", (4, 7), Quant((1.0,), (0,)))
    for axis, count in ((0, 4), (1, 7), (-1, 7)):
        graph = graph_of("int32", "GATHER", table, {"axis": axis})
        values = make_samples(graph, (), 40, 0)[0]
        assert (values.min(), values.max()) == (0, count - 1)
    assert set(np.unique(make_samples(copies(), (), 40, 0)[DTYPES.index("int64")])) == {0, 1}


def test_floats_are_compared_bit_for_bit() -> None:
    graph = graph_of("float32", "QUANTIZE", Tensor(1, "q", "float32", (1, 3)))
    wanted = np.array([[[0.0, np.nan, 1.0]]], np.float32)
    for change, differs in (((0, 0.0), False), ((0, -0.0), True), ((2, np.nextafter(np.float32(1), 2)), True)):
        got = wanted.copy()
        got[0, 0, change[0]] = change[1]
        tally = Tally(graph)
        tally.add(Batch((wanted,)), Batch((got,)), np.arange(1))
        assert (tally.difference() is not None) == differs, change
        assert "nan" not in str(tally.difference())


def test_an_index_as_the_only_output_tells_something() -> None:
    information = Information()
    information.add(Batch((np.array([[3], [5]], np.int32),)))
    assert information.outputs_change()
    assert information.share("output") == 0
    same = Information()
    same.add(Batch((np.array([[3], [3]], np.int32),)))
    assert not same.outputs_change()

"""CALL_ONCE, VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE: sequences, against TFLite Micro's interpreter."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import needs
import numpy as np
import pytest
from single_op import KERNELS, SANITIZE, WARNINGS, linear_specs, random_int8, tflm_outputs
from tflite_builder import OpSpec, SubgraphSpec, TensorSpec, build, build_subgraphs

from firmware_export import ExportError, emit, export_c, reference
from firmware_export.cwriter import table
from firmware_export.graph import Array
from firmware_export.passes import apply_passes
from firmware_export.planner import plan_memory
from firmware_export.program import Program, lower
from firmware_export.prove import prove
from firmware_export.reader import read_tflite
from firmware_export.vectors import generated_inputs

STEPS = 12
HANDLE = TensorSpec((), "resource", None)
Q = {"scale": 0.05, "zero_point": 3}


def handle(tensor: int, name: str) -> OpSpec:
    return OpSpec("VAR_HANDLE", (), (tensor,), {"container": "", "shared_name": name})


def assign(variable: int, value: int) -> OpSpec:
    return OpSpec("ASSIGN_VARIABLE", (variable, value), (), {})


def read(variable: int, output: int) -> OpSpec:
    return OpSpec("READ_VARIABLE", (variable,), (output,), {})


def once(number: int = 1) -> OpSpec:
    return OpSpec("CALL_ONCE", (), (), {"init_subgraph_index": number})


def first_values(**values: Array) -> SubgraphSpec:
    """The subgraph that CALL_ONCE runs: int8 values by name."""
    tensors, ops = [], []
    for name, value in values.items():
        ops += [handle(len(tensors), name), assign(len(tensors), len(tensors) + 1)]
        tensors += [HANDLE, TensorSpec(value.shape, **Q, data=value)]
    return SubgraphSpec(tensors, ops)


def delay_line(*, initial: bool, taps: int = 3) -> bytes:
    """Each frame (1, 1, 4, 2) goes through `taps` variables, which together are what a convolution sees."""
    frame = TensorSpec((1, 1, 4, 2), **Q)
    filters = linear_specs(1, (5, taps + 1, 3, 2), 5, axis=0, per_channel=True, bias=True, input_scale=0.05)
    window = TensorSpec((1, taps + 1, 4, 2), **Q)
    tensors = [frame, window, *filters, TensorSpec((1, 1, 4, 5), scale=0.3, zero_point=-5)]
    ops = [once()] if initial else []
    handles, reads = [len(tensors) + 2 * i for i in range(taps)], [len(tensors) + 2 * i + 1 for i in range(taps)]
    tensors += [HANDLE, frame] * taps
    for i in range(taps):
        ops += [handle(handles[i], f"frame{i}"), read(handles[i], reads[i])]
    options = {"padding": 0, "stride_h": taps + 1, "stride_w": 1, "activation": 1}
    ops += [assign(handles[i], reads[i + 1]) for i in range(taps - 1)]
    ops += [assign(handles[-1], 0), OpSpec("CONCATENATION", (*reads, 0), (1,), {"axis": 1})]
    ops += [OpSpec("CONV_2D", (1, 2, 3), (4,), options)]
    values = {f"frame{i}": random_int8(i, frame.shape) for i in range(taps)}
    values["frame0"] = np.full(frame.shape, -7, np.int8)
    others = [first_values(**values)] if initial else []
    return build_subgraphs([SubgraphSpec(tensors, ops, [0], [4]), *others])


def old_value(*names: str) -> bytes:
    """The input is assigned between reading the variable and using what was read; a second read sees it."""
    x = TensorSpec((1, 6), **Q)
    tensors = [x, HANDLE, x, x, HANDLE, TensorSpec((1, 6), scale=0.11), TensorSpec((1, 6), scale=0.2)]
    first, second = names or ("v", "v")
    ops = [handle(1, first), read(1, 2), assign(1, 0), handle(4, second), read(4, 3)]
    ops += [OpSpec("ADD", (2, 3), (5,), {}), OpSpec("ADD", (2, 5), (6,), {}), assign(4, 0)]
    return build_subgraphs([SubgraphSpec(tensors, ops, [0], [5, 6, 2])])


def swap() -> bytes:
    """Two variables change places at every step, and one of them gains the input."""
    x = TensorSpec((1, 6), **Q)
    tensors = [x, HANDLE, x, HANDLE, x, x, x]
    ops = [once(2), once(1), handle(1, "a"), handle(3, "b"), read(1, 2), read(3, 4)]
    ops += [OpSpec("ADD", (2, 0), (5,), {}), assign(1, 4), assign(3, 5), OpSpec("RELU", (4,), (6,), {})]
    values = first_values(a=random_int8(1, (1, 6)), b=random_int8(2, (6,)))
    overruled = first_values(a=random_int8(3, (1, 6)))
    return build_subgraphs([SubgraphSpec(tensors, ops, [0], [6, 2]), values, overruled])


def constant_variable() -> bytes:
    """A variable that only CALL_ONCE assigns, under another shape; and a value that is computed there."""
    x = TensorSpec((1, 6), **Q)
    main = [once(), handle(1, "weights"), read(1, 2), OpSpec("ADD", (0, 2), (3,), {})]
    half = TensorSpec((6,), **Q, data=random_int8(4, (6,)))
    ops = [handle(0, "weights"), OpSpec("ADD", (1, 2), (3,), {}), assign(0, 3)]
    first = SubgraphSpec([HANDLE, half, half, replace(half, data=None)], ops)
    return build_subgraphs([SubgraphSpec([x, HANDLE, x, x], main, [0], [3]), first])


MODELS = {
    "delay line": delay_line(initial=True),
    "delay line that begins at the zero point": delay_line(initial=False),
    "old value": old_value(),
    "swap": swap(),
    "constant variable": constant_variable(),
    "names that C reads as one": old_value("v\0first", "v\0second"),
}


def compiled(data: bytes) -> Program:
    graph = apply_passes(read_tflite(data, "m.tflite"))
    return lower(graph, plan_memory(graph))


def run_c(data: bytes, folder: Path, compiler: str, inputs: Sequence[Array], resets: Sequence[int]) -> list[Array]:
    """The outputs (N, *shape) of the sanitised C for a sequence that is reset before the samples `resets`."""
    program = compiled(data)
    for name, text in emit.emit(program, "m", (), ()).items():
        if "selftest" not in name:
            (folder / name).write_text(text)
    rows = np.stack([np.concatenate([x[i].reshape(-1) for x in inputs]) for i in range(len(inputs[0]))])
    outs = ", ".join(f"out + {sum(t.size for t in program.outputs[:i])}" for i in range(len(program.outputs)))
    when = " || ".join(f"i == {step}" for step in resets)
    reset = f"if ({when}) m_reset();" if when else ""
    (folder / "main.c").write_text(f"""
#include <stdio.h>
#include "m.h"
{table("int8_t", "in", rows, "static const")}
static int8_t out[{sum(t.size for t in program.outputs)}];
int main(void)
{{
    for (int i = 0; i < {len(rows)}; i++) {{
        {reset}
        m_run(in + i * {rows.shape[1]}, {outs});
        fwrite(out, 1, sizeof out, stdout);
    }}
    return 0;
}}
""")
    sources = [*map(str, folder.glob("*.c")), *(str(KERNELS / f"{kernel}.c") for kernel in program.kernels)]
    binary = str(folder / "main")
    subprocess.run([compiler, *WARNINGS, *SANITIZE, "-I", str(KERNELS), *sources, "-o", binary], check=True)
    done = subprocess.run([binary], capture_output=True, check=True)
    values = np.frombuffer(done.stdout, np.int8).reshape(len(rows), -1)
    ends = np.cumsum([t.size for t in program.outputs])[:-1]
    return [part.reshape(-1, *t.shape) for part, t in zip(np.split(values, ends, axis=1), program.outputs, strict=True)]


@pytest.mark.parametrize("name", MODELS)
def test_sequences_are_those_of_tflite_micro(name: str, tmp_path: Path, compiler: str) -> None:
    data = MODELS[name]
    graph = read_tflite(data, "m.tflite")
    inputs = generated_inputs(graph, STEPS)
    expected = tflm_outputs(data, inputs)
    got = run_c(data, tmp_path, compiler, inputs, ())
    for wanted, numpy, c in zip(expected, reference.run_sequence(graph, inputs), got, strict=True):
        np.testing.assert_array_equal(numpy, wanted)
        np.testing.assert_array_equal(c, wanted)
        assert len(np.unique(wanted[1:], axis=0)) > 5, "the outputs hardly change"


def test_reset_begins_anew(tmp_path: Path, compiler: str) -> None:
    data = MODELS["swap"]
    graph = read_tflite(data, "m.tflite")
    inputs = generated_inputs(graph, 10)
    parts = [[x[start:stop] for x in inputs] for start, stop in ((0, 4), (4, 10))]
    fresh = [tflm_outputs(data, part) for part in parts]
    for output, got in enumerate(run_c(data, tmp_path, compiler, inputs, (4,))):
        np.testing.assert_array_equal(got, np.concatenate([rows[output] for rows in fresh]))


def test_each_sample_of_run_is_the_first() -> None:
    data = MODELS["delay line"]
    graph = read_tflite(data, "m.tflite")
    inputs = generated_inputs(graph, 5)
    alone = [reference.run_sequence(graph, [x[i : i + 1] for x in inputs])[0] for i in range(5)]
    np.testing.assert_array_equal(reference.run(graph, inputs)[0], np.concatenate(alone))


def test_two_assignments_of_one_step_are_both_shown() -> None:
    """`run_all` gives what each operator wrote, though the tensor is the same."""
    graph = read_tflite(MODELS["old value"], "m.tflite")
    inputs = generated_inputs(graph, 4)
    values = reference.run_all(graph, inputs, sequence=True)
    assert sorted(values) == [1, 2, 4, 5, 6, 7]
    np.testing.assert_array_equal(values[2], inputs[0])
    np.testing.assert_array_equal(values[1][1:], inputs[0][:-1])


def test_the_state_is_counted_and_the_files_say_how_to_reset(tmp_path: Path, compiler: str) -> None:
    (tmp_path / "line.tflite").write_bytes(MODELS["delay line"])
    summary = export_c(tmp_path / "line.tflite", tmp_path / "c")
    assert summary.state_bytes == 3 * 8
    header, source = ((tmp_path / "c" / f"line.{end}").read_text() for end in "hc")
    assert "#define LINE_STATE_BYTES 24\n" in header
    assert "void line_reset(void);" in header
    assert "static int32_t state_words[6];" in source
    assert "`line_reset()`" in (tmp_path / "c" / "README.md").read_text()
    constants = (tmp_path / "c" / "line_weights.c").read_text()
    assert "line_variable0_initial" not in constants, "all its values are the same"
    assert "line_variable1_initial[8]" in constants
    sources = [str(path) for path in (tmp_path / "c").glob("*.c")]
    subprocess.run([compiler, *WARNINGS, *sources, "-o", str(tmp_path / "test")], check=True)
    done = subprocess.run([str(tmp_path / "test")], capture_output=True, text=True, check=True)
    assert done.stdout == "line: 8 of 8 golden vectors bit-exact\n"


def test_networks_without_variables_have_no_reset(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(build([TensorSpec((1, 4))] * 2, [OpSpec("RELU", (0,), (1,), {})], [0], [1]))
    assert export_c(tmp_path / "m.tflite", tmp_path / "c").state_bytes == 0
    text = "".join((tmp_path / "c" / name).read_text() for name in ("m.h", "m.c", "m_selftest.c", "README.md"))
    assert "state" not in text.lower()
    assert "reset" not in text.lower()


@pytest.mark.slow
def test_all_runtimes_prove_a_sequence(tmp_path: Path) -> None:
    needs.need_packages("tflite_micro", "ziglang", "unicorn", "elftools")
    path = tmp_path / "line.tflite"
    path.write_bytes(MODELS["delay line"])
    proof = prove(path, count=70, cortex_count=9)
    assert proof.proved, proof.message
    assert [report.inputs for report in proof.runtimes] == [70, 70, 70, 9]
    assert len({report.operators_compared for report in proof.runtimes[1:]}) == 1
    assert proof.runtime("host").operators_compared == 8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("    TAP(11, output, 20);", "    TAP(11, output, 20); STATE[17] ^= 1;"),
        ("    state_is_set = 1;", "    state_is_set = 1; state_words[3] ^= 256;"),
    ],
)
def test_a_wrong_state_is_found(tmp_path: Path, pattern: str, text: str) -> None:
    needs.need_packages("tflite_micro", "ziglang", "unicorn", "elftools")
    path = tmp_path / "line.tflite"
    path.write_bytes(MODELS["delay line"])
    export_c(path, tmp_path / "c", name="line")
    source = (tmp_path / "c" / "line.c").read_text()
    assert pattern in source, source
    (tmp_path / "c" / "line.c").write_text(source.replace(pattern, text))
    proof = prove(path, project=tmp_path / "c", count=12, cortex_count=8)
    assert [proof.runtime(name).status for name in ("numpy", "host", "cortex-m4")] == ["ok", "differs", "differs"]


X = TensorSpec((1, 6), **Q)
REFUSED = {
    "never assigned": ([X, HANDLE, X], [handle(1, "v"), read(1, 2)], r"operator 1 READ_VARIABLE .*nothing assigns it"),
    "another size": (
        [X, HANDLE, TensorSpec((1, 5), **Q)],
        [handle(1, "v"), read(1, 2), assign(1, 0)],
        r"READ_VARIABLE .*as many elements \(int8 \(1, 6\) and int8 \(1, 5\)\)",
    ),
    "another operator": (
        [X, HANDLE, X],
        [handle(1, "v"), assign(1, 0), OpSpec("ADD", (0, 1), (2,), {})],
        r"operator 2 ADD .*only READ_VARIABLE and ASSIGN_VARIABLE",
    ),
    "no handle": ([X, X], [read(0, 1)], r"operator 0 READ_VARIABLE .*this operator uses something else"),
    "no such subgraph": ([X, X], [once(7), OpSpec("RELU", (0,), (1,), {})], "it calls subgraph 7 of 2"),
    "itself": ([X, X], [once(0), OpSpec("RELU", (0,), (1,), {})], "it calls subgraph 0 of 2"),
    "too late": (
        [X, HANDLE, X],
        [handle(1, "v"), read(1, 2), assign(1, 0), once()],
        r"operator 3 CALL_ONCE .*before any of them is read or assigned \(operator 1 READ_VARIABLE is before it\)",
    ),
    "other control flow": ([X, X], [OpSpec("WHILE", (0,), (1,), {})], r"operator 0 WHILE .*is not supported"),
    "handle as output": ([X, HANDLE], [handle(1, "v"), assign(1, 0)], "it is an output of the network"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    tensors, ops, says = REFUSED[name]
    first = SubgraphSpec([X, X], [OpSpec("RELU", (0,), (1,), {})], [0], [1])
    with pytest.raises(ExportError, match=rf"^m\.tflite: .*{says}"):
        apply_passes(
            read_tflite(build_subgraphs([SubgraphSpec(tensors, ops, [0], [len(tensors) - 1]), first]), "m.tflite")
        )


def test_a_first_value_that_depends_on_something_is_refused() -> None:
    main = [once(), handle(1, "v"), read(1, 2), assign(1, 0)]
    first = SubgraphSpec([HANDLE, X, X], [handle(0, "v"), OpSpec("RELU", (1,), (2,), {}), assign(0, 2)], [1])
    with pytest.raises(
        ExportError, match=r"^m\.tflite, subgraph 1: operator 1 RELU .*this operator does something else"
    ):
        read_tflite(build_subgraphs([SubgraphSpec([X, HANDLE, X], main, [0], [2]), first]), "m.tflite")


def test_other_subgraphs_do_not_matter() -> None:
    data = build_subgraphs(
        [
            SubgraphSpec([X, X], [OpSpec("RELU", (0,), (1,), {})], [0], [1]),
            SubgraphSpec([X], [OpSpec("CALL", (), (), {})]),
        ]
    )
    assert [op.type for op in apply_passes(read_tflite(data, "m.tflite")).ops] == ["RELU"]


@pytest.mark.parametrize("dtype", ["int32", "float32", "bool", "int64", "uint8", "int16"])
def test_variables_of_any_type(dtype: str, tmp_path: Path, compiler: str) -> None:
    """Read and assigned as they are; whether other operators take the type is theirs to say."""
    x, wide = TensorSpec((1, 6), **Q), TensorSpec((3,), dtype, None)
    first = SubgraphSpec(
        [HANDLE, replace(wide, data=np.array([1, 0, 1]).astype(dtype))], [handle(0, "v"), assign(0, 1)]
    )
    tensors = [x, x, HANDLE, wide, wide]
    ops = [once(), handle(2, "v"), read(2, 3), assign(2, 4), OpSpec("RELU", (0,), (1,), {})]
    data = build_subgraphs([SubgraphSpec(tensors, ops, [0, 4], [1, 3]), first])
    graph = read_tflite(data, "m.tflite")
    inputs = generated_inputs(graph, 10)
    expected = tflm_outputs(data, inputs)
    got = reference.run_sequence(graph, inputs)
    np.testing.assert_array_equal(got[1], expected[1])
    assert got[1].dtype == dtype

"""Files that someone made to do harm: refused in one line, in little time and memory; and names that stay names."""

from __future__ import annotations

import re
import struct
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from single_op import linear_specs, model, random_int8
from tflite_builder import OpSpec, SubgraphSpec, TensorSpec, build, build_subgraphs

from firmware_export import ExportError, cwriter, export_c, verify
from firmware_export.array import export_array
from firmware_export.graph import Graph
from firmware_export.operator_list import list_operators
from firmware_export.passes import apply_passes
from firmware_export.planner import plan_memory
from firmware_export.program import lower
from firmware_export.reader import read_tflite
from firmware_export.schema import OPTIONS
from firmware_export.tables import BadTableError, Meter, Table, root
from firmware_export.vectors import golden_vectors

X = TensorSpec((1, 4), scale=0.5)
WINDOW = {"stride_h": 1, "stride_w": 1, "filter_h": 1, "filter_w": 1}
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wtrigraphs", "-Werror"]
HOSTILE = (
    "*/ int evil; /*",
    "*\\",
    "??/",
    "???/\n",
    "a\nb\r#define x",
    '"; system("ls")',
    "\\\n\\",
    "/*/*/",
    "\u202e\u2066 \u00fc",
    "`|<script>",
    "%s%n" * 2000,
    "\x00\x1b[31m",
)


def compiled(data: bytes) -> Graph:
    graph = apply_passes(read_tflite(data, "m.tflite"))
    lower(graph, plan_memory(graph))
    return graph


def refused(data: bytes, says: str) -> None:
    """One line, within a second."""
    began = time.process_time()
    with pytest.raises(ExportError, match=says) as caught:
        compiled(data)
    assert time.process_time() - began < 1
    assert str(caught.value).isprintable()
    assert str(caught.value).startswith("m.tflite")


def relu(x: TensorSpec = X, y: TensorSpec = X) -> bytes:
    return model("RELU", [x], [y])


def dense(weights: TensorSpec) -> bytes:
    return model("FULLY_CONNECTED", [TensorSpec((1, 4)), weights], [TensorSpec((1, 3))])


def with_number(data: bytes, old: int, new: int, form: str = "<q") -> bytes:
    """The file with one number, which appears once, in place of another."""
    found = struct.pack(form, old)
    assert data.count(found) == 1
    return data.replace(found, struct.pack(form, new))


def test_names_stay_names(tmp_path: Path, compiler: str) -> None:
    tensors = [replace(X, name=name) for name in HOSTILE]
    ops = [OpSpec("RELU", (i,), (i + 1,), {}) for i in range(len(tensors) - 1)]
    handle = TensorSpec((), "resource", None)
    tensors += [handle, X, replace(X, name=HOSTILE[0])]
    at = len(HOSTILE)
    ops += [OpSpec("VAR_HANDLE", (), (at,), {"shared_name": HOSTILE[0]}), OpSpec("READ_VARIABLE", (at,), (at + 1,), {})]
    ops += [OpSpec("ADD", (0, at + 1), (at + 2,), {}), OpSpec("ASSIGN_VARIABLE", (at, at + 2), (), {})]
    path = tmp_path / 'm *\\ ???`|".tflite'
    path.write_bytes(build(tensors, ops, [0], [at - 1, at + 2, 1, 2]))
    export_c(path, tmp_path / "c")
    sources = [str(source) for source in (tmp_path / "c").glob("*.c")]
    subprocess.run([compiler, *WARNINGS, *sources, "-o", str(tmp_path / "test")], check=True)
    done = subprocess.run([str(tmp_path / "test")], capture_output=True, text=True, check=True)
    assert done.stdout == "m: 8 of 8 golden vectors bit-exact\n"
    readme = (tmp_path / "c" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith(("| input", "| output"))]
    assert len(rows) == 5
    assert all(row.count("|") == 6 and row.count("`") == 2 for row in rows)


@pytest.mark.parametrize("name", HOSTILE)
def test_comments_end_where_they_should(name: str) -> None:
    text = cwriter.comment_text(name)
    assert text.isascii()
    assert text.isprintable()
    assert not re.search(r"\*/|/\*|\?\?|\\", text)


def test_names_of_custom_operators_stay_in_their_line(tmp_path: Path, compiler: str) -> None:
    code = with_code(relu(), "evil\n*/#error\\")
    assert all(name.isprintable() for name in list_operators(code, "m"))
    refused(code, r"CUSTOM:evil\?")
    (tmp_path / "m.tflite").write_bytes(code)
    export_array(tmp_path / "m.tflite", tmp_path)
    for file in tmp_path.glob("m_*"):
        assert not re.search(r"^#error", file.read_text(), re.MULTILINE)


def with_code(data: bytes, name: str) -> bytes:
    """The file with a first operator code that is a custom one of this name: a new table at the end."""
    model_table = root(data)
    vector = model_table._field(1) + int.from_bytes(data[model_table._field(1) :][:4], "little")
    vtable = struct.pack("<HHHHHH", 12, 12, 4, 8, 0, 0)
    text = name.encode()
    padding = bytes(-len(data) % 4)
    at = len(data) + len(padding) + len(vtable)
    table = struct.pack("<iB3xI", len(vtable), 32, 4) + struct.pack("<I", len(text)) + text + b"\0"
    changed = bytearray(data + padding + vtable + table)
    changed[vector + 4 : vector + 8] = struct.pack("<I", at - vector - 4)
    return bytes(changed)


CONV = {"stride_h": 1, "stride_w": 1}
IMAGE = TensorSpec((1, 4, 4, 1))
WIDE = 2**31 - 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (relu(replace(X, shape=(WIDE,) * 5)), "has shape .* bytes"),
        (relu(replace(X, shape=(1,) * 9)), "tensor 0 has 9 axes"),
        (relu(replace(X, shape=(-2, 4))), r"tensor 0 has shape \(-2, 4\)"),
        (relu(replace(X, shape=(-1, -1))), r"tensor 0 has shape \(-1, -1\)"),
        (relu(replace(X, shape=(1 << 20, 800)), replace(X, shape=(1 << 20, 800))), "all tensors together take"),
        (
            relu(replace(X, shape=(1 << 20, 9)), replace(X, shape=(1 << 20, 9))),
            "inputs and outputs together take 18,874,368",
        ),
        (relu(replace(X, scale=float("nan"))), "tensor 0 has a scale that is negative or not a number"),
        (relu(replace(X, scale=float("inf"))), "tensor 0 has a scale"),
        (relu(replace(X, scale=-0.5)), "tensor 0 has a scale"),
        (relu(replace(X, scale=0.0)), "'t0' has scale 0"),
        (relu(replace(X, scale=1e-45)), "'t0' has scale 1.4013e-45"),
        (relu(replace(X, scale=3e38)), "'t0' has scale 3e"),
        (relu(replace(X, scale=[0.5, 0.5])), "'t0' has 2 scales"),
        (relu(replace(X, dtype="string")), "'t0' is string"),
        (relu(replace(X, dtype="complex64")), "'t0' is complex64"),
        (build([X, X, replace(X, zero_point=200)], [OpSpec("RELU", (0,), (1,), {})], [0, 2], [1]), "zero point 200"),
        (build([X, X, replace(X, dtype="float16")], [OpSpec("RELU", (0,), (1,), {})], [0, 2], [1]), "'t2' is float16"),
        (with_number(relu(replace(X, zero_point=77)), 77, 1 << 62), "has zero point 4611686018427387904"),
        (build([X, X], [OpSpec("RELU", (0,), (1,), {})], [0, 0], [1]), "two inputs are one tensor"),
        (build([X, X], [OpSpec("RELU", (0,), (1,), {})], [0], [1] * 3000), "1 inputs and 3,000 outputs, more than"),
        (
            build([X, X], [OpSpec("CONCATENATION", (0,) * 3000, (1,), {})], [0], [1]),
            "CONCATENATION has more than 2,048",
        ),
        (
            build([replace(X, data=random_int8(1, (1, 4))), X], [OpSpec("RELU", (0,), (1,), {})], [0], [1]),
            "'t0' is a constant",
        ),
        (build([X, X], [OpSpec("RELU", (0,), (-1,), {})], [0], [1]), "uses tensor -1 of 2"),
        (build([X, X], [OpSpec("RELU", (2,), (1,), {})], [0], [1]), "uses tensor 2 of 2"),
        (build([X, X], [OpSpec("RELU", (-2,), (1,), {})], [0], [1]), "uses tensor -2 of 2"),
        (build([X, X], [OpSpec("RELU", (0,), (1, 1), {})], [0], [1]), "writes a tensor twice"),
        (build([X, X], [OpSpec("RELU", (0,), (1,), {})], [0], [2]), "input or output 2 of 2"),
        (build([X, X], [OpSpec("RELU", (1,), (1,), {})], [0], [1]), "reads 't1' before anything computes it"),
        (build([X, X, X], [OpSpec("RELU", (2,), (1,), {}), OpSpec("RELU", (1,), (2,), {})], [0], [2]), "reads 't2'"),
        (build([X, X], [OpSpec("RELU", (0,), (1,), {})] * 3000, [0], [1]), "has been written already"),
        (dense(TensorSpec((3, 4), scale=[0.1] * 3, axis=1, data=random_int8(1, (3, 4)))), "3 scales along axis 1"),
        (dense(TensorSpec((3, 4), scale=[0.1] * 3, axis=-7, data=random_int8(1, (3, 4)))), "3 scales along axis -7"),
        (dense(TensorSpec((3, 4), scale=[0.1] * 2, data=random_int8(1, (3, 4)))), "2 scales for 3 channels"),
        (dense(TensorSpec((3, 4), scale=0.1, data=random_int8(1, (2, 4)))), r"int8\[3, 4\] has 8 bytes of data"),
        (model("MAX_POOL_2D", [IMAGE], [IMAGE], WINDOW | {"filter_w": 40_000}), r"filter \[1, 40000\]"),
        (model("AVERAGE_POOL_2D", [IMAGE], [IMAGE], WINDOW | {"filter_w": 32_000, "filter_h": 32_000}), "filter"),
        (model("AVERAGE_POOL_2D", [IMAGE], [IMAGE], WINDOW | {"filter_w": 999, "filter_h": 999}), "filter"),
        (
            model(
                "CONV_2D",
                [IMAGE, TensorSpec((1, 2, 2, 1), data=random_int8(1, (1, 2, 2, 1)))],
                [IMAGE],
                CONV | {"dilation_h": 1 << 30},
            ),
            "dilated by",
        ),
    ],
)
def test_refused(data: bytes, says: str) -> None:
    refused(data, says)


def test_options_of_another_operator_are_refused() -> None:
    """They would be read as something else: the union of the file says which they are."""
    data = bytearray(model("MAX_POOL_2D", [IMAGE], [IMAGE], WINDOW))
    operator = root(bytes(data)).tables(2)[0].tables(3)[0]
    data[operator._field(3)] = OPTIONS["CONV_2D"]
    refused(bytes(data), "operator 0 MAX_POOL_2D has options of kind 1, not 5")


def test_constants_behind_the_flatbuffer() -> None:
    weights = TensorSpec((3, 4), scale=0.1, data=random_int8(1, (3, 4)))
    tensors = [TensorSpec((1, 4)), weights, TensorSpec((1, 3))]
    spec = SubgraphSpec(tensors, [OpSpec("FULLY_CONNECTED", (0, 1), (2,), {})], [0], [2])
    data = build_subgraphs([spec], behind=True)
    assert weights.data is not None
    assert data.endswith(weights.data.tobytes())
    np.testing.assert_array_equal(compiled(data).tensors[1].data, weights.data)
    refused(data[:-1], "the data of tensor 1 lies behind the end")
    buffer = root(data).tables(4)[1]
    for field, value in ((1, (1 << 64) - 4), (2, 1 << 63)):
        changed = bytearray(data)
        at = buffer._field(field)
        changed[at : at + 8] = struct.pack("<Q", value)
        refused(bytes(changed), "the data of tensor 1 lies behind the end")


def test_one_table_read_again_and_again_ends() -> None:
    """A vector may refer to one table a million times, and that table to such a vector: reading it would never end."""
    count, start = 60_000, 20
    data = struct.pack("<IHHH2xiI", 12, 6, 8, 4, 8, 4)  # where the root is; its vtable; the root, whose vector follows
    offsets = [(12 - (start + 4 + 4 * i)) % 2**32 for i in range(count)]
    top = root(data + struct.pack(f"<I{count}I", count, *offsets))
    assert len(top.tables(0)) == count
    with pytest.raises(BadTableError, match="again and again"):
        top.tables(0)


def test_the_meter_counts_what_is_read() -> None:
    data = struct.pack("<I", 100) + bytes(400)
    table = Table(struct.pack("<HHH2x", 6, 8, 4) + struct.pack("<iI", 8, 4) + data, 8, Meter(900))
    assert len(table.integers(0)) == 100
    assert len(table.integers(0)) == 100
    with pytest.raises(BadTableError, match="again and again"):
        table.integers(0)


def test_variables_have_a_size() -> None:
    shape = (1 << 13, 1 << 14)
    big, handle = TensorSpec(shape), TensorSpec((), "resource", None)
    ops = [OpSpec("VAR_HANDLE", (), (1,), {"shared_name": "v"}), OpSpec("READ_VARIABLE", (1,), (2,), {})]
    data = build([big, handle, big], [*ops, OpSpec("ASSIGN_VARIABLE", (1, 0), (), {})], [0], [2])
    refused(data, "its variables take 134,217,728 bytes")


def test_as_many_operators_and_as_much_work_as_there_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [OpSpec("RELU", (i,), (i + 1,), {}) for i in range(3)]
    data = build([X] * 4, chain, [0], [3])
    compiled(data)
    monkeypatch.setattr(verify, "MOST_OPERATORS", 2)
    refused(data, "has 3 operators, more than 2")
    linear = linear_specs(1, (3, 4), 3, axis=0, per_channel=True, bias=True, input_scale=0.5)
    work = model("FULLY_CONNECTED", [TensorSpec((1, 4)), *linear], [TensorSpec((1, 3))])
    compiled(work)
    monkeypatch.setattr(verify, "MOST_MACS", 11)
    refused(work, "one run takes 12 multiply-accumulates, more than 11")


def test_a_long_network_takes_no_longer_than_its_length() -> None:
    """No pass looks at all operators for each of them."""

    def seconds(count: int) -> float:
        data = build([X] * (count + 1), [OpSpec("RELU", (i,), (i + 1,), {}) for i in range(count)], [0], [count])
        began = time.process_time()
        compiled(data)
        return time.process_time() - began

    compiled(relu())
    assert seconds(1600) < 16 * seconds(400)


def test_kinds_of_options_are_those_of_the_schema() -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    numbers: dict[str, int] = {k: v for k, v in vars(schema.BuiltinOptions).items() if isinstance(v, int)}
    for operator, number in OPTIONS.items():
        assert number in numbers.values(), operator
    words: Sequence[tuple[str, str]] = (("ADD", "AddOptions"), ("PADV2", "PadV2Options"), ("SUM", "ReducerOptions"))
    assert all(OPTIONS[operator] == numbers[options] for operator, options in words)
    for options, number in numbers.items():
        plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", options.removesuffix("Options")).upper()
        assert OPTIONS.get(plain, number) == number, options


def test_large_networks_have_fewer_golden_vectors() -> None:
    big = TensorSpec((1, 1000, 1000), scale=0.1)
    graph = read_tflite(relu(big, big), "m.tflite")
    assert len(golden_vectors(graph, [np.zeros((5, 1000, 1000), np.int8)], 8)) == 2
    assert len(golden_vectors(read_tflite(relu(), "m.tflite"), (), 8)) == 8

"""Passes make less of a network and change no bit: the numpy reference runs it before and after each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from needs import need_packages
from random_network import random_network
from single_op import check, linear_specs, model, random_int8
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import reference
from firmware_export.errors import ExportError
from firmware_export.graph import Array, Graph, Op
from firmware_export.ops.window import PADS
from firmware_export.passes import PASSES, apply_passes, constants, drop_dead_code, simplify
from firmware_export.planner import plan_memory
from firmware_export.program import lower
from firmware_export.prove import prove
from firmware_export.reader import read_tflite
from firmware_export.vectors import generated_inputs

pytestmark = pytest.mark.slow

Budget = constants._Budget

SAME, VALID = 0, 1
RELU, RELU_N1_TO_1, RELU6 = 1, 2, 3


def values_of(graph: Graph, inputs: Sequence[Array]) -> dict[int, Array]:
    """Every computed tensor, (N, *shape), of a graph as it is, without any pass."""
    values = dict(zip(graph.inputs, inputs, strict=True))
    for op in graph.ops:
        values.update(zip(op.outputs, reference.run_node(graph.node(op), values), strict=True))
    return values


def check_equal(graph: Graph) -> tuple[Graph, Counter[str]]:
    """The graph after all passes, each of which changed no bit of what is left; and how often each did something."""
    inputs = generated_inputs(graph, 6)
    graph = simplify(graph)
    before, used = values_of(graph, inputs), Counter[str]()
    for _ in range(2):
        for one in PASSES:
            after = one(graph)
            used[one.__name__] += after.ops != graph.ops
            got = values_of(after, inputs)
            for index in (i for op in after.ops for i in op.outputs):
                np.testing.assert_array_equal(got[index], before[index], err_msg=one.__name__)
            graph = after
    done = apply_passes(graph)
    assert done.removed or done.ops == graph.ops
    assert apply_passes(done) == done
    return graph, used


def read(data: bytes) -> Graph:
    return read_tflite(data, "net.tflite")


def test_random_networks_keep_every_bit() -> None:
    used: Counter[str] = Counter()
    for seed in range(60):
        used += check_equal(read(random_network(seed)))[1]
    assert all(used[one.__name__] >= 5 for one in PASSES), used


@pytest.mark.parametrize("seed", range(6))
def test_c_of_random_networks_has_the_bits_of_tflite_micro(seed: int, tmp_path: Path, compiler: str) -> None:
    check(random_network(seed, 16), tmp_path, compiler)


def kinds(graph: Graph) -> list[tuple[int, str]]:
    return [(op.index, op.type) for op in graph.ops]


def padded(
    kind: str = "CONV_2D",
    pads: tuple[tuple[int, int], ...] = ((0, 0), (1, 2), (2, 0), (0, 0)),
    *,
    zero: int = 7,
    padding: int = VALID,
    stride: int = 2,
    outputs: tuple[int, ...] = (4,),
) -> bytes:
    """PAD, then an operator with a window of 3x3 over a (1, 6, 5, 2)."""
    extents = [n + sum(pads[axis + 1]) for axis, n in enumerate((6, 5))]
    channels = 2 + sum(pads[3])
    filter_shape = (4, 3, 3, channels) if kind == "CONV_2D" else (1, 3, 3, channels)
    reach = 1 if padding == SAME else 3
    out = (1 + sum(pads[0]), *((n + stride - reach) // stride for n in extents))
    quant = {"scale": 0.05, "zero_point": zero}
    tensors = [
        TensorSpec((1, 6, 5, 2), **quant),
        TensorSpec((4, 2), "int32", None, data=np.array(pads, np.int32)),
        TensorSpec((1 + sum(pads[0]), *extents, channels), **quant),
        TensorSpec(filter_shape, scale=0.01, data=random_int8(1, filter_shape)),
    ]
    options = {"stride_h": stride, "stride_w": stride, "padding": padding, "depth_multiplier": 1}
    if "POOL" in kind:
        options |= {"filter_h": 3, "filter_w": 3}
        tensors.append(TensorSpec((*out, channels), **quant))
    else:
        tensors.append(TensorSpec((*out, 4 if kind == "CONV_2D" else channels), scale=0.1))
    inputs = (2,) if "POOL" in kind else (2, 3)
    return build(tensors, [OpSpec("PAD", (0, 1), (2,), {}), OpSpec(kind, inputs, (4,), options)], [0], outputs)


FOLDED = [
    {},
    {"kind": "DEPTHWISE_CONV_2D", "padding": SAME, "stride": 1, "pads": ((0, 0), (0, 1), (1, 0), (0, 0))},
    {"pads": ((0, 0), (0, 1), (0, 1), (0, 0)), "stride": 2},
    {"padding": SAME, "stride": 3, "pads": ((0, 0), (1, 0), (1, 1), (0, 0))},
    {"kind": "MAX_POOL_2D", "zero": -128},
]


@pytest.mark.parametrize("case", FOLDED)
def test_padding_becomes_part_of_the_window(case: dict[str, object], tmp_path: Path, compiler: str) -> None:
    data = padded(**case)  # type: ignore[arg-type]
    graph, _ = check_equal(read(data))
    assert kinds(graph) == [(1, case.get("kind", "CONV_2D"))]
    assert "arena" not in {place.kind for place in plan_memory(graph).places.values()}
    check(data, tmp_path, compiler)


KEPT = [
    {"kind": "AVERAGE_POOL_2D"},
    {"kind": "MAX_POOL_2D", "zero": -127},
    {"pads": ((0, 1), (1, 1), (1, 1), (0, 0))},
    {"pads": ((0, 0), (1, 1), (1, 1), (0, 1))},
    {"pads": ((0, 0), (3, 1), (1, 1), (0, 0))},
    {"outputs": (4, 2)},
]


@pytest.mark.parametrize("case", KEPT)
def test_padding_that_is_something_else_stays(case: dict[str, object]) -> None:
    graph, _ = check_equal(read(padded(**case)))  # type: ignore[arg-type]
    assert [kind for _, kind in kinds(graph)] == ["PAD", case.get("kind", "CONV_2D")]


def test_no_file_can_ask_for_explicit_padding() -> None:
    """They are options that no field of a file sets."""
    op = read(padded()).ops[1]
    assert not set(PADS) & set(op.options)


def activated(
    relu: str, *, activation: int = 0, scale: float = 0.05, kind: str = "CONV_2D", extra: bool = False
) -> bytes:
    """An operator with output (scale 0.05, zero point -3), then an activation of its own with the given scale."""
    quant = {"scale": 0.05, "zero_point": -3}
    tensors = [
        TensorSpec((1, 4, 4, 2), scale=0.05, zero_point=7),
        TensorSpec((3, 3, 3, 2), scale=0.01, data=random_int8(1, (3, 3, 3, 2))),
        TensorSpec((1, 4, 4, 2 if kind == "ADD" else 3), **quant),
        TensorSpec((1, 4, 4, 2 if kind == "ADD" else 3), scale=scale, zero_point=-3),
    ]
    options = {"stride_h": 1, "stride_w": 1, "activation": activation}
    first = OpSpec(kind, (0, 0) if kind == "ADD" else (0, 1), (2,), options)
    return build(tensors, [first, OpSpec(relu, (2,), (3,), {})], [0], [3, 2] if extra else [3])


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ({"relu": "RELU"}, RELU),
        ({"relu": "RELU6", "kind": "ADD"}, RELU6),
        ({"relu": "RELU6", "activation": RELU}, RELU6),
        ({"relu": "RELU", "activation": RELU6}, RELU6),
        ({"relu": "RELU6", "activation": RELU_N1_TO_1}, None),
        ({"relu": "RELU", "scale": 0.03}, None),
        ({"relu": "QUANTIZE", "scale": 0.03}, None),
        ({"relu": "RELU", "extra": True}, None),
    ],
)
def test_an_activation_joins_the_operator_before(case: dict[str, object], code: int | None) -> None:
    """RELU_N1_TO_1 and then RELU6 is the range 0 to 1, which no fused activation has."""
    data = activated(**case)  # type: ignore[arg-type]
    graph, _ = check_equal(read(data))
    if code is None:
        assert len(graph.ops) == 2
    else:
        assert kinds(graph) == [(1, case.get("kind", "CONV_2D"))]
        assert graph.ops[0].options["activation"] == code


QUANTS = {"LOGISTIC": (1 / 256, -128), "QUANTIZE": (0.04, 9), "ADD": (0.05, 2), "IDENTITY": (0.05, 4)}


def chain(*types: str, branch: bool = False) -> bytes:
    """int8 (1, 3, 4) through operators that map each value on its own; ADD adds a constant, IDENTITY is a QUANTIZE."""
    tensors = [TensorSpec((1,), scale=0.3, zero_point=1, data=np.array([5], np.int8))]
    tensors.append(TensorSpec((1, 3, 4), scale=0.05, zero_point=4))
    ops = []
    for kind in types:
        scale, zero = QUANTS.get(kind, (tensors[-1].scale, tensors[-1].zero_point))
        inputs = (len(tensors) - 1, 0) if kind == "ADD" else (len(tensors) - 1,)
        ops.append(OpSpec("QUANTIZE" if kind == "IDENTITY" else kind, inputs, (len(tensors),), {}))
        tensors.append(TensorSpec((1, 3, 4), scale=scale, zero_point=zero))
    return build(tensors, ops, [1], [len(tensors) - 1, *([2] if branch else [])])


CHAINS = {
    ("RELU6", "LOGISTIC"): [(1, "LOOKUP")],
    ("QUANTIZE", "RELU", "LOGISTIC", "QUANTIZE"): [(3, "LOOKUP")],
    ("RELU", "ADD", "RELU6"): [(2, "LOOKUP")],
    ("ADD", "RELU6"): [(1, "ADD")],
    ("IDENTITY", "LOGISTIC"): [(1, "LOGISTIC")],
    ("IDENTITY", "IDENTITY"): [(1, "RESHAPE")],
    ("ADD", "QUANTIZE"): [(1, "LOOKUP")],
}


@pytest.mark.parametrize("types", CHAINS)
def test_a_chain_of_tables_becomes_one(types: tuple[str, ...], tmp_path: Path, compiler: str) -> None:
    graph, _ = check_equal(read(chain(*types)))
    assert kinds(graph) == CHAINS[types]
    if "LOOKUP" in str(kinds(graph)):
        merged = types[:2] if types[-1] == "RELU6" else types  # RELU6 has joined ADD before
        assert graph.tensors[graph.ops[0].inputs[1]].name == ", then ".join(merged)
        assert list(lower(graph, plan_memory(graph)).constants) == [f"op{len(types) - 1}_table"]
    check(chain(*types), tmp_path, compiler)


def test_a_value_that_others_need_stays() -> None:
    graph, _ = check_equal(read(chain("QUANTIZE", "LOGISTIC", branch=True)))
    assert kinds(graph) == [(0, "QUANTIZE"), (1, "LOGISTIC")]


def test_lookup_is_in_no_file() -> None:
    with pytest.raises(ExportError) as error:
        apply_passes(read(model("CUSTOM", [TensorSpec((1, 4))], [TensorSpec((1, 4))])))
    assert "LOOKUP" not in str(error.value)


def test_copies_cost_nothing(tmp_path: Path, compiler: str) -> None:
    """CONCATENATION of one tensor, PAD by nothing, QUANTIZE to the same scale; outputs keep their tensors."""
    like = {"scale": 0.05, "zero_point": 4}
    tensors = [
        TensorSpec((1, 2, 3, 2), **like),
        TensorSpec((1, 2, 3, 2), scale=0.04, zero_point=4),
        TensorSpec((4, 2), "int32", None, data=np.zeros((4, 2), np.int32)),
        *(TensorSpec((1, 2, 3, 2), scale=0.04, zero_point=4) for _ in range(3)),
        TensorSpec((1, 3, 2, 2), scale=0.04, zero_point=4),
        TensorSpec((1, 2, 3, 2), **like),
    ]
    ops = [
        OpSpec("QUANTIZE", (0,), (1,), {}),
        OpSpec("PAD", (1, 2), (3,), {}),
        OpSpec("CONCATENATION", (3,), (4,), {"axis": 3}),
        OpSpec("QUANTIZE", (4,), (5,), {}),
        OpSpec("RESHAPE", (5,), (6,), {}),
        OpSpec("QUANTIZE", (4,), (7,), {}),
    ]
    data = build(tensors, ops, [0], [6, 7, 3])
    graph, _ = check_equal(read(data))
    assert kinds(graph) == [(0, "QUANTIZE"), (1, "RESHAPE"), (4, "RESHAPE"), (5, "QUANTIZE")]
    assert graph.outputs == (6, 7, 3)
    check(data, tmp_path, compiler)


def test_constants_that_would_fill_the_flash_are_computed() -> None:
    """Joining a small constant to itself is folded; a PAD of 4 bytes to 40,000 is not, unless a filter needs it."""
    wide = np.array([(0, 0), (0, 0), (0, 0), (0, 9999)], np.int32)

    def network(reader: OpSpec, output: TensorSpec) -> Graph:
        tensors = [
            TensorSpec((1, 1, 1, 10000 if reader.type == "CONV_2D" else 4)),
            TensorSpec((4, 1, 1, 1), data=random_int8(1, (4, 1, 1, 1))),
            TensorSpec((4, 2), "int32", None, data=wide),
            TensorSpec((4, 1, 1, 10000)),
            output,
        ]
        return read(build(tensors, [OpSpec("PAD", (1, 2), (3,), {}), reader], [0], [4]))

    options = {"stride_h": 1, "stride_w": 1, "dilation_h": 1, "dilation_w": 1}
    conv = apply_passes(network(OpSpec("CONV_2D", (0, 3), (4,), options), TensorSpec((1, 1, 1, 4))))
    assert kinds(conv) == [(1, "CONV_2D")]
    added = apply_passes(network(OpSpec("ADD", (3, 3), (4,), {}), TensorSpec((4, 1, 1, 10000))))
    assert kinds(added) == [(0, "PAD"), (1, "ADD")]


def test_folding_has_an_end() -> None:
    """A file of a few bytes asks for 256 MB of zeros, and then for a convolution with them."""
    many = np.array([(0, 0), (0, 0), (0, 0), (0, 1 << 26)], np.int32)
    tensors = [
        TensorSpec((1, 1, 1, 4)),
        TensorSpec((4, 1, 1, 1), data=random_int8(1, (4, 1, 1, 1))),
        TensorSpec((4, 2), "int32", None, data=many),
        TensorSpec((4, 1, 1, (1 << 26) + 1)),
        TensorSpec((1, 1, 1, 4)),
    ]
    conv = OpSpec("CONV_2D", (0, 3), (4,), {"stride_h": 1, "stride_w": 1})
    graph = read(build(tensors, [OpSpec("PAD", (1, 2), (3,), {}), conv], [0], [4]))
    with pytest.raises(ExportError, match="the filter must be a constant"):
        apply_passes(graph)


def test_a_variable_is_never_dead() -> None:
    """An operator that reads and writes the same tensor changes what the next run sees."""
    graph = read(chain("RELU", "LOGISTIC"))
    assign = Op(9, "ASSIGN", (2, 1), (2,), {})
    changed = Graph(graph.name, "", graph.tensors, (assign, *graph.ops[1:]), graph.inputs, graph.outputs)
    assert changed.state == {2}
    assert assign in drop_dead_code(changed).ops


def test_equal_tables_are_there_once(tmp_path: Path, compiler: str) -> None:
    specs = linear_specs(1, (4, 4), 4, axis=0, per_channel=True, bias=True, input_scale=0.5)
    tensors = [TensorSpec((1, 4)), *specs, *specs, TensorSpec((1, 4)), TensorSpec((1, 4))]
    ops = [OpSpec("FULLY_CONNECTED", (0, 1, 2), (5,), {}), OpSpec("FULLY_CONNECTED", (5, 3, 4), (6,), {})]
    data = build(tensors, ops, [0], [6])
    graph = apply_passes(read(data))
    program = lower(graph, plan_memory(graph))
    roles = ("bias", "multiplier", "constant", "shift", "weights")
    assert list(program.constants) == [f"op0_{role}" for role in roles]
    assert program.twins["op1_weights"] == "op0_weights"
    assert program.weights_bytes == 16 + 4 * (4 + 4 + 4 + 1)
    assert program.constants["op0_bias"].comment.endswith("; also op1_bias")
    check(data, tmp_path, compiler)


@pytest.mark.parametrize("data", [padded(), activated("RELU"), chain("ADD", "QUANTIZE")])
def test_a_proof_compares_what_the_passes_left(data: bytes, tmp_path: Path) -> None:
    """The fused operator is compared under the index of the last one, the numpy reference operator by operator."""
    need_packages("tflite_micro")
    (tmp_path / "net.tflite").write_bytes(data)
    proof = prove(tmp_path / "net.tflite", count=8, runtimes=("tflm", "numpy", "host"))
    assert proof.proved, proof.message
    assert (proof.runtime("numpy").operators_compared, proof.runtime("host").operators_compared) == (2, 1)


def test_another_shape_of_a_constant_is_free(tmp_path: Path, compiler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where nothing may be folded, as in a network with too many constants, kernels find the table."""
    monkeypatch.setattr(constants, "_Budget", lambda: Budget(0, 0))
    tensors = [TensorSpec((2, 3)), TensorSpec((6,), data=random_int8(1, (6,))), TensorSpec((2, 3)), TensorSpec((2, 3))]
    ops = [OpSpec("RESHAPE", (1,), (2,), {}), OpSpec("ADD", (0, 2), (3,), {})]
    check(build(tensors, ops, [0], [3]), tmp_path, compiler)

from __future__ import annotations

import random
from pathlib import Path

import needs
import numpy as np
import pytest
from single_op import linear_specs, model, random_int8
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import ExportError, reference
from firmware_export.passes import apply_passes
from firmware_export.planner import plan_memory
from firmware_export.program import lower
from firmware_export.reader import read_tflite

NETWORKS = ("mlperf_tiny_ic_resnet8", "tflm_hello_world_sine", "tflm_micro_speech")


def fully_connected(output: TensorSpec | None = None) -> bytes:
    linear = linear_specs(1, (3, 4), 3, axis=0, per_channel=True, bias=True, input_scale=0.5)
    return model(
        "FULLY_CONNECTED", [TensorSpec((1, 4), name="in"), *linear], [output or TensorSpec((1, 3), name="out")]
    )


def survives(data: bytes) -> None:
    """Reading and lowering ends with a program, or with one ExportError of one line."""
    message = "broken.tflite: "
    try:
        graph = apply_passes(read_tflite(data, "broken.tflite"))
        lower(graph, plan_memory(graph))
    except ExportError as error:
        message = str(error)
    assert message.startswith("broken.tflite: ")
    assert "\n" not in message


def test_says_what_the_file_says() -> None:
    graph = read_tflite(fully_connected(), "m.tflite")
    assert [t.name for t in graph.tensors] == ["in", "weights", "bias", "out"]
    assert [t.shape for t in graph.tensors] == [(1, 4), (3, 4), (3,), (1, 3)]
    assert (graph.inputs, graph.outputs) == ((0,), (3,))
    op = graph.ops[0]
    assert (op.index, op.type, op.inputs, op.outputs) == (0, "FULLY_CONNECTED", (0, 1, 2), (3,))
    np.testing.assert_array_equal(graph.tensors[1].data, random_int8(1, (3, 4)))
    quant = graph.tensors[1].quant
    assert quant is not None
    assert len(quant.scale) == 3
    assert quant.axis == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"TFL", "too short"),
        (b"\x1c\0\0\0NOPE" + b"\0" * 40, "not a .tflite file"),
        (b"\xff\xff\xff\x7fTFL3" + b"\0" * 40, "damaged or cut short"),
    ],
)
def test_not_a_model(data: bytes, says: str) -> None:
    with pytest.raises(ExportError, match=says):
        read_tflite(data, "m.tflite")


def test_cut_anywhere() -> None:
    data = fully_connected()
    for end in range(len(data)):
        survives(data[:end])


@pytest.mark.parametrize("name", NETWORKS)
def test_cut_and_flipped_networks(name: str) -> None:
    data = needs.tflite_model(f"{name}.tflite").read_bytes()
    source = random.Random(7)
    for _ in range(60):
        survives(data[: source.randrange(len(data))])
    for _ in range(60):
        flipped = bytearray(data)
        for _ in range(source.choice((1, 4, 40))):
            # The tables lie at both ends; the middle is weights.
            at = source.randrange(len(data)) if source.random() < 0.2 else -source.randrange(1, min(len(data), 6000))
            flipped[at] = source.randrange(256)
        survives(bytes(flipped))


def test_float_model() -> None:
    data = model("ADD", [TensorSpec((1, 4), "float32", None, name="x")] * 2, [TensorSpec((1, 4), "float32", None)])
    with pytest.raises(
        ExportError, match=r"is a float model \(tensor 'x' is float32\); needs int8: run edgenet quantize"
    ):
        read_tflite(data, "m.tflite")


def test_unknown_operator() -> None:
    data = model("SPACE_TO_DEPTH", [TensorSpec((1, 4))], [TensorSpec((1, 4), name="down/space")])
    with pytest.raises(ExportError) as caught:
        read_tflite(data, "m.tflite")
    assert str(caught.value).startswith(
        "m.tflite: operator 0 SPACE_TO_DEPTH (output 'down/space') is not supported. Supported: ADD, "
    )
    assert read_tflite(data, "m.tflite", strict=False).ops[0].type == "SPACE_TO_DEPTH"


def test_quantized_dimension_of_a_bias_does_not_matter() -> None:
    linear = linear_specs(1, (3, 4), 3, axis=0, per_channel=True, bias=True, input_scale=0.5)
    odd = TensorSpec((3,), "int32", linear[1].scale, axis=3, data=linear[1].data)
    data = model("FULLY_CONNECTED", [TensorSpec((1, 4)), linear[0], odd], [TensorSpec((1, 3))])
    x = random_int8(2, (5, 1, 4))
    np.testing.assert_array_equal(
        reference.run(read_tflite(data, "m"), [x])[0], reference.run(read_tflite(fully_connected(), "m"), [x])[0]
    )


def test_batch_of_minus_one_is_one() -> None:
    data = model("RELU", [TensorSpec((-1, 4))], [TensorSpec((-1, 4))])
    assert read_tflite(data, "m.tflite").tensors[0].shape == (1, 4)


def test_computed_shape_of_a_reshape_folds_away() -> None:
    """What Keras writes for Flatten with a free batch: SHAPE, STRIDED_SLICE, PACK, RESHAPE."""
    numbers = [TensorSpec((1,), "int32", None, data=np.array([n], np.int32)) for n in (0, 1, 1)]
    tensors = [
        TensorSpec((1, 2, 2)),
        TensorSpec((3,), "int32", None),
        *numbers,
        TensorSpec((), "int32", None),
        TensorSpec((), "int32", None, data=np.array(4, np.int32)),
        TensorSpec((2,), "int32", None),
        TensorSpec((1, 4)),
    ]
    ops = [
        OpSpec("SHAPE", (0,), (1,), {}),
        OpSpec("STRIDED_SLICE", (1, 2, 3, 4), (5,), {}),
        OpSpec("PACK", (5, 6), (7,), {}),
        OpSpec("RESHAPE", (0, 7), (8,), {}),
    ]
    graph = apply_passes(read_tflite(build(tensors, ops, [0], [8]), "m.tflite"))
    assert [(op.index, op.type) for op in graph.ops] == [(3, "RESHAPE")]


def test_constant_branch_folds() -> None:
    constants = [TensorSpec((1, 4), data=random_int8(i, (1, 4))) for i in range(2)]
    tensors = [TensorSpec((1, 4)), *constants, TensorSpec((1, 4)), TensorSpec((1, 4), scale=1.0)]
    ops = [OpSpec("ADD", (1, 2), (3,), {}), OpSpec("ADD", (0, 3), (4,), {})]
    data = build(tensors, ops, [0], [4])
    graph = read_tflite(data, "m.tflite")
    assert [op.index for op in apply_passes(graph).ops] == [1]
    assert list(reference.run_all(graph, [random_int8(3, (2, 1, 4))])) == [1]


def test_inputs_are_checked(tmp_path: Path) -> None:
    graph = read_tflite(fully_connected(), "m.tflite")
    with pytest.raises(ExportError, match=r"input 'in' is int8 \(N, 1, 4\), got int32"):
        reference.run(graph, [np.zeros((2, 1, 4), np.int32)])
    with pytest.raises(ExportError, match="the network has 1 inputs, got 0 arrays"):
        reference.run(graph, [])


@pytest.mark.parametrize(
    ("kind", "tensors", "says"),
    [
        (
            "RELU",
            [TensorSpec((1, 4), zero_point=300), TensorSpec((1, 4))],
            "first input must be int8 .*zero point 300",
        ),
        ("RELU", [TensorSpec((1, 4), "int16"), TensorSpec((1, 4))], r"must be int8 with one scale \('t0' is int16\)"),
        ("RELU", [TensorSpec((1, 4), scale=None), TensorSpec((1, 4))], "'t0' has no scale"),
        ("RELU", [TensorSpec((1, 4), scale=1e10), TensorSpec((1, 4), scale=1e-10)], "the factor from the input's"),
        ("SOFTMAX", [TensorSpec((1, 4)), TensorSpec((1, 4))], "must have scale 1/256 and zero point -128"),
        ("MAX_POOL_2D", [TensorSpec((1, 4)), TensorSpec((1, 4))], r"must have four axes .* \(it has \(1, 4\)\)"),
        ("CONCATENATION", [TensorSpec((1, 4), scale=0.1), TensorSpec((1, 4))], "same scale and zero point"),
    ],
)
def test_broken_rules_are_named(kind: str, tensors: list[TensorSpec], says: str) -> None:
    data = model(kind, tensors[:1], tensors[1:], {"stride_w": 1, "stride_h": 1, "beta": 1.0})
    with pytest.raises(ExportError, match=rf"^m.tflite: operator 0 {kind} \(output 't1'\): .*{says}"):
        apply_passes(read_tflite(data, "m.tflite"))

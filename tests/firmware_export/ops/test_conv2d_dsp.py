from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from convolutions import CASES, conv
from single_op import Single, check, linear_specs, several
from tflite_builder import TensorSpec

from firmware_export.passes import apply_passes
from firmware_export.project import compile_graph
from firmware_export.reader import read_tflite
from firmware_export.requant_layers import prove_layers
from firmware_export.targets import find_target

TARGET = replace(find_target("cortex-m4"), take=frozenset({"CONV_2D_DSP", "DEPTHWISE_CONV_2D_SINGLE_DSP"}))
SAME, VALID, RELU = 0, 1, 1
KERNEL = "conv2d_dsp_s8"


def drawn(seed: int, kind: str = "CONV_2D") -> Single:
    """A convolution of a shape that is awkward somewhere: few or odd channels, narrow images, long strides."""
    rng = np.random.RandomState(seed)
    kernel, stride = rng.randint(1, 6, 2), rng.randint(1, 4, 2)
    dilation = rng.choice([1, 1, 1, 2], 2)
    depth = 1 if kind != "CONV_2D" else int(rng.randint(1, 12))
    filters, batch = int(rng.randint(1, 10)), int(rng.choice([1, 1, 2]))
    size = [int(rng.randint(1, 14)) for _ in range(2)]
    reach = (kernel - 1) * dilation + 1
    padding = SAME if (reach > size).any() else int(rng.choice([SAME, VALID]))
    out = [-(-(size[i] - (reach[i] - 1) * (padding == VALID)) // stride[i]) for i in range(2)]
    relu = bool(rng.choice([0, 1]))
    shape = (filters, *kernel, depth) if kind == "CONV_2D" else (1, *kernel, filters)
    weights = linear_specs(
        seed,
        shape,
        filters,
        axis=0 if kind == "CONV_2D" else 3,
        per_channel=bool(seed % 3),
        bias=bool(seed % 4),
        input_scale=0.05,
    )
    zero_point = -128 if relu else int(rng.randint(-128, 128))
    options = {"padding": padding, "stride_h": int(stride[0]), "stride_w": int(stride[1]), "activation": int(relu)}
    options |= {"dilation_h": int(dilation[0]), "dilation_w": int(dilation[1])}
    options |= {} if kind == "CONV_2D" else {"depth_multiplier": filters}
    return Single(
        kind,
        [TensorSpec((batch, *size, depth), scale=0.05, zero_point=int(rng.randint(-128, 128))), *weights],
        [TensorSpec((batch, *out, filters), scale=float(rng.uniform(0.02, 0.6)), zero_point=zero_point)],
        options,
    )


def kernels(data: bytes) -> tuple[str, ...]:
    return compile_graph(read_tflite(data, "m.tflite"), TARGET).kernels


@pytest.mark.parametrize("part", range(2))
def test_drawn_shapes(part: int, tmp_path: Path, compiler: str) -> None:
    data = several(drawn(seed) for seed in range(30 * part, 30 * part + 30))
    assert kernels(data) == (KERNEL,)
    outputs = check(data, tmp_path, compiler, target=TARGET)
    assert sum(len(np.unique(output)) > 8 for output in outputs) > len(outputs) // 2


def test_depthwise_of_one_channel(tmp_path: Path, compiler: str) -> None:
    data = several(drawn(seed, "DEPTHWISE_CONV_2D") for seed in range(200, 212))
    assert kernels(data) == (KERNEL,)
    check(data, tmp_path, compiler, target=TARGET)


@pytest.mark.parametrize("case", CASES)
def test_cases_of_the_plain_kernel(case: str, tmp_path: Path, compiler: str) -> None:
    data = conv(**CASES[case])  # type: ignore[arg-type]
    check(data, tmp_path, compiler, target=TARGET)
    # Groups, and factors above one for which no short form is proved, are the plain kernel's.
    other = "group" in case or case == "factor above one"
    assert kernels(data) == (("conv2d_s8",) if other else (KERNEL,))


def test_both_forms_are_proved() -> None:
    graph = apply_passes(read_tflite(several(drawn(seed) for seed in range(30)), "m.tflite"))
    verdicts = prove_layers(compile_graph(graph, TARGET))
    assert all(verdict.proved for verdict in verdicts)
    assert {verdict.form for verdict in verdicts} == {"Staircase", "Linear"}


def test_a_weight_that_does_not_pack_is_the_plain_kernels(tmp_path: Path, compiler: str) -> None:
    weights = np.full((2, 1, 1, 4), -128, np.int8)
    single = Single(
        "CONV_2D",
        [TensorSpec((1, 2, 3, 4), scale=0.05, zero_point=3), TensorSpec(weights.shape, scale=0.01, data=weights)],
        [TensorSpec((1, 2, 3, 2), scale=0.4, zero_point=-5)],
        {"stride_h": 1, "stride_w": 1},
    )
    data = several([single])
    assert kernels(data) == ("conv2d_s8",)
    check(data, tmp_path, compiler, target=TARGET)

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from single_op import KERNELS, SANITIZE, WARNINGS, Single, check, several, tflm_outputs
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import ExportError, reference
from firmware_export.graph import Array
from firmware_export.passes import apply_passes
from firmware_export.reader import read_tflite

INTEGERS = [
    ("int8", "int8"),
    ("int8", "uint8"),
    ("int8", "int16"),
    ("int8", "int32"),
    ("uint8", "int8"),
    ("int16", "int8"),
    ("int16", "int16"),
    ("int16", "int32"),
]
SCALES = [(0.1, 0.07), (0.02, 0.02), (0.001, 0.9), (3.0, 0.004)]
"""(input scale, output scale)."""
ZEROS = {"int8": -7, "uint8": 121, "int16": 0, "int32": 0}


def quantize(before: str, after: str, scales: tuple[float, float], zeros: tuple[int, int]) -> Single:
    shape = (2, 3, 4, 5)
    given = TensorSpec(shape, before, None if before == "float32" else scales[0], zeros[0])
    return Single("QUANTIZE", [given], [TensorSpec(shape, after, scales[1], zeros[1])])


@pytest.mark.parametrize(("before", "after"), INTEGERS)
def test_integers_get_the_bits_of_tflite_micro(before: str, after: str, tmp_path: Path, compiler: str) -> None:
    cases = [quantize(before, after, scales, (ZEROS[before], ZEROS[after])) for scales in SCALES]
    check(several(cases), tmp_path, compiler)


@pytest.mark.parametrize("after", ["int8", "int16"])
def test_wide_integers_get_the_bits_of_tflite_micro(after: str, tmp_path: Path, compiler: str) -> None:
    source = np.random.RandomState(7)
    shape = (2, 3, 4, 5)
    rows = [source.randint(-(2**bits), 2**bits, shape) for bits in (4, 8, 12, 16, 20, 24, 29)]
    numbers = [(0.001, 0.07, 0), (0.1, 0.1, 5), (0.0003, 90.0, -3)]
    cases = [quantize("int32", after, (before, scale), (zero, -zero)) for before, scale, zero in numbers]
    check(several(cases), tmp_path, compiler, inputs=[np.stack(rows).astype(np.int32)] * len(cases))


@pytest.mark.parametrize(("before", "after", "zeros"), [("uint8", "int8", (128, 0)), ("int8", "uint8", (0, 128))])
def test_other_sign_alone(before: str, after: str, zeros: tuple[int, int], tmp_path: Path, compiler: str) -> None:
    check(several([quantize(before, after, (0.1, 0.1), zeros)]), tmp_path, compiler)


def test_floats_get_the_bits_of_tflite_micro(tmp_path: Path, compiler: str) -> None:
    numbers = [(0.1, 3), (0.003, -5), (1.0, 0), (0.0625, 127), (0.5, -128), (1.7, 9)]
    check(several(quantize("float32", "int8", (0, scale), (0, zero)) for scale, zero in numbers), tmp_path, compiler)


HALVES = np.arange(-600, 600, dtype=np.float32) * np.float32(0.25)
EDGES = np.nextafter(HALVES, [[np.float32(-np.inf)], [np.float32(np.inf)]]).reshape(-1)
LARGE = np.float32([300, -300, 2**31 - 128, -(2**31) + 128, 1e9, -1e9, 1e-38, -1e-38, 0.0, -0.0])
UNDEFINED = np.float32([2**31, -(2**31), 1e10, -1e10, 3e38, -3e38, np.inf, -np.inf, np.nan])
"""For these a conversion to int32 is not defined; TFLite Micro leaves the result to the processor."""


def floats_to_int8(values: Array, scale: float, zero: int) -> tuple[bytes, Array]:
    """(model, input (1, n)) that quantizes `values`."""
    tensors = [TensorSpec(values.shape, "float32", None), TensorSpec(values.shape, "int8", scale, zero)]
    return build(tensors, [OpSpec("QUANTIZE", (0,), (1,), {})], [0], [1]), values[np.newaxis]


@pytest.mark.parametrize("zero", [0, 3, -128, 127])
@pytest.mark.parametrize("scale", [1.0, 0.1, 0.0078125, 2.5])
def test_halves_and_their_neighbours(scale: float, zero: int) -> None:
    values = np.concatenate([HALVES, EDGES]) * np.float32(scale)
    data, x = floats_to_int8(np.concatenate([values, LARGE * np.float32(min(scale, 1))]), scale, zero)
    got = reference.run(read_tflite(data, "m.tflite"), [x])
    np.testing.assert_array_equal(got[0], tflm_outputs(data, [x])[0])


HARNESS = """
#include "edgenet_nn.h"
#include <stdio.h>
int main(void)
{
    const edgenet_quantize_f32_s8_params p = {.size = 1, .scale = SCALE, .output_offset = ZERO};
    float x;
    while (fread(&x, sizeof x, 1, stdin) == 1) {
        int8_t y;
        edgenet_quantize_f32_s8(&p, &x, &y);
        putchar((uint8_t)y);
    }
    return 0;
}
"""


@pytest.mark.parametrize("zero", [0, -128, 127])
def test_every_float_is_defined_in_c(zero: int, tmp_path: Path, compiler: str) -> None:
    """What is out of range is limited, and NaN the zero point."""
    values = np.concatenate([HALVES, EDGES, LARGE, UNDEFINED]) * np.float32(0.1)
    (tmp_path / "main.c").write_text(HARNESS)
    flags = [*WARNINGS, *SANITIZE, "-fsanitize=float-cast-overflow", "-DSCALE=0.1f", f"-DZERO=({zero})"]
    sources = [str(tmp_path / "main.c"), str(KERNELS / "quantize_f32_s8.c")]
    command = [compiler, *flags, "-I", str(KERNELS), *sources, "-o", str(tmp_path / "main")]
    subprocess.run(command, check=True)
    done = subprocess.run([str(tmp_path / "main")], input=values.tobytes(), capture_output=True, check=True)
    data, x = floats_to_int8(values, 0.1, zero)
    want = reference.run(read_tflite(data, "m.tflite"), [x])[0][0]
    np.testing.assert_array_equal(np.frombuffer(done.stdout, np.int8), want)
    defined = values[: -len(UNDEFINED)].astype(np.float64) / np.float32(0.1)
    assert np.abs(want[: len(defined)] - np.clip(defined + zero, -128, 127)).max() <= 0.5 + 1e-5
    assert want[-len(UNDEFINED) :].tolist() == [127, -128, 127, -128, 127, -128, 127, -128, zero]


@pytest.mark.parametrize(("before", "after"), [("float32", "uint8"), ("uint8", "uint8"), ("int8", "float32")])
def test_types_that_tflite_micro_refuses_are_refused(before: str, after: str) -> None:
    data = several([quantize(before, after, (0.1, 0.1), (0, 0))])
    with pytest.raises(ExportError, match=rf"the types must be .* \({before} to {after}\)"):
        apply_passes(read_tflite(data, "m.tflite"))


def test_scale_for_each_channel_is_refused() -> None:
    output = TensorSpec((2, 3), scale=[0.1, 0.2, 0.3], axis=1)
    data = several([Single("QUANTIZE", [TensorSpec((2, 3), "float32", None)], [output])])
    with pytest.raises(ExportError, match=r"one positive scale, .* \('t1' has 3 scales\)"):
        apply_passes(read_tflite(data, "m.tflite"))

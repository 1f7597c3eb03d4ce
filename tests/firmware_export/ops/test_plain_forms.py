"""The plain kernels of linear operators: each form of requantization, on this machine and on emulated cores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import need_packages
from single_op import KERNELS, Single, check, linear_specs, several
from tflite_builder import TensorSpec

from firmware_export.emulate import gcc_for, zig_for
from firmware_export.ops.packed import EXACT, LINEAR, STAIRCASE
from firmware_export.project import compile_graph
from firmware_export.reader import read_tflite
from firmware_export.targets import ANY_TARGET, find_core, find_target
from firmware_export.toolchain import C_FLAGS, compile_objects

RELU, RELU_N1_TO_1, RELU6 = 1, 2, 3
FORMS = {
    # name: (form, output scale, output zero point, activation, limited behind the form)
    "relu": (STAIRCASE, 0.1, -128, RELU, False),
    "relu that clamps": (STAIRCASE, 0.1, -128, RELU6, True),
    "linear": (LINEAR, 0.2, 7, 0, False),
    "relu above the least value": (STAIRCASE, 0.2, 7, RELU, True),
    "linear that clamps": (LINEAR, 0.05, 7, RELU_N1_TO_1, True),
    "factor above one": (EXACT, 0.0002, 7, 0, False),
    "factor above one that clamps": (EXACT, 0.0002, 7, RELU, True),
    "sums that wrap": (EXACT, 0.2, 7, 0, False),
    "one value": (STAIRCASE, 1e8, 5, 0, False),
}
KINDS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


CASES = [(kind, form) for kind in KINDS for form in FORMS]


def layer(kind: str, form: str, *, per_channel: bool = True) -> Single:
    """Awkward sizes: 5 x 3 pixels or 3 rows, 7 or 11 channels, 9 or 27 inputs each."""
    _, scale, zero_point, activation, _ = FORMS[form]
    shape, filters, channels, out = {
        "CONV_2D": ((1, 5, 3, 3), (7, 3, 3, 3), 7, (1, 5, 3, 7)),
        "DEPTHWISE_CONV_2D": ((1, 5, 3, 7), (1, 3, 3, 7), 7, (1, 5, 3, 7)),
        "FULLY_CONNECTED": ((3, 27), (11, 27), 11, (3, 11)),
    }[kind]
    axis = 3 if kind == "DEPTHWISE_CONV_2D" else 0
    weights, bias = linear_specs(3, filters, channels, axis=axis, per_channel=per_channel, bias=True, input_scale=0.05)
    if form == "sums that wrap":
        bias = replace(bias, data=np.where(np.arange(channels) % 2, 2**31 - 9, -(2**31) + 9).astype(np.int32))
    options = {} if kind == "FULLY_CONNECTED" else {"stride_h": 1, "stride_w": 1}
    if kind == "DEPTHWISE_CONV_2D":
        options["depth_multiplier"] = 1
    inputs = [TensorSpec(shape, scale=0.05, zero_point=3), weights, bias]
    output = TensorSpec(out, scale=scale, zero_point=zero_point)
    return Single(kind, inputs, [output], options | {"activation": activation})


def params_of(cases: Sequence[Single]) -> list[Mapping[str, Any]]:
    """The kernel's parameters of each layer."""
    program = compile_graph(read_tflite(several(cases), "m.tflite"), ANY_TARGET)
    return [step.calls[0].params for step in program.steps]


def test_form_of_each_layer() -> None:
    found = params_of([layer(*case) for case in CASES])
    limited = [(p["activation_min"], p["activation_max"]) != (-128, 127) for p in found]
    assert [p["form"] for p in found] == [FORMS[form][0] for _, form in CASES]
    assert limited == [FORMS[form][4] for _, form in CASES]


@pytest.mark.parametrize("target", ["host", "cortex-m0plus", "cortex-m3"])
def test_bits_are_those_of_tflite_micro(target: str, tmp_path: Path, compiler: str) -> None:
    check(several(layer(*case) for case in CASES), tmp_path, compiler, target=find_target(target))


def test_channels_of_a_dense_layer_that_are_alike_share_one_entry(tmp_path: Path, compiler: str) -> None:
    cases = [layer("FULLY_CONNECTED", form, per_channel=False) for form in ("relu", "linear", "factor above one")]
    for params in params_of(cases):
        assert params["per_channel"] == 0
        assert all(len(params[name].values) == 1 for name in ("multiplier", "constant", "shift"))
    check(several(cases), tmp_path, compiler)


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m0plus"])
def test_plain_kernels_call_nothing_for_products_or_shifts_of_64_bits(core: str, tmp_path: Path) -> None:
    need_packages("unicorn", "ziglang", "elftools")
    plain = [path for path in sorted(KERNELS.glob("*.c")) if '#include "edgenet_nn.h"' in path.read_text()]
    assert len(plain) > 20
    compiler = gcc_for(find_core(core)) or zig_for(find_core(core))
    for path in compile_objects(compiler, plain, tmp_path, [*C_FLAGS, "-I", str(KERNELS)]):
        helpers = {"__aeabi_lmul", "__aeabi_llsl", "__aeabi_llsr", "__aeabi_lasr", "__aeabi_ldivmod", "__muldi3"}
        assert not helpers & undefined(path), path.name


def undefined(path: Path) -> set[str]:
    """The names that an object expects from elsewhere."""
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab").iter_symbols()
        return {symbol.name for symbol in symbols if symbol["st_shndx"] == "SHN_UNDEF"}

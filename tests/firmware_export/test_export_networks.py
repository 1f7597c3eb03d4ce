"""Networks that others made: numpy and the compiled C against the golden outputs of TFLite Micro."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import needs
import numpy as np
import pytest
from single_op import KERNELS, WARNINGS, run_c

import firmware_export
from firmware_export import emit, export_c, reference
from firmware_export.graph import Array
from firmware_export.ops import OPS
from firmware_export.passes import apply_passes
from firmware_export.planner import plan_memory
from firmware_export.program import lower
from firmware_export.reader import read_tflite
from firmware_export.tflm import measure_arena

GOLDEN = (
    "mlperf_tiny_ad_autoencoder",
    "mlperf_tiny_ic_resnet8",
    "mlperf_tiny_kws_dscnn",
    "mlperf_tiny_vww_mobilenet_v1_025",
    "mnist_cnn_emlearn",
    "mnist_depthwise_tinymaix",
    "tflm_hello_world_sine",
    "tflm_micro_speech",
)
RANDOM_WEIGHTS = ("lenet5_random_weights", "small_dscnn_random_weights")
SMALL = ("mnist_cnn_emlearn", "mnist_depthwise_tinymaix", "tflm_hello_world_sine", "mlperf_tiny_kws_dscnn")
ROOT = Path(firmware_export.__file__).parents[1]
GUARD = 64


def golden(name: str) -> tuple[Array, Array]:
    """(inputs, outputs), both (n, *shape)."""
    with np.load(needs.tflite_model(f"golden/{name}.npz")) as arrays:
        return arrays["input_0"], arrays["output_0"]


@pytest.mark.parametrize("name", GOLDEN)
def test_numpy_gives_the_golden_bits(name: str) -> None:
    x, y = golden(name)
    graph = read_tflite(needs.tflite_model(f"{name}.tflite").read_bytes(), name)
    np.testing.assert_array_equal(reference.run(graph, [x])[0], y)
    assert len(np.unique(y)) > 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [n if n in SMALL else pytest.param(n, marks=pytest.mark.slow) for n in GOLDEN])
def test_c_gives_the_golden_bits(name: str, tmp_path: Path, compiler: str) -> None:
    x, y = golden(name)
    run_c(needs.tflite_model(f"{name}.tflite").read_bytes(), tmp_path, compiler, [x], [y])


@pytest.mark.parametrize("name", SMALL)
def test_exported_project_tests_itself(name: str, tmp_path: Path, compiler: str) -> None:
    make = shutil.which("make")
    if make is None:
        needs.lack("no make: apt install make")
    summary = export_c(needs.tflite_model(f"{name}.tflite"), tmp_path / "c", samples=[golden(name)[0]])
    command = [str(make), "-C", str(tmp_path / "c"), "test", f"CC={compiler}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"{summary.name}: 8 of 8 golden vectors bit-exact" in done.stdout, done.stderr
    assert "warning" not in done.stderr


GUARDED = """
#include <stdio.h>
#include <string.h>
#include "NAME.h"
static int8_t buffer[NAME_ARENA_BYTES + 2 * GUARD];
static int8_t in[NAME_INPUT_SIZE + 2 * GUARD], out[NAME_OUTPUT_SIZE + 2 * GUARD];
int8_t *const NAME_arena = buffer + GUARD;
static int touched(const int8_t *b, size_t size, int8_t fill)
{
    int n = 0;
    for (size_t i = 0; i < GUARD; i++) n += (b[i] != fill) + (b[size - 1 - i] != fill);
    return n;
}
static int last_used(int8_t fill)
{
    int last = -1;
    for (int i = 0; i < NAME_ARENA_BYTES; i++) if (NAME_arena[i] != fill) last = i;
    return last;
}
static int run(int8_t fill)
{
    memset(buffer, fill, sizeof buffer); memset(in, fill, sizeof in); memset(out, fill, sizeof out);
    for (int i = 0; i < NAME_INPUT_SIZE; i++) in[GUARD + i] = (int8_t)(i * 37 + 11);
    NAME_run(in + GUARD, out + GUARD);
    printf("%d ", touched(buffer, sizeof buffer, fill) + touched(in, sizeof in, fill) + touched(out, sizeof out, fill));
    return last_used(fill);
}
int main(void)
{
    static int8_t first[NAME_OUTPUT_SIZE];
    const int one = run(0x5a);
    memcpy(first, out + GUARD, sizeof first);
    const int other = run(-91);
    printf("%d %d", memcmp(first, out + GUARD, sizeof first), one > other ? one : other);
    return 0;
}
"""


@pytest.mark.parametrize("name", [*GOLDEN, *RANDOM_WEIGHTS])
def test_the_arena_is_exactly_what_is_used(name: str, tmp_path: Path, compiler: str) -> None:
    """Nothing outside of the buffers changes; the arena's last byte does; what the arena held before does not matter.

    Both fills are tried because a byte that is used may by chance get the value of one.
    """
    summary = export_c(needs.tflite_model(f"{name}.tflite"), tmp_path / "c", name="net")
    text = re.sub(r"NAME(?=_[A-Z])", "NET", GUARDED).replace("NAME", "net")
    (tmp_path / "guarded.c").write_text(text)
    sources = [str(p) for p in (tmp_path / "c").glob("*.c") if not p.name.endswith("selftest.c")]
    flags = ["-std=c99", "-O1", "-DNET_EXTERNAL_ARENA", f"-DGUARD={GUARD}", f"-I{tmp_path / 'c'}"]
    binary = str(tmp_path / "guarded")
    subprocess.run([compiler, *flags, *sources, str(tmp_path / "guarded.c"), "-o", binary], check=True)
    done = subprocess.run([binary], capture_output=True, text=True, check=True)
    assert list(map(int, done.stdout.split())) == [0, 0, 0, summary.arena_bytes - 1]


def test_tap_shows_every_operator(tmp_path: Path, compiler: str) -> None:
    path = needs.tflite_model("mnist_depthwise_tinymaix.tflite")
    export_c(path, tmp_path / "c", name="net")
    (tmp_path / "tap.c").write_text(
        '#include <stdio.h>\n#include "net.h"\n'
        "void net_tap(int op, const void *data, size_t bytes)\n"
        '{ printf("%d", op); for (size_t i = 0; i < bytes; i++) printf(" %d", ((const int8_t *)data)[i]); puts(""); }\n'
        "int main(void) { static int8_t in[NET_INPUT_SIZE], out[NET_OUTPUT_SIZE]; net_run(in, out); return 0; }\n"
    )
    sources = [str(p) for p in (tmp_path / "c").glob("*.c") if not p.name.endswith("selftest.c")]
    binary = str(tmp_path / "tap")
    flags = ["-std=c99", "-DNET_TAP", f"-I{tmp_path / 'c'}"]
    subprocess.run([compiler, *flags, *sources, str(tmp_path / "tap.c"), "-o", binary], check=True)
    done = subprocess.run([binary], capture_output=True, text=True, check=True)
    lines = [list(map(int, line.split())) for line in done.stdout.splitlines()]
    graph = read_tflite(path.read_bytes(), path.name)
    expected = reference.run_all(graph, [np.zeros((1, 28, 28, 1), np.int8)])
    assert {line[0] for line in lines} == set(expected)
    for index, *values in lines:
        np.testing.assert_array_equal(np.array(values), expected[index].reshape(-1))


@pytest.mark.parametrize("kernel", sorted(p.name for p in KERNELS.glob("*.c")))
def test_kernels_compile_alone_without_a_warning(kernel: str, tmp_path: Path, compiler: str) -> None:
    out = ["-o", str(tmp_path / "x.o")]
    subprocess.run([compiler, *WARNINGS, "-O2", "-c", str(KERNELS / kernel), *out], check=True)
    cxx = shutil.which("g++")
    if cxx is not None:
        strict = ["-x", "c++", "-std=c++17", *WARNINGS[1:]]
        subprocess.run([cxx, *strict, "-c", str(KERNELS / kernel), *out], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", sorted(p.name for p in KERNELS.glob("*.c")))
def test_kernels_compile_with_zig(kernel: str, tmp_path: Path) -> None:
    needs.need_packages("ziglang")
    zig = [sys.executable, "-m", "ziglang", "cc"]
    subprocess.run([*zig, *WARNINGS, "-c", str(KERNELS / kernel), "-o", str(tmp_path / "x.o")], check=True)


@pytest.mark.parametrize("file", ["model.c", "model_weights.c", "model_selftest.c"])
def test_skeletons_are_c(file: str, tmp_path: Path, compiler: str) -> None:
    skeletons = KERNELS.parent / "skeletons"
    flags = [*WARNINGS[:5], "-Werror", f"-I{KERNELS}", f"-I{skeletons}"]
    subprocess.run([compiler, *flags, "-c", str(skeletons / file), "-o", str(tmp_path / "x.o")], check=True)


@pytest.mark.parametrize("kernel", sorted(p.name for p in KERNELS.iterdir()))
def test_kernels_use_no_library_and_no_float(kernel: str) -> None:
    """But the memcpy family, which compilers emit by themselves, and float where a float tensor is the border."""
    code = re.sub(r"/\*.*?\*/", "", (KERNELS / kernel).read_text(), flags=re.DOTALL)
    assert not re.search(r"\b(double|malloc|free|printf)\b", code)
    assert "f32" in kernel or kernel == "edgenet_nn.h" or not re.search(r"\bfloat\b", code)
    includes = set(re.findall(r"#include (\S+)", code))
    own = {f'"{path.name}"' for path in KERNELS.glob("*.h")}
    assert includes <= {"<stddef.h>", "<stdint.h>", "<string.h>"} | own


def test_bytes_are_the_same_everywhere(tmp_path: Path) -> None:
    path = needs.tflite_model("mnist_cnn_emlearn.tflite")
    script = "import sys; from pathlib import Path; from firmware_export import export_c; "
    script += "export_c(Path(sys.argv[1]), Path(sys.argv[2]))"
    exports = []
    for number, (locale, zone, seed) in enumerate((("C", "UTC", "0"), ("de_DE.UTF-8", "Asia/Tokyo", "77"))):
        folder = tmp_path / f"place {number}"
        folder.mkdir()
        model = shutil.copy(path, folder / path.name)
        environment = {**os.environ, "LC_ALL": locale, "TZ": zone, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", script, str(model), "out"], cwd=folder, env=environment, check=True)
        exports.append({p.name: p.read_bytes() for p in (folder / "out").iterdir()})
    assert exports[0] == exports[1]
    text = b"\n".join(exports[0].values())
    assert str(tmp_path).encode() not in text
    assert not re.search(rb"\b20\d\d-\d\d-\d\d\b", text)


LIVE_BYTES = {
    "mlperf_tiny_ad_autoencoder": 768,
    "mlperf_tiny_ic_resnet8": 49_152,
    "mlperf_tiny_kws_dscnn": 16_000,
    "mlperf_tiny_vww_mobilenet_v1_025": 55_296,
    "lenet5_random_weights": 5_880,
    "small_dscnn_random_weights": 9_408,
    "tflm_micro_speech": 5_960,
}
"""What is alive at once where no operator works in place: measured independently."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [*GOLDEN, *RANDOM_WEIGHTS])
def test_the_arena_is_below_the_live_bound_and_tflite_micro(name: str) -> None:
    data = needs.tflite_model(f"{name}.tflite").read_bytes()
    graph = apply_passes(read_tflite(data, name))
    plan = plan_memory(graph)
    scratch = max(OPS[op.type].scratch_bytes(graph.node(op)) for op in graph.ops)
    assert plan.arena_bytes <= LIVE_BYTES.get(name, 1 << 30) + scratch
    needs.need_packages("tflite_micro")
    assert plan.arena_bytes <= measure_arena(data, name)


def test_only_the_kernels_that_run_are_exported() -> None:
    graph = apply_passes(read_tflite(needs.tflite_model("mlperf_tiny_ic_resnet8.tflite").read_bytes(), "m"))
    assert emit.kernel_files(lower(graph, plan_memory(graph))).keys() == {
        "add_s8.c",
        "average_pool2d_s8.c",
        "conv2d_s8.c",
        "edgenet_nn.h",
        "fully_connected_s8.c",
        "softmax_s8.c",
    }

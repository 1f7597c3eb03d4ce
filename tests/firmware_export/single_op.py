"""Models of one operator, and their check: numpy and compiled C against TFLite Micro's interpreter."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import needs
import numpy as np
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import emit, reference
from firmware_export.cproject import read_project
from firmware_export.emulate import CortexRuntime, gcc_for, zig_for
from firmware_export.graph import Array, OptionValue
from firmware_export.project import compile_graph, export_c
from firmware_export.reader import read_tflite
from firmware_export.targets import ANY_TARGET, Core, Target
from firmware_export.vectors import generated_inputs

SAMPLES = 9
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
SANITIZE = ["-g", "-O1", "-fsanitize=undefined,address", "-fno-sanitize-recover=all"]
KERNELS = Path(emit.__file__).parent / "c" / "kernels"


def model(
    kind: str,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    options: Mapping[str, OptionValue] | None = None,
) -> bytes:
    """A .tflite with one operator; inputs with data are constants."""
    tensors = [*inputs, *outputs]
    given = [i for i, t in enumerate(inputs) if t.data is None]
    made = list(range(len(inputs), len(tensors)))
    op = OpSpec(kind, tuple(range(len(inputs))), tuple(made), options or {})
    return build(tensors, [op], given, made)


@dataclass(frozen=True)
class Single:
    """One operator with tensors of its own; inputs with data are constants."""

    type: str
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]
    options: Mapping[str, OptionValue] = field(default_factory=dict)


def several(cases: Iterable[Single]) -> bytes:
    """A .tflite with operators that have nothing to do with each other: many cases for one compilation."""
    tensors: list[TensorSpec] = []
    ops: list[OpSpec] = []
    given: list[int] = []
    made: list[int] = []
    for case in cases:
        first, behind = len(tensors), len(tensors) + len(case.inputs)
        tensors += [*case.inputs, *case.outputs]
        ops.append(OpSpec(case.type, tuple(range(first, behind)), tuple(range(behind, len(tensors))), case.options))
        given += [first + i for i, tensor in enumerate(case.inputs) if tensor.data is None]
        made += ops[-1].outputs
    return build(tensors, ops, given, made)


def tflm_outputs(data: bytes, inputs: Sequence[Array]) -> list[Array]:
    """TFLite Micro's outputs, one array (N, ...) per output, for inputs (N, *shape)."""
    needs.need_packages("tflite_micro")
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(data, arena_size=4 << 20)
    graph = read_tflite(data, "single.tflite")
    rows: list[list[Array]] = [[] for _ in graph.outputs]
    for i in range(len(inputs[0])):
        for number, values in enumerate(inputs):
            interpreter.set_input(values[i], number)
        interpreter.invoke()
        for number, row in enumerate(rows):
            row.append(np.array(interpreter.get_output(number)))
    shapes = [graph.tensors[index].shape for index in graph.outputs]
    return [np.stack(row).reshape(-1, *shape) for row, shape in zip(rows, shapes, strict=True)]


def tflite_outputs(data: bytes, inputs: Sequence[Array]) -> list[Array]:
    """What TFLite's reference kernels give, as `tflm_outputs`: for operators and types that TFLite Micro does not have.

    Those that only move values are the same in all of its versions.
    """
    needs.need_packages("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    given, made = interpreter.get_input_details(), interpreter.get_output_details()
    rows: list[list[Array]] = [[] for _ in made]
    for i in range(len(inputs[0])):
        for details, values in zip(given, inputs, strict=True):
            interpreter.set_tensor(details["index"], values[i])
        interpreter.invoke()
        for details, row in zip(made, rows, strict=True):
            row.append(np.array(interpreter.get_tensor(details["index"])))
    return [np.stack(row) for row in rows]


def check(
    data: bytes,
    folder: Path,
    compiler: str,
    golden: Sequence[Array] | None = None,
    inputs: Sequence[Array] | None = None,
    target: Target = ANY_TARGET,
) -> list[Array]:
    """numpy and the C of `data` give what TFLite Micro (or `golden`) gives for `inputs` (or noise); returns that.

    The C, for `target`, runs on this machine; for a core with a name also there, emulated.
    """
    graph = read_tflite(data, "single.tflite")
    inputs = generated_inputs(graph, SAMPLES) if inputs is None else inputs
    expected = tflm_outputs(data, inputs) if golden is None else list(golden)
    for got, want in zip(reference.run(graph, inputs), expected, strict=True):
        np.testing.assert_array_equal(bits(got), bits(want))
    run_c(data, folder, compiler, inputs, expected, target)
    if target.core is not None:
        run_on_core(data, folder, target.core, inputs, expected, target)
    return expected


def bits(values: Array) -> Array:
    """`values`; floats as the integers that have their bits, so that no two that differ are equal."""
    return np.ascontiguousarray(values).view(np.int32) if values.dtype == np.float32 else values


def run_on_core(
    data: bytes, folder: Path, core: Core, inputs: Sequence[Array], expected: Sequence[Array], target: Target
) -> None:
    """The same on an emulated core, with gcc where it is installed, and with zig."""
    needs.need_packages("unicorn", "ziglang", "elftools")
    model_path = folder / "single.tflite"
    model_path.write_bytes(data)
    export_c(model_path, folder / "project", name="single", target=target)
    graph = read_tflite(data, "single.tflite")
    for compiler in filter(None, (gcc_for(core), zig_for(core))):
        build = folder / compiler.name.replace(" ", "_")
        runtime = CortexRuntime(read_project(folder / "project", "single"), graph, core, build, compiler)
        for got, want in zip(runtime.run(inputs, tap=False).outputs, expected, strict=True):
            np.testing.assert_array_equal(bits(got), bits(want), err_msg=compiler.name)


def run_c(
    data: bytes,
    folder: Path,
    compiler: str,
    inputs: Sequence[Array],
    expected: Sequence[Array],
    target: Target = ANY_TARGET,
) -> None:
    """Compiles the self-test with sanitizers, with `expected` as its golden vectors, and runs it."""
    program = compile_graph(read_tflite(data, "single.tflite"), target)
    vectors = [emit.Vector(tuple(x[i] for x in inputs), tuple(y[i] for y in expected)) for i in range(len(inputs[0]))]
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in emit.emit(program, "single", (), vectors).items():
        (folder / name).write_text(text)
    sources = [*map(str, folder.glob("single*.c")), *(str(KERNELS / f"{kernel}.c") for kernel in program.kernels)]
    needs.compile_as_cxx(folder / "single.c", KERNELS)
    binary = folder / "selftest"
    subprocess.run([compiler, *WARNINGS, *SANITIZE, "-I", str(KERNELS), *sources, "-o", str(binary)], check=True)
    done = subprocess.run([str(binary)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (
        0,
        f"single: {len(vectors)} of {len(vectors)} golden vectors bit-exact\n",
    ), done.stdout + done.stderr


def random_int8(seed: int, shape: tuple[int, ...], low: int = -127, high: int = 127) -> Array:
    """int8 values, the same in every run."""
    return np.random.RandomState(seed).randint(low, high + 1, shape).astype(np.int8)


def linear_specs(
    seed: int,
    filter_shape: tuple[int, ...],
    channels: int,
    *,
    axis: int,
    per_channel: bool,
    bias: bool,
    input_scale: float,
) -> list[TensorSpec]:
    """The filter and the bias of a convolution or FULLY_CONNECTED."""
    source = np.random.RandomState(seed)
    scales = source.uniform(0.001, 0.02, channels if per_channel else 1).astype(np.float32)
    weights = TensorSpec(
        filter_shape, scale=list(scales), axis=axis, data=random_int8(seed, filter_shape), name="weights"
    )
    if not bias:
        return [weights]
    values = source.randint(-2000, 2000, channels).astype(np.int32)
    bias_scales = list((scales * np.float32(input_scale)).astype(np.float32))
    return [weights, TensorSpec((channels,), "int32", bias_scales, axis=0, data=values, name="bias")]

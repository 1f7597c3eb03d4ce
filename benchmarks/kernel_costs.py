"""Measures what kernels cost on emulated cores and writes firmware_export/kernel_costs.json.

    python benchmarks/kernel_costs.py [--core CORE ...]     measure, and print how far the table's estimates are off
    python benchmarks/kernel_costs.py --update              write the table too

Layers: those of the networks in EDGENET_DATA/tflite and models/digits, drawn ones of the operators that have several
kernels, and depthwise convolutions of ordinary sizes; each for every kernel that can compute it. For each operator the
instructions of its layers are fitted by rates, none below 0, of the units that `firmware_export.costs.work` counts, so
that the relative errors are least.
Code is the .text of a kernel's object. The compiler is arm-none-eabi-gcc -O2.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "firmware_export")]

from matrix import cases  # noqa: E402
from mcu import default_models  # noqa: E402
from single_op import linear_specs, model  # noqa: E402
from tflite_builder import TensorSpec  # noqa: E402

from firmware_export.costs import TABLE, work  # noqa: E402
from firmware_export.emulate import gcc_for  # noqa: E402
from firmware_export.errors import ExportError  # noqa: E402
from firmware_export.graph import Graph  # noqa: E402
from firmware_export.kernel_choice import alternatives, with_bounds  # noqa: E402
from firmware_export.ops import OPS  # noqa: E402
from firmware_export.passes import apply_passes  # noqa: E402
from firmware_export.planner import plan_memory  # noqa: E402
from firmware_export.profile import profile_program  # noqa: E402
from firmware_export.program import lower  # noqa: E402
from firmware_export.reader import read_tflite  # noqa: E402
from firmware_export.targets import Core, find_core  # noqa: E402
from firmware_export.toolchain import C_FLAGS, Compiler, compile_objects, run_tool  # noqa: E402

KERNELS = ROOT / "firmware_export" / "c" / "kernels"
DEFAULT_CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4")
DRAWN = 24
"""So many drawn models of each operator with several kernels."""
LEAST = 500
"""A layer of fewer instructions counts as if it had so many: what a call costs matters little."""


@dataclass(frozen=True)
class Sample:
    """One layer: its operator, what its run depends on, and the instructions it took."""

    type: str
    work: dict[str, int]
    instructions: int


def networks() -> Iterator[Graph]:
    """Those we have, then the drawn ones."""
    for path in default_models():
        yield with_bounds(apply_passes(read_tflite(path.read_bytes(), path.name)))
    for kind in sorted({operator.replaces for operator in OPS.values() if operator.replaces}):
        for number, case in enumerate(cases(kind)):
            if number == DRAWN:
                break
            try:
                yield with_bounds(apply_passes(read_tflite(case.data, case.name)))
            except ExportError as error:
                print(error, file=sys.stderr)
    for data in depthwise_layers():
        yield with_bounds(apply_passes(read_tflite(data, "depthwise.tflite")))


def depthwise_layers() -> Iterator[bytes]:
    """Depthwise convolutions of ordinary sizes: the drawn ones are too small for some kernels."""
    for size, filters, stride, zero_point in product(
        ((24, 24, 8), (12, 10, 16), (9, 7, 6)), ((5, 5), (3, 1), (7, 7), (3, 3)), (1, 2), (-128, 3)
    ):
        channels, options = size[2], {"stride_h": stride, "stride_w": stride, "depth_multiplier": 1, "activation": 1}
        linear = linear_specs(
            channels, (1, *filters, channels), channels, axis=3, per_channel=True, bias=True, input_scale=0.05
        )
        source = TensorSpec((1, *size), scale=0.05, zero_point=-4)
        made = TensorSpec((1, *(-(-n // stride) for n in size[:2]), channels), scale=0.05, zero_point=zero_point)
        yield model("DEPTHWISE_CONV_2D", [source, *linear], [made], options)


def versions(graph: Graph, core: Core) -> Iterator[Graph]:
    """`graph` with the file's own kernels, then with the first, the second, ... other kernel of every operator."""
    choices = [alternatives(graph, op, core) for op in graph.ops]
    for number in range(max(map(len, choices), default=0)):
        yield replace(graph, ops=tuple(options[min(number, len(options) - 1)] for options in choices))


def measure(core: Core, compiler: Compiler) -> Iterator[Sample]:
    """All layers of all networks, with every kernel."""
    for graph in networks():
        for version in versions(graph, core):
            program = lower(version, plan_memory(version))
            found = profile_program(graph, program, "net", core.name, compiler)
            print(f"{core.name} {graph.name}: {found.instructions:,}", file=sys.stderr)
            nodes = {op.index: version.node(op) for op in version.ops}
            for layer in found.operators:
                yield Sample(layer.type, work(nodes[layer.index]), layer.instructions)


def fit(samples: Sequence[Sample]) -> dict[str, float]:
    """Rates, none below 0, for which the relative errors' squares add up to least."""
    names = sorted({name for sample in samples for name in sample.work})
    weight = np.array([1 / max(sample.instructions, LEAST) for sample in samples])
    units = np.array([[sample.work.get(name, 0) for name in names] for sample in samples], float) * weight[:, None]
    goal = np.array([sample.instructions for sample in samples], float) * weight
    kept = [i for i in range(len(names)) if units[:, i].any()]
    while kept:
        rates = np.linalg.lstsq(units[:, kept], goal, rcond=None)[0]
        if rates.min() >= 0:
            return {names[i]: float(f"{rate:.4g}") for i, rate in zip(kept, rates, strict=True) if rate > 0}
        kept.pop(int(rates.argmin()))
    return {}


def code_sizes(core: Core, compiler: Compiler) -> dict[str, int]:
    """The bytes of every kernel's code."""
    sizes = {}
    sources = sorted(KERNELS.glob("*.c"))
    with tempfile.TemporaryDirectory() as folder:
        objects = compile_objects(compiler, sources, Path(folder), [*C_FLAGS, "-I", str(KERNELS)])
        for source, path in zip(sources, objects, strict=True):
            listing = run_tool([compiler.command[0].removesuffix("gcc") + "size", str(path)], "reading sizes")
            sizes[source.stem] = int(listing.splitlines()[1].split()[0])
    return sizes


def errors(samples: Sequence[Sample], rates: dict[str, dict[str, float]]) -> Iterator[str]:
    """For each operator how far estimates are off."""
    by_type: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        guess = sum(rate * sample.work.get(name, 0) for name, rate in rates[sample.type].items())
        by_type[sample.type].append(abs(guess - sample.instructions) / max(sample.instructions, LEAST))
    for kind, off in sorted(by_type.items()):
        yield f"    {kind:<28} {len(off):4} layers, off by {np.median(off):6.1%} (median), {max(off):6.1%} at most"


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of the command line `argv`."""
    parser = argparse.ArgumentParser(description="Measure what kernels cost on emulated cores.")
    parser.add_argument("--core", nargs="+", default=list(DEFAULT_CORES), metavar="CORE", help="default: %(default)s")
    parser.add_argument("--update", action="store_true", help=f"write firmware_export/{TABLE}")
    args = parser.parse_args(argv)
    path = ROOT / "firmware_export" / TABLE
    table = json.loads(path.read_text(encoding="utf-8"))
    for name in args.core:
        core = find_core(name)
        compiler = gcc_for(core)
        if compiler is None:
            print("arm-none-eabi-gcc is not installed: apt install gcc-arm-none-eabi", file=sys.stderr)
            return 1
        samples = list(measure(core, compiler))
        kinds = sorted({sample.type for sample in samples})
        rates = {kind: fit([sample for sample in samples if sample.type == kind]) for kind in kinds}
        table["instructions"][name], table["code_bytes"][name] = rates, code_sizes(core, compiler)
        table["compiler"] = compiler.version
        print("\n".join([name, *errors(samples, rates)]))
    if args.update:
        path.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How many networks and operators become C with the bits of TensorFlow Lite Micro: none may be silently wrong.

    python benchmarks/conformance.py [--networks FOLDER_OR_FILE ...] [--no-zoo] [--no-matrix] [--only OPERATOR] [--json]

Networks: the .tflite files in EDGENET_DATA/tflite and models/, those given, and the zoo (`zoo.py`, needs tensorflow).
Operators: the models of one operator that `matrix.py` draws. Each is proved with `firmware_export.prove`: TensorFlow
Lite Micro's interpreter, numpy, C on this machine and, for networks, C on emulated cores give the same bits for the
same inputs, operator by operator. Exit code 0 when nothing differs, no operator is refused that TensorFlow Lite Micro
runs, and at least 95 % of the networks that an oracle runs are exact. Where TensorFlow Lite Micro lacks an operator the
oracle is TFLite 2.14, if EDGENET_TFLITE_PYTHON names a Python that has it (docs/prove.md); else there is none.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import matrix
import numpy as np

from firmware_export.batch import NotAvailableError
from firmware_export.errors import ExportError
from firmware_export.proof import Proof
from firmware_export.prove import prove
from firmware_export.reader import read_tflite
from firmware_export.tflm import TflmRuntime

ROOT = Path(__file__).resolve().parents[1]
EXACT, REFUSED, DIFFERS, NO_ORACLE = "exact", "refused", "differs", "no oracle"
OUTCOMES = (EXACT, REFUSED, DIFFERS, NO_ORACLE)
NETWORK_RUNTIMES = ("tflm", "numpy", "host", "cortex-m4", "cortex-m0")
SINGLE_RUNTIMES = ("tflm", "numpy", "host")
ORACLES = ("tflm", "tflite-2.14")
NETWORK_COUNT, SINGLE_COUNT, CORTEX_COUNT = 16, 12, 4
LEAST_SHARE = 0.95


@dataclass(frozen=True)
class Row:
    """What one model gave: `note` is why it is not exact; `informative` a share of the operators' values, 0 to 1."""

    name: str
    operator: str
    outcome: str
    operators: int = 0
    inputs: int = 0
    informative: float = 0.0
    note: str = ""


def try_model(path: Path, operator: str, runtimes: Sequence[str], count: int) -> Row:
    """Proves one file."""
    name = path.stem
    try:
        if os.environ.get("EDGENET_TFLITE_PYTHON"):
            runtimes = (*runtimes, "tflite-2.14")
        proof = prove(path, runtimes=runtimes, inputs=_golden_inputs(path), count=count, cortex_count=CORTEX_COUNT)
    except ExportError as error:
        return Row(name, operator, *_refusal(path, str(error)))
    if any(report.status == "differs" and report.name not in ORACLES for report in proof.runtimes):
        return Row(name, operator, DIFFERS, proof.operators, proof.inputs, proof.informative_share, note=proof.message)
    outcome, note = (EXACT, "") if proof.oracle in ORACLES and _all_ran(proof) else (NO_ORACLE, proof.message)
    if outcome == EXACT and (problem := _golden_problem(path)):
        outcome, note = DIFFERS, problem
    return Row(name, operator, outcome, proof.operators, proof.inputs, proof.informative_share, note=note)


def _all_ran(proof: Proof) -> bool:
    """Whether all but one that is not the oracle ran."""
    return all(report.status != "not run" or report.name in ORACLES for report in proof.runtimes)


def _refusal(path: Path, message: str) -> tuple[str, int, int, float, str]:
    """The rest of a row for a model that does not become C, with whether TensorFlow Lite Micro runs it."""
    data = path.read_bytes()
    try:
        graph = read_tflite(data, path.name, strict=False)
        inputs = [np.zeros((1, *graph.tensors[i].shape), graph.tensors[i].dtype) for i in graph.inputs]
        TflmRuntime(data, graph).run(inputs, tap=False)
    except (ExportError, NotAvailableError):
        return REFUSED, 0, 0, 0.0, f"{message} (TensorFlow Lite Micro refuses it too)"
    return REFUSED, len(graph.ops), 0, 0.0, message


def _golden(path: Path) -> Path:
    return path.parent / "golden" / f"{path.stem}.npz"


def _golden_inputs(path: Path) -> tuple[np.ndarray, ...] | None:
    """The inputs of the golden file beside a model, where there is one."""
    if not _golden(path).is_file():
        return None
    with np.load(_golden(path)) as arrays:
        return (arrays["input_0"],)


def _golden_problem(path: Path) -> str:
    """How the numpy reference, which equals the C, leaves the golden outputs; empty where it does not."""
    from firmware_export import reference

    if not _golden(path).is_file():
        return ""
    with np.load(_golden(path)) as arrays:
        outputs = reference.run(read_tflite(path.read_bytes(), path.name), (arrays["input_0"],))
        wrong = int((outputs[0] != arrays["output_0"]).sum())
    return f"{wrong} values differ from the golden outputs" if wrong else ""


def find_networks(given: Sequence[Path], zoo: bool) -> list[Path]:
    """Every network to try, each once."""
    data = os.environ.get("EDGENET_DATA")
    folders = [*given, ROOT / "models", *([Path(data) / "tflite"] if data else [])]
    if zoo:
        folders.append(build_zoo())
    found = [path for folder in folders for path in (sorted(folder.rglob("*.tflite")) if folder.is_dir() else [folder])]
    return list(dict.fromkeys(found))


def build_zoo() -> Path:
    """The folder of the zoo, built by a process of its own, since the converter talks on both streams."""
    folder = ROOT / "out" / "zoo"
    script = [sys.executable, str(ROOT / "benchmarks" / "zoo.py"), "--out", str(folder)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the zoo could not be built; --no-zoo goes without: {done.stderr.strip()[-300:]}")
    return folder


def run_all(work: Sequence[tuple[Path, str, Sequence[str], int]], jobs: int) -> list[Row]:
    """All rows in order, with progress."""
    rows = []
    with ProcessPoolExecutor(jobs) as pool:
        futures = [pool.submit(try_model, *item) for item in work]
        for number, future in enumerate(futures, 1):
            rows.append(future.result())
            if rows[-1].outcome != EXACT:
                print(f"{rows[-1].name}: {rows[-1].outcome}: {rows[-1].note}", file=sys.stderr)
            if number % 25 == 0 or number == len(futures):
                print(f"{number} of {len(futures)}", file=sys.stderr)
    return rows


def network_table(rows: Iterable[Row]) -> str:
    """One line per network."""
    lines = [f"{'network':44} {'operators':>9} {'inputs':>7} {'informative':>11}  outcome"]
    lines += [f"{r.name:44} {r.operators:9} {r.inputs:7} {r.informative:11.1%}  {r.outcome}" for r in rows]
    return "\n".join(lines)


def operator_table(rows: Sequence[Row]) -> str:
    """One line per operator."""
    lines = [f"{'operator':24} {'cases':>6}" + "".join(f"{outcome:>11}" for outcome in OUTCOMES)]
    for operator in dict.fromkeys(row.operator for row in rows):
        counts = Counter(row.outcome for row in rows if row.operator == operator)
        lines.append(f"{operator:24} {counts.total():6}" + "".join(f"{counts[outcome]:11}" for outcome in OUTCOMES))
    total = Counter(row.outcome for row in rows)
    lines.append(f"{'all':24} {total.total():6}" + "".join(f"{total[outcome]:11}" for outcome in OUTCOMES))
    return "\n".join(lines)


def passed(networks: Sequence[Row], single: Sequence[Row]) -> bool:
    """Whether the promises hold."""
    wrong = [row for row in (*networks, *single) if row.outcome == DIFFERS]
    refused = [row for row in single if row.outcome == REFUSED and "refuses it too" not in row.note]
    judged = [row.outcome for row in networks if row.outcome != NO_ORACLE]
    return not wrong and not refused and judged.count(EXACT) >= LEAST_SHARE * len(judged)


def main() -> int:
    """Runs everything and prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--networks", type=Path, nargs="*", default=[], help="more .tflite files, or folders with them")
    parser.add_argument("--no-zoo", action="store_true", help="without the networks that zoo.py builds with tensorflow")
    parser.add_argument("--no-matrix", action="store_true", help="without the models of one operator")
    parser.add_argument("--only", help="only this operator's models, and no networks")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    args = parser.parse_args()
    paths = [] if args.only else find_networks(args.networks, not args.no_zoo)
    networks = run_all([(path, "", NETWORK_RUNTIMES, NETWORK_COUNT) for path in paths], args.jobs)
    single = []
    with tempfile.TemporaryDirectory(prefix="edgenet-matrix-") as folder:
        if not args.no_matrix:
            cases = list(matrix.cases(args.only))
            for case in cases:
                (Path(folder) / f"{case.name}.tflite").write_bytes(case.data)
            items = [(Path(folder) / f"{c.name}.tflite", c.operator, SINGLE_RUNTIMES, SINGLE_COUNT) for c in cases]
            single = run_all(items, args.jobs)
    ok = passed(networks, single)
    if args.json:
        facts = {"passed": ok, "networks": [asdict(r) for r in networks], "operators": [asdict(r) for r in single]}
        print(json.dumps(facts, indent=2))
    else:
        print("\n\n".join(filter(None, (network_table(networks) if networks else "", operator_table(single)))))
        exact = [sum(row.outcome == EXACT for row in rows) for rows in (networks, single)]
        print(f"\n{'PASSED' if ok else 'FAILED'}: exact are {exact[0]} of {len(networks)} networks and {exact[1]} of "
              f"{len(single)} models of one operator")  # fmt: skip
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())

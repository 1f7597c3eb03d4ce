"""Which runtime is right where TFLite Micro is wrong or lacks an operator, and what the verdict says then."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from needs import need_packages
from test_prove_flips import block
from tflite_builder import OpSpec, TensorSpec, build

from firmware_export import runtimes, tflite
from firmware_export.batch import Batch, NotAvailableError
from firmware_export.compare import Information
from firmware_export.graph import Array, Graph
from firmware_export.oracle import Defect, oracle_name, refused_operators, tainted, wrong_operators
from firmware_export.proof import Proof, RuntimeReport, render
from firmware_export.prove import prove
from firmware_export.reader import read_tflite
from firmware_export.reference import run_all
from firmware_export.samples import make_samples
from firmware_export.tflite import INSTALL, REFERENCE, TfliteRuntime, with_outputs
from firmware_export.verdict import judge

pytestmark = pytest.mark.slow

FAST = ("tflm", "numpy", "host")
WRONG = Defect(1, "RELU6", "y", "wrong", "does not requantize in RELU6, a known defect")
LACKS = Defect(3, "TILE", "t", "lacks", "lacks TILE")


def relu6(scale: float = 0.02) -> bytes:
    """ADD, RELU6 of its own to another scale, ADD."""
    tensors = [
        TensorSpec((1, 6, 6, 3), scale=0.04, name="x"),
        TensorSpec((1, 6, 6, 3), scale=0.05, name="sum"),
        TensorSpec((1, 6, 6, 3), scale=scale, zero_point=0 if scale == 0.05 else -128, name="clipped"),
        TensorSpec((1, 6, 6, 3), scale=0.04, zero_point=-120, name="last"),
    ]
    ops = [OpSpec("ADD", (0, 0), (1,), {}), OpSpec("RELU6", (1,), (2,), {}), OpSpec("ADD", (2, 1), (3,), {})]
    return build(tensors, ops, [0], [3, 1])


def graph_of(data: bytes) -> Graph:
    return read_tflite(data, "relu6.tflite")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """relu6.tflite, on a machine without TFLite 2.14."""
    need_packages("tflite_micro")

    def missing(data: bytes, graph: Graph, python: str | None) -> TfliteRuntime:
        raise NotAvailableError(f"TFLite 2.14 is not installed: {INSTALL}")

    monkeypatch.setattr(runtimes, "tflite_reference", missing)
    (tmp_path / "relu6.tflite").write_bytes(relu6())
    return tmp_path / "relu6.tflite"


@pytest.fixture
def with_reference(model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """relu6.tflite, and LiteRT's reference kernels in the place of TFLite 2.14: for ADD and RELU6 they are equal."""
    need_packages("ai_edge_litert")
    monkeypatch.setattr(
        runtimes,
        "tflite_reference",
        lambda data, graph, python: TfliteRuntime(data, graph, sys.executable, "ai_edge_litert", REFERENCE),
    )
    return model


def test_a_known_defect_is_found_and_what_comes_behind_it() -> None:
    graph = graph_of(relu6())
    (defect,) = wrong_operators(graph)
    assert (defect.operator, defect.type, defect.tensor) == (1, "RELU6", "clipped")
    assert str(defect) == ("TFLite Micro does not requantize in RELU6, a known defect (operator 1, output 'clipped')")
    assert tainted(graph, [defect]) == ({1, 2}, {0})
    assert wrong_operators(graph_of(relu6(0.05))) == ()
    assert tainted(graph, []) == (frozenset(), frozenset())


def test_where_tflite_goes_its_own_way(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A TFLite that differs in what is known of it, and no more, does not stand in the way of a proof."""
    tensors = [TensorSpec((1, 9), scale=0.1, name=name) for name in "xyz"]
    ops = [OpSpec("HARD_SWISH", (0,), (1,), {}), OpSpec("ADD", (1, 0), (2,), {})]
    model.write_bytes(build(tensors, ops, [0], [2]))

    class OffByOne(runtimes.NumpyRuntime):
        version = "2.14.0"

        def run(self, inputs: Sequence[Array], *, tap: bool) -> Batch:
            right = super().run(inputs, tap=tap)
            return replace(right, operators={index: values ^ 1 for index, values in right.operators.items()})

    monkeypatch.setattr(runtimes, "tflite_reference", lambda data, graph, python: OffByOne(graph))
    proof = prove(model, count=12, runtimes=("tflm", "tflite-2.14", "numpy"))
    assert proof.proved, render(proof)
    assert proof.runtime("tflite-2.14").status == "known defect"
    assert "TFLite 2.14 computes the factors of HARD_SWISH in float32" in proof.notes[0]
    monkeypatch.setattr("firmware_export.oracle.TFLITE_OWN", {})
    assert prove(model, count=12, runtimes=("tflm", "tflite-2.14", "numpy")).verdict == "differs"


def test_what_tflm_says_names_the_operator() -> None:
    graph = graph_of(relu6())
    (defect,) = refused_operators(graph, "TFLite Micro refuses m: Failed to get registration from op code RELU6")
    assert (defect.operator, defect.kind, defect.what) == (1, "lacks", "lacks RELU6")
    (defect,) = refused_operators(graph, "TFLite Micro refuses m: Node ADD (number 2) failed to prepare with status 1")
    assert (defect.operator, defect.kind, defect.what) == (2, "lacks", "refuses this ADD")
    for said in ("not installed", "op code NOSUCH", "Node ADD (number 1) failed to prepare"):
        assert refused_operators(graph, said) == ()


def test_the_order_of_oracles() -> None:
    everything = ["numpy", "host", "tflite-2.14", "tflm"]
    assert oracle_name(everything, []) == "tflm"
    assert oracle_name(everything, [WRONG]) == "tflite-2.14"
    assert oracle_name(["host", "numpy", "tflm"], [WRONG]) == "numpy"
    assert oracle_name(["tflm", "host"], [WRONG]) == "tflm"
    assert oracle_name(everything[:3], [LACKS]) == "tflite-2.14"
    assert oracle_name(["host"], []) == "host"
    assert oracle_name([], []) == "nothing"


def test_behind_a_known_defect_tflite_is_the_oracle(with_reference: Path) -> None:
    proof = prove(with_reference, count=16, runtimes=FAST)
    assert proof.proved, render(proof)
    assert proof.oracle == "tflite-2.14"
    assert proof.runtime("tflm").status == "known defect"
    difference = proof.runtime("tflm").difference
    assert difference is not None
    assert difference.operator == 1
    assert [report.status for report in proof.runtimes if report.name != "tflm"] == ["ok"] * 3
    assert "RELU6, a known defect (operator 1, output 'clipped'), so TFLite 2.14 is the oracle" in proof.message
    assert "note: TFLite Micro does not requantize in RELU6" in render(proof)


def test_without_tflite_the_proof_is_incomplete_and_says_so(model: Path) -> None:
    proof = prove(model, count=16, runtimes=FAST)
    assert proof.verdict == "incomplete"
    assert proof.oracle == "numpy"
    assert "(operator 1, output 'clipped'), and TFLite 2.14, which is followed there, did not run: " in proof.message
    assert "TFLite 2.14 is not installed: python3.11 -m venv" in proof.message
    assert proof.runtime("tflm").status == "known defect"


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(data: bytes, graph: Graph) -> None:
        raise NotAvailableError("TFLite Micro refuses it: Failed to get registration from op code RELU6")

    monkeypatch.setattr(runtimes, "TflmRuntime", refused)


def test_an_operator_that_tflm_lacks(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch)
    proof = prove(model, count=16, runtimes=FAST)
    assert proof.verdict == "incomplete"
    assert proof.message.startswith("TFLite Micro lacks RELU6 (operator 1, output 'clipped'), and TFLite 2.14, which")
    assert "tflm did not run" not in proof.message


def test_an_operator_that_tflm_lacks_with_tflite(with_reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch)
    proof = prove(with_reference, count=16, runtimes=FAST)
    assert proof.proved, render(proof)
    assert "TFLite Micro lacks RELU6 (operator 1, output 'clipped'), so TFLite 2.14 is the oracle." in proof.message
    assert proof.runtime("tflm").status == "not run"


def test_a_difference_before_the_defect_is_no_known_defect(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TFLite Micro's RELU6 explains what comes behind it, and nothing else."""
    proof = prove(model, count=16, runtimes=("tflm", "numpy"))
    assert proof.runtime("tflm").status == "known defect"
    monkeypatch.setattr("firmware_export.prove.tainted", lambda graph, defects: (frozenset({2}), frozenset({0})))
    proof = prove(model, count=16, runtimes=("tflm", "numpy"))
    assert proof.verdict == "differs"
    assert proof.message.startswith("tflm differs: operator 1 RELU6")


def test_what_stands_for_all_need_not_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_packages("tflite_micro")
    start = runtimes._start

    def few(name: str, subject: runtimes.Subject) -> runtimes.Started:
        if name in FAST:
            return start(name, subject)
        raise NotAvailableError("not on this machine")

    monkeypatch.setattr(runtimes, "_start", few)
    (tmp_path / "block.tflite").write_bytes(block())
    proof = prove(tmp_path / "block.tflite", count=12, runtimes=("all",))
    assert proof.proved, proof.message
    assert "3 runtimes give the same bits: tflm, numpy, host." in proof.message
    assert len(proof.runtimes) == len(runtimes.KNOWN)
    proof = prove(tmp_path / "block.tflite", count=12, runtimes=("all", "cortex-m33"))
    assert proof.message == "cortex-m33 did not run: not on this machine."


class Changing(Information):
    def outputs_change(self) -> bool:
        return True

    def share(self, kind: str) -> float:
        return 0.5


def verdict(oracle: str, *defects: Defect, **statuses: str) -> tuple[str, str]:
    reports = [RuntimeReport(name.replace("_", "-"), status, reason="gone") for name, status in statuses.items()]
    return judge(reports, Changing(), oracle, defects)


def test_verdicts() -> None:
    assert verdict("tflm", tflm="ok", host="ok")[0] == "proved"
    assert verdict("tflite-2.14", numpy="ok", host="ok")[0] == "proved"
    assert verdict("numpy", numpy="ok", host="ok")[0] == "incomplete"
    assert verdict("tflm", tflm="ok")[0] == "incomplete"
    assert verdict("tflm", tflm="ok", host="ok", cortex_m4="not run")[0] == "incomplete"
    assert verdict("tflm", tflm="ok", host="differs", numpy="not run")[0] == "differs"
    assert verdict("numpy", WRONG, tflm="known defect", numpy="ok", host="ok")[0] == "incomplete"
    assert verdict("tflite-2.14", WRONG, tflm="known defect", numpy="ok", host="ok")[0] == "proved"
    assert verdict("tflite-2.14", LACKS, tflm="not run", numpy="ok", host="ok")[0] == "proved"
    assert verdict("tflite-2.14", tflm="not run", numpy="ok", host="ok") == ("incomplete", "tflm did not run: gone.")


def test_tflite_leaves_the_inputs_of_an_addition_alone() -> None:
    """It adds in place, also when it is told to keep every tensor; so operators' outputs are made the network's."""
    need_packages("ai_edge_litert")
    data = relu6()
    graph = graph_of(data)
    patched = graph_of(with_outputs(data, graph))
    assert patched.outputs == (3, 1, 2)
    assert patched.ops == graph.ops
    inputs = make_samples(graph, (), 6, 0)
    batch = TfliteRuntime(data, graph, sys.executable, "ai_edge_litert", REFERENCE).run(inputs, tap=True)
    for index, values in run_all(graph, inputs).items():
        np.testing.assert_array_equal(batch.operators[index], values.reshape(6, -1))


def test_a_python_without_tflite_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from firmware_export.tflite import VARIABLE, tflite_reference

    graph = graph_of(relu6())
    monkeypatch.setenv(VARIABLE, str(tmp_path / "python"))
    with pytest.raises(NotAvailableError, match="does not start"):
        tflite_reference(relu6(), graph)
    with pytest.raises(NotAvailableError, match="No module named 'tflite_runtime'"):
        tflite_reference(relu6(), graph, sys.executable)
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(NotAvailableError, match=r"TFLite 2\.14 is not installed: .*--tflite-python"):
        tflite_reference(relu6(), graph)


def test_the_other_python_may_be_old_and_bare() -> None:
    """tflite-runtime 2.14 has wheels from Python 3.9 on; nothing of ours is installed beside it."""
    source = (Path(tflite.__file__).parent / "tflite_worker.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 9))
    assert "firmware_export" not in source


def test_proof_is_plain_json(model: Path) -> None:
    proof: Proof = prove(model, count=6, runtimes=("tflm", "numpy"))
    assert proof.to_json()["defects"][0]["type"] == "RELU6"

"""A few of the mutants that benchmarks/fuzz.py tries by the hundred thousand, and that it would notice a failure."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import beside_tflm
import fuzz
import needs
import sanitized
from mutants import Mutator, build_corpus, walk

from firmware_export import emit
from firmware_export.operator_list import list_operators
from firmware_export.verify import supported_operators

pytestmark = pytest.mark.slow

MUTANTS = 600
CORPUS = build_corpus([])


@pytest.fixture(scope="module")
def mutator() -> Mutator:
    return Mutator(CORPUS, seed=7)


def test_every_operator_is_in_the_corpus() -> None:
    seen = {operator for name, data in CORPUS.items() for operator in list_operators(data, name)}
    assert set(supported_operators()) <= seen


def test_seeds_become_c() -> None:
    for data in CORPUS.values():
        fuzz.compile_mutant(data)


def test_sites_are_the_structure() -> None:
    data = CORPUS["variables-0"]
    sites = walk(data)
    assert {"offset", "back", "vtable", "count", "i32", "u32", "i64", "f32", "text", "data", "kind"} <= {
        site.kind for site in sites
    }
    assert all(0 <= site.at <= site.at + site.size <= len(data) for site in sites)


def test_mutants_end_in_one_line_or_in_c(mutator: Mutator) -> None:
    findings = fuzz.Findings()
    for number in range(MUTANTS):
        findings.add(number, *fuzz.try_mutant(fuzz.Plan(mutator, 1, None), number))
    assert findings.failures == []
    for kind in (fuzz.EXPORTED, "refused: damaged", "refused: broken rule", "refused: wrong output shape"):
        assert findings.outcomes[kind] > MUTANTS / 100, findings.outcomes


def test_a_mutant_is_made_again_from_its_number(mutator: Mutator) -> None:
    again = Mutator(CORPUS, seed=7)
    mutants = [mutator.mutant(number) for number in (3, 41, 500)]
    assert mutants == [again.mutant(number) for number in (3, 41, 500)]
    assert mutants[0] != Mutator(CORPUS, seed=8).mutant(3)


@pytest.mark.parametrize("flipped", [False, True])
def test_the_c_of_a_mutant_is_compared(
    mutator: Mutator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: str, flipped: bool
) -> None:
    """A difference is planted in the outputs that numpy gives."""

    def flip(*args: object) -> list[emit.Vector]:
        vectors = list(golden_vectors(*args))
        outputs = vectors[0].outputs[0].copy()
        outputs.view(np.uint8).reshape(-1)[:1] ^= 1
        return [emit.Vector(vectors[0].inputs, (outputs, *vectors[0].outputs[1:])), *vectors[1:]]

    golden_vectors = sanitized.golden_vectors
    if flipped:
        monkeypatch.setattr(sanitized, "golden_vectors", flip)
    plan, found = fuzz.Plan(mutator, 1, sanitized.Sanitized(tmp_path).check), set[str]()
    for number in range(MUTANTS):
        outcome, note = fuzz.try_mutant(plan, number)
        found.add(outcome)
        if outcome == ("C differs" if flipped else sanitized.EQUAL):
            return
        assert outcome not in fuzz.FAILURES, note
    pytest.fail(f"none was compiled: {found}")


@pytest.mark.parametrize("planted", [False, True])
def test_a_mutant_is_compared_with_tflite_micro(
    mutator: Mutator, monkeypatch: pytest.MonkeyPatch, planted: bool
) -> None:
    needs.need_packages("tflite_micro")
    if planted:
        monkeypatch.setattr(beside_tflm.reference, "run_sequence", lambda graph, x: [np.zeros(3, np.int8)] * 9)
        monkeypatch.setattr(beside_tflm, "zip", lambda *columns, strict: zip(*columns, strict=False), raising=False)
    plan, found = fuzz.Plan(mutator, 1, beside_tflm.run_tflm), set[str]()
    wanted = beside_tflm.DIFFERS if planted else beside_tflm.EQUAL
    for number in range(80):
        found.add(fuzz.try_mutant(plan, number)[0])
    assert wanted in found
    assert (beside_tflm.EQUAL if planted else beside_tflm.DIFFERS) not in found


def _raise(error: BaseException) -> Callable[[bytes], None]:
    def fail(data: bytes) -> None:
        raise error

    return fail


def _sleep(data: bytes) -> None:
    time.sleep(60)


def _end(data: bytes) -> None:
    os._exit(3)


@pytest.mark.parametrize(
    ("what", "outcome"),
    [
        (_raise(IndexError("tuple index out of range")), "crash"),
        (_raise(MemoryError()), "out of memory"),
        (_raise(fuzz.ExportError("m.tflite: two\nlines")), "message"),
        (_raise(fuzz.ExportError("some other file")), "message"),
        (_sleep, "hang"),
        (_end, "killed"),
    ],
)
def test_failures_are_found(
    mutator: Mutator, monkeypatch: pytest.MonkeyPatch, what: Callable[[bytes], None], outcome: str
) -> None:
    monkeypatch.setattr(fuzz, "compile_mutant", what)
    monkeypatch.setattr(fuzz, "SECONDS", 0.05)
    findings = fuzz.Findings()
    for result in fuzz.run_all(fuzz.Plan(mutator, 1, None), range(5, 8), jobs=2, until=float("inf")):
        findings.add(*result)
    assert [(number, kind) for number, kind, _ in findings.failures] == [(5, outcome), (6, outcome), (7, outcome)]
    assert f"--only 6: {outcome}" in fuzz.table(findings, 1.0, 7)


def test_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGENET_DATA", raising=False)
    assert fuzz.main(["--files", "40", "--no-compile", "--jobs", "1", "--seed", "3"]) == 0
    assert "PASSED: no findings" in capsys.readouterr().out
    assert fuzz.main(["--only", "11", "--no-compile", "--seed", "3"]) == 0
    assert capsys.readouterr().out.startswith("mutant 11 of ")
    monkeypatch.setattr(fuzz, "compile_mutant", _raise(ValueError("planted")))
    assert fuzz.main(["--files", "3", "--no-compile", "--jobs", "1"]) == 1
    assert "FAILED: 3 mutants" in capsys.readouterr().out

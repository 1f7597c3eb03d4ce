"""A pytest plugin: `pytest --edgenet-prove model.tflite`, and the fixture `edgenet_prove`. See docs/prove.md.

pytest loads this file wherever edgenet is installed, so what a proof needs is imported when there is one to run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from firmware_export.proof import Proof

VERDICT = "verdict"
"""The last item of a model: what all runtimes amount to."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options; `--edgenet-prove` may be there several times."""
    add = parser.getgroup("edgenet", "prove that generated C is bit-exact").addoption
    add("--edgenet-prove", action="append", default=[], metavar="MODEL", help="an int8 .tflite to prove")
    add("--edgenet-runtimes", default="", metavar="LIST", help="comma-separated, as of edgenet prove; or all")
    add("--edgenet-project", metavar="DIR", help="prove the C in this folder instead of a fresh export")
    add("--edgenet-inputs", metavar="FILE", help="real samples (N, ...): .npy, or .npz with input_0, ...")
    add("--edgenet-count", type=int, metavar="N", help="samples to generate")
    add("--edgenet-tflite-python", metavar="PYTHON", help="a Python with TFLite 2.14")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out all test files where models are to be proved and no path is given beside them."""
    alone = config.args_source != pytest.Config.ArgsSource.ARGS
    return True if config.getoption("edgenet_prove") and alone and not collection_path.is_dir() else None


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Adds an item for every model and runtime."""
    for text in session.config.getoption("edgenet_prove"):
        model = ModelProof(Path(text), session.config)
        for runtime in (*model.runtimes(), VERDICT):
            name = f"edgenet-prove::{text}::{runtime}"
            items.append(ProofItem.from_parent(session, name=runtime, nodeid=name, model=model))


@pytest.fixture
def edgenet_prove() -> Callable[..., Proof]:
    """A function (path, **options of `firmware_export.prove.prove`) that fails the test unless all bits are proved."""

    def check(path: Path | str, **options: Any) -> Proof:
        from firmware_export.prove import prove, render

        proof = _try(lambda: prove(Path(path), **options))
        if not isinstance(proof, str) and proof.proved:
            return proof
        pytest.fail(proof if isinstance(proof, str) else render(proof), pytrace=False)

    return check


def _try(run: Callable[[], Proof]) -> Proof | str:
    """A proof, or why there is none."""
    from firmware_export.errors import ExportError

    try:
        return run()
    except (ExportError, OSError) as error:
        return str(error)


class ModelProof:
    """The proof of one model, run when its first item is."""

    def __init__(self, path: Path, config: pytest.Config) -> None:
        """Takes what the command line says."""
        self._path, self._config = path, config
        self._outcome: Proof | str | None = None

    def runtimes(self) -> tuple[str, ...]:
        """The names of the runtimes that were asked for.

        Raises:
            pytest.UsageError: one is unknown.
        """
        from firmware_export.errors import ExportError
        from firmware_export.runtimes import chosen

        try:
            return chosen(self._names())[0]
        except ExportError as error:
            raise pytest.UsageError(f"--edgenet-runtimes: {error}") from error

    def outcome(self) -> Proof | str:
        """The proof, or why there is none."""
        if self._outcome is None:
            self._outcome = _try(self._prove)
        return self._outcome

    def _prove(self) -> Proof:
        from firmware_export.prove import DEFAULT_COUNT, prove
        from firmware_export.reader import read_tflite
        from firmware_export.samples import load_inputs

        option = self._config.getoption
        inputs, project = option("edgenet_inputs"), option("edgenet_project")
        count = len(read_tflite(self._path.read_bytes(), self._path.name).inputs) if inputs else 0
        return prove(
            self._path,
            project=Path(project) if project else None,
            inputs=load_inputs(Path(inputs), count) if inputs else None,
            count=option("edgenet_count") or DEFAULT_COUNT,
            runtimes=self._names(),
            tflite_python=option("edgenet_tflite_python"),
        )

    def _names(self) -> tuple[str, ...]:
        from firmware_export.runtimes import DEFAULT_RUNTIMES

        given = self._config.getoption("edgenet_runtimes")
        return tuple(name.strip() for name in given.split(",") if name.strip()) or DEFAULT_RUNTIMES


class ProofItem(pytest.Item):
    """One runtime of one model; or the verdict on all."""

    def __init__(self, *, model: ModelProof, **others: Any) -> None:
        """Takes the model's proof, and what pytest's items take."""
        super().__init__(**others)
        self._model = model

    def runtest(self) -> None:
        """Fails where this runtime differs or is missing; is skipped where it need not be there."""
        from firmware_export.prove import render

        proof = self._model.outcome()
        if isinstance(proof, str):
            pytest.fail(proof, pytrace=False)
        if self.name == VERDICT:
            if not proof.proved:
                pytest.fail(render(proof), pytrace=False)
            return
        report = proof.runtime(self.name)
        if report.status == "not run" and (not report.wanted or proof.proved):
            pytest.skip(report.reason)
        if report.status in ("differs", "not run"):
            pytest.fail(f"{self.name}: {report.difference or report.reason}", pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the item comes from, and its headline in reports."""
        return self.path, None, f"{self.nodeid} (edgenet)"

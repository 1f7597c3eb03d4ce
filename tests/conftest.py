"""What several tests share: where the real data is, and how a missing tool is treated."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _find_data() -> Path | None:
    """The folder with real data sets: EDGENET_DATA, or ../shared/data beside the repository."""
    named = os.environ.get("EDGENET_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    return folder.resolve() if folder.is_dir() else None


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with real data sets; without it the test is left out, and says so."""
    folder = _find_data()
    if folder is None:
        pytest.skip("no real data sets here: set EDGENET_DATA to the folder that holds mnist/ and tflite/")
    return folder


@pytest.fixture(scope="session")
def mnist_dir(data_dir: Path) -> Path:
    """The folder with MNIST's four IDX files."""
    if not (data_dir / "mnist").is_dir():
        pytest.skip("no mnist/ in EDGENET_DATA")
    return data_dir / "mnist"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test may be left out for want of data alone: a missing tool or library fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None or hasattr(session.config, "workerinput"):
        return
    skipped = [str(report.longrepr) for report in reporter.stats.get("skipped", [])]
    wrong = [reason for reason in skipped if "EDGENET_DATA" not in reason]
    if wrong:
        reporter.write_line(f"CI: {len(wrong)} tests were left out for other reasons than data, first: {wrong[0]}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

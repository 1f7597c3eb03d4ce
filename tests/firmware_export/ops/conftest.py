"""The quick suite tries each operator once: the first test of each file; the others count as slow."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seen = set[Path]()
    for item in items:
        if item.path.parent == FOLDER:
            if item.path in seen:
                item.add_marker(pytest.mark.slow)
            seen.add(item.path)

"""What the export tests share."""

from __future__ import annotations

import shutil

import needs
import pytest


@pytest.fixture(scope="session")
def compiler() -> str:
    """A C compiler for this machine; without one the test is left out (an error in CI)."""
    found = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    if found is None:
        needs.lack("no C compiler: apt install gcc")
    return str(found)

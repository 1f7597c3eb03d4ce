"""MINIMUM and MAXIMUM."""

from __future__ import annotations

from pathlib import Path

import pytest
from binary_op import all_pairs
from single_op import check


@pytest.mark.parametrize("kind", ["MINIMUM", "MAXIMUM"])
def test_all_pairs(kind: str, tmp_path: Path, compiler: str) -> None:
    """Scales that differ play no part."""
    data, inputs = all_pairs(kind, (0.1, 0.3, 0.2), (3, -7, 5))
    check(data, tmp_path, compiler, inputs=inputs)

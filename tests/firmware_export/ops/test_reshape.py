from __future__ import annotations

from pathlib import Path

import numpy as np
from single_op import check, model
from tflite_builder import TensorSpec


def test_network_of_one_reshape_copies(tmp_path: Path, compiler: str) -> None:
    shape = TensorSpec((2,), "int32", None, data=np.array([1, 8], np.int32))
    check(model("RESHAPE", [TensorSpec((1, 4, 2)), shape], [TensorSpec((1, 8))]), tmp_path, compiler)

"""The keras module, imported late and quietly."""

from __future__ import annotations

import os
from typing import Any

from edgenet.errors import MissingExtraError
from firmware_export.tflm import captured_stderr


def import_keras() -> Any:
    """The keras module, without the lines that TensorFlow's C++ part writes while it loads.

    Raises:
        MissingExtraError: keras or its backend is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with captured_stderr():
            import keras
    except ImportError as error:
        raise MissingExtraError(f"This needs Keras ({error}): pip install 'edgenet[train]'") from error
    return keras

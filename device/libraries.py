"""Optional libraries: a clear error where one is missing, and quiet where one chatters."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from device.errors import DeviceError


def require_cv2() -> None:
    """Checks that OpenCV is installed.

    Raises:
        DeviceError: it is not; says what to install.
    """
    try:
        import_module("cv2")
    except ImportError as error:
        raise DeviceError("OpenCV (cv2) is not installed. Run: pip install 'edgenet[device]'") from error


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drops what C and C++ code writes to file descriptor 2 meanwhile: delegates and decoders announce themselves."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

"""Turn an int8 .tflite into C, and prove that the C gives the same bits. Never imports tensorflow."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .calling import CModel, load_c, load_reference
    from .errors import ExportError
    from .project import ExportSummary, OperatorInfo, TensorInfo, export_c

__version__ = "0.1.0"

__all__ = [
    "CModel",
    "ExportError",
    "ExportSummary",
    "OperatorInfo",
    "TensorInfo",
    "__version__",
    "export_c",
    "load_c",
    "load_reference",
]
_MODULES = {
    "CModel": "calling",
    "ExportError": "errors",
    "ExportSummary": "project",
    "OperatorInfo": "project",
    "TensorInfo": "project",
    "export_c": "project",
    "load_c": "calling",
    "load_reference": "calling",
}
"""Where a public name lives. It is loaded when it is used: a pytest that loads our plugin shall not wait for numpy."""


def __getattr__(name: str) -> object:
    """A public name, from its module."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)

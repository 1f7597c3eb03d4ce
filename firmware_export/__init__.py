"""Turn an int8 .tflite into C, and prove that the C gives the same bits. Never imports tensorflow."""

from __future__ import annotations

__version__ = "0.1.0"

from .calling import CModel, load_c, load_reference
from .errors import ExportError
from .project import ExportSummary, OperatorInfo, TensorInfo, export_c

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

"""What QUANTIZE and DEQUANTIZE share: the integer types at the borders of an int8 network."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..graph import Tensor

LIMITS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "int8": (-(2**7), 2**7 - 1),
        "uint8": (0, 2**8 - 1),
        "int16": (-(2**15), 2**15 - 1),
        "int32": (-(2**31), 2**31 - 1),
    }
)
"""The range of each integer type."""


def not_one_scale(tensor: Tensor) -> str | None:
    """What keeps an integer tensor from having one positive scale, and a zero point within its type; or None."""
    if tensor.quant is None or tensor.scale <= 0:
        return f"'{tensor.name}' has no scale"
    if tensor.quant.per_channel:
        return f"'{tensor.name}' has {len(tensor.quant.scale)} scales"
    low, high = LIMITS[tensor.dtype]
    return None if low <= tensor.zero_point <= high else f"'{tensor.name}' has zero point {tensor.zero_point}"

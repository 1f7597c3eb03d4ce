"""QUANTIZE: float32 to int8, or integers to another scale, zero point or type.

Floats are divided by the scale in float32 and rounded, halves away from zero. What is too large or too small becomes
the largest or smallest int8, and NaN the zero point, as on a Cortex-M; there C and C++, and TFLite Micro with them,
leave open what comes out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..graph import ITEM_BYTES, Array, Node
from . import borders, linear
from .arithmetic import Int, clamp_int8, quantize_multiplier, requantize, wrap_int32
from .lookup import lookup_operator
from .spec import Constant, KernelCall, Operator, Param, Shape, in_place

TYPES = {
    "float32": ("int8",),
    "int8": ("int8", "uint8", "int16", "int32"),
    "uint8": ("int8",),
    "int16": ("int8", "int16", "int32"),
    "int32": ("int8", "int16"),
}
"""Input type -> the output types that TFLite Micro knows for it; float32 to int16 belongs to 16-bit networks."""


def known_types(node: Node) -> str | None:
    """the types must be float32 to int8; int8 to int8, uint8, int16 or int32; uint8 to int8; int16 to int8, int16 or
    int32; or int32 to int8 or int16"""
    tensor = node.input(0)
    if tensor is None:
        return "the input is missing"
    known = node.output.dtype in TYPES.get(tensor.dtype, ())
    return None if known else f"{tensor.dtype} to {node.output.dtype}"


def one_scale_each(node: Node) -> str | None:
    """integers must have one positive scale, and a zero point within their type"""
    given = None if node.need(0).dtype == "float32" else borders.not_one_scale(node.need(0))
    return given or borders.not_one_scale(node.output)


def factor_in_range(node: Node) -> str | None:
    """the factor from the scale of integers to the output's must be below 2**30"""
    return None if node.need(0).dtype == "float32" else linear.scales_in_range(node)


def multiplier(node: Node) -> tuple[int, int]:
    """(multiplier, shift) of input scale / output scale."""
    return quantize_multiplier(node.need(0).scale / node.output.scale)


def rescale(node: Node, x: Int) -> Int:
    """`x` in the output's quantization, before it is clamped; int64 within int32. Source: TFLite Requantize."""
    centred = wrap_int32(x.astype(np.int64) - node.need(0).zero_point)
    return wrap_int32(requantize(centred, *multiplier(node)) + node.output.zero_point)


def formula(node: Node, x: Int) -> npt.NDArray[np.int8]:
    """Rescaled and clamped."""
    return clamp_int8(rescale(node, x))


def quantized(node: Node, x: Array) -> Array:
    """int8 of float32 values. Source: TFLite AffineQuantize."""
    zero = node.output.zero_point
    with np.errstate(over="ignore", invalid="ignore"):
        real = np.nan_to_num(x / np.float32(node.output.scale), nan=0.0)
    limited = np.clip(real.astype(np.float64), -128 - zero, 127 - zero)
    return clamp_int8((np.sign(limited) * np.floor(np.abs(limited) + 0.5)).astype(np.int64) + zero)


def output_shapes(node: Node) -> Sequence[Shape]:
    """The input's."""
    return [node.need(0).shape]


def reference(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """(N, *shape) of the output's type."""
    if node.need(0).dtype == "float32":
        return [quantized(node, inputs[0])]
    return [np.clip(rescale(node, inputs[0]), *borders.LIMITS[node.output.dtype]).astype(node.output.dtype)]


def _lower_floats(node: Node) -> KernelCall:
    params: dict[str, Param] = {
        "size": node.output.size,
        "scale": node.output.scale,
        "output_offset": node.output.zero_point,
    }
    return KernelCall("quantize_f32_s8", params, (node.need(0),), node.output)


def _lower_bytes(node: Node) -> KernelCall:
    """From or to uint8: by a table of what becomes of every byte."""
    every = np.arange(256, dtype=np.uint8).view(node.need(0).dtype)[np.newaxis]
    table = reference(node, [every])[0].view(np.uint8)
    values = Constant("table", table, f"QUANTIZE of the bytes 0 to 255, {node.need(0).dtype} to {node.output.dtype}")
    return KernelCall("lookup_u8", {"size": node.output.size, "table": values}, (node.need(0),), node.output)


def _lower_integers(node: Node) -> KernelCall:
    factor, shift = multiplier(node)
    low, high = borders.LIMITS[node.output.dtype]
    params: dict[str, Param] = {
        "size": node.output.size,
        "input_bytes": ITEM_BYTES[node.need(0).dtype],
        "output_bytes": ITEM_BYTES[node.output.dtype],
        "input_offset": -node.need(0).zero_point,
        "output_offset": node.output.zero_point,
        "multiplier": factor,
        "shift": shift,
        "output_min": low,
        "output_max": high,
    }
    return KernelCall("rescale", params, (node.need(0),), node.output)


_S8 = lookup_operator(formula)
"""From int8 to int8, where QUANTIZE is a table like other operators."""


def table(node: Node) -> Array | None:
    """What becomes of -128 to 127, int8 (256,); None unless input and output are int8."""
    both = (node.need(0).dtype, node.output.dtype) == ("int8", "int8")
    return formula(node, np.arange(-128, 128, dtype=np.int64)) if both else None


def lower(node: Node) -> Sequence[KernelCall]:
    """One call: of quantize_f32_s8, lookup_s8, lookup_u8 or rescale."""
    types = (node.need(0).dtype, node.output.dtype)
    if types == ("int8", "int8"):
        return _S8.lower(node)
    if "float32" in types:
        return [_lower_floats(node)]
    return [_lower_bytes(node) if "uint8" in types else _lower_integers(node)]


OPERATOR = Operator(
    constraints=(known_types, one_scale_each, factor_in_range),
    output_shapes=output_shapes,
    reference=reference,
    lower=lower,
    overlap=in_place,
    table=table,
)

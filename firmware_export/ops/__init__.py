"""One file per operator: options, constraints, output shape, bit-exact numpy reference, lowering to kernel calls.

A new operator is a file here, a kernel in `c/kernels/` and one line in `OPS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import (
    add,
    arg_max,
    assign_variable,
    average_pool2d,
    call_once,
    concatenation,
    conv2d,
    depthwise_conv2d,
    dequantize,
    fully_connected,
    logistic,
    lookup,
    max_pool2d,
    mean,
    pad,
    quantize,
    read_variable,
    reduce_max,
    relu,
    relu6,
    reshape,
    resize_bilinear,
    resize_nearest_neighbor,
    softmax,
    sum,
    transpose_conv,
    var_handle,
)
from .spec import Operator

OPS: Mapping[str, Operator] = {
    "ADD": add.OPERATOR,
    "ARG_MAX": arg_max.OPERATOR,
    "ASSIGN_VARIABLE": assign_variable.OPERATOR,
    "AVERAGE_POOL_2D": average_pool2d.OPERATOR,
    "CALL_ONCE": call_once.OPERATOR,
    "CONCATENATION": concatenation.OPERATOR,
    "CONV_2D": conv2d.OPERATOR,
    "DEPTHWISE_CONV_2D": depthwise_conv2d.OPERATOR,
    "DEQUANTIZE": dequantize.OPERATOR,
    "FULLY_CONNECTED": fully_connected.OPERATOR,
    "LOGISTIC": logistic.OPERATOR,
    "LOOKUP": lookup.OPERATOR,
    "MAX_POOL_2D": max_pool2d.OPERATOR,
    "MEAN": mean.OPERATOR,
    "PAD": pad.OPERATOR,
    "QUANTIZE": quantize.OPERATOR,
    "READ_VARIABLE": read_variable.OPERATOR,
    "REDUCE_MAX": reduce_max.OPERATOR,
    "RELU": relu.OPERATOR,
    "RELU6": relu6.OPERATOR,
    "RESHAPE": reshape.OPERATOR,
    "RESIZE_BILINEAR": resize_bilinear.OPERATOR,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest_neighbor.OPERATOR,
    "SOFTMAX": softmax.OPERATOR,
    "SUM": sum.OPERATOR,
    "TRANSPOSE_CONV": transpose_conv.OPERATOR,
    "VAR_HANDLE": var_handle.OPERATOR,
}

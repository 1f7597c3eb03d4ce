"""One file per operator: options, constraints, output shape, bit-exact numpy reference, lowering to kernel calls.

A new operator is a file here, a kernel in `c/kernels/` and one line in `OPS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import (
    add,
    assign_variable,
    average_pool2d,
    call_once,
    concatenation,
    conv2d,
    depthwise_conv2d,
    fully_connected,
    logistic,
    lookup,
    max_pool2d,
    mean,
    pad,
    quantize,
    read_variable,
    relu,
    relu6,
    reshape,
    softmax,
    var_handle,
)
from .spec import Operator

OPS: Mapping[str, Operator] = {
    "ADD": add.OPERATOR,
    "ASSIGN_VARIABLE": assign_variable.OPERATOR,
    "AVERAGE_POOL_2D": average_pool2d.OPERATOR,
    "CALL_ONCE": call_once.OPERATOR,
    "CONCATENATION": concatenation.OPERATOR,
    "CONV_2D": conv2d.OPERATOR,
    "DEPTHWISE_CONV_2D": depthwise_conv2d.OPERATOR,
    "FULLY_CONNECTED": fully_connected.OPERATOR,
    "LOGISTIC": logistic.OPERATOR,
    "LOOKUP": lookup.OPERATOR,
    "MAX_POOL_2D": max_pool2d.OPERATOR,
    "MEAN": mean.OPERATOR,
    "PAD": pad.OPERATOR,
    "QUANTIZE": quantize.OPERATOR,
    "READ_VARIABLE": read_variable.OPERATOR,
    "RELU": relu.OPERATOR,
    "RELU6": relu6.OPERATOR,
    "RESHAPE": reshape.OPERATOR,
    "SOFTMAX": softmax.OPERATOR,
    "VAR_HANDLE": var_handle.OPERATOR,
}

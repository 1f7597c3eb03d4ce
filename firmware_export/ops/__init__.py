"""One file per operator: options, constraints, output shape, bit-exact numpy reference, lowering to kernel calls.

A new operator is a file here, a kernel in `c/kernels/` and one line in `OPS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import (
    add,
    average_pool2d,
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
    relu,
    relu6,
    reshape,
    softmax,
)
from .spec import Operator

OPS: Mapping[str, Operator] = {
    "ADD": add.OPERATOR,
    "AVERAGE_POOL_2D": average_pool2d.OPERATOR,
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
    "RELU": relu.OPERATOR,
    "RELU6": relu6.OPERATOR,
    "RESHAPE": reshape.OPERATOR,
    "SOFTMAX": softmax.OPERATOR,
}

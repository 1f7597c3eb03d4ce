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
    hard_swish,
    leaky_relu,
    logistic,
    max_pool2d,
    maximum,
    mean,
    minimum,
    mul,
    pad,
    prelu,
    quantize,
    relu,
    relu6,
    relu_n1_to_1,
    reshape,
    softmax,
    sub,
    tanh,
)
from .spec import Operator

OPS: Mapping[str, Operator] = {
    "ADD": add.OPERATOR,
    "AVERAGE_POOL_2D": average_pool2d.OPERATOR,
    "CONCATENATION": concatenation.OPERATOR,
    "CONV_2D": conv2d.OPERATOR,
    "DEPTHWISE_CONV_2D": depthwise_conv2d.OPERATOR,
    "FULLY_CONNECTED": fully_connected.OPERATOR,
    "HARD_SWISH": hard_swish.OPERATOR,
    "LEAKY_RELU": leaky_relu.OPERATOR,
    "LOGISTIC": logistic.OPERATOR,
    "MAXIMUM": maximum.OPERATOR,
    "MAX_POOL_2D": max_pool2d.OPERATOR,
    "MEAN": mean.OPERATOR,
    "MINIMUM": minimum.OPERATOR,
    "MUL": mul.OPERATOR,
    "PAD": pad.OPERATOR,
    "PRELU": prelu.OPERATOR,
    "QUANTIZE": quantize.OPERATOR,
    "RELU": relu.OPERATOR,
    "RELU6": relu6.OPERATOR,
    "RELU_N1_TO_1": relu_n1_to_1.OPERATOR,
    "RESHAPE": reshape.OPERATOR,
    "SOFTMAX": softmax.OPERATOR,
    "SUB": sub.OPERATOR,
    "TANH": tanh.OPERATOR,
}

"""Which operators a .tflite uses, also those that can't become C, and what TFLite Micro calls them."""

from __future__ import annotations

from firmware_export.errors import ExportError
from firmware_export.schema import OPERATORS
from firmware_export.tables import BadTableError, Table, root

IDENTIFIER = b"TFL3"
CUSTOM = "CUSTOM:"
_RESOLVER_OPERATORS = """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_ARGS
    BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE DIV
    DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED
    GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG
    LOG_SOFTMAX LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG
    NOT_EQUAL PACK PAD PADV2 PRELU QUANTIZE READ_VARIABLE REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE RESIZE_BILINEAR
    RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH
    SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV
    UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
"""
RESOLVER_OPERATORS = frozenset(_RESOLVER_OPERATORS.split())
"""What tflite::MicroMutableOpResolver can add. Source: tensorflow/lite/micro/micro_mutable_op_resolver.h."""
SPELLINGS = {
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
    f"{CUSTOM}CIRCULAR_BUFFER": "CircularBuffer",
    f"{CUSTOM}TFLite_Detection_PostProcess": "DetectionPostprocess",
    f"{CUSTOM}ethos-u": "EthosU",
}
"""Names that are not the operator's with its words capitalised."""


def list_operators(data: bytes, name: str) -> list[str]:
    """The types of operators that a model uses in any of its subgraphs, sorted, each once.

    Custom operators are "CUSTOM:" and their name.

    Args:
        data: the bytes of the .tflite.
        name: how messages call it.

    Raises:
        ExportError: this is not a .tflite, or it is damaged.
    """
    if data[4:8] != IDENTIFIER:
        raise ExportError(f"{name}: this is not a .tflite file (bytes 4 to 7 are {data[4:8]!r}, not {IDENTIFIER!r}).")
    try:
        model = root(data)
        codes = [_type(code) for code in model.tables(1)]
        used = {op.integer(0, "uint32") for subgraph in model.tables(2) for op in subgraph.tables(3)}
        return sorted({codes[index] for index in used})
    except (BadTableError, IndexError) as error:
        raise ExportError(f"{name}: the file is damaged or cut short ({error}); copy or convert it again.") from error


def resolver_call(operator: str) -> str | None:
    """The resolver's method for an operator, e.g. "AddConv2D"; None where TFLite Micro has none for it."""
    if operator in SPELLINGS:
        return f"Add{SPELLINGS[operator]}"
    if operator not in RESOLVER_OPERATORS:
        return None
    return "Add" + "".join(word if word[0].isdigit() else word.capitalize() for word in operator.split("_"))


def _type(code: Table) -> str:
    """The name of one entry of the operator codes; those above 126 are in the newer field."""
    number = max(code.integer(0, "int8"), code.integer(3))
    if not 0 <= number < len(OPERATORS):
        return f"OPERATOR_{number}"
    return f"{CUSTOM}{code.text(1)}" if OPERATORS[number] == "CUSTOM" else OPERATORS[number]

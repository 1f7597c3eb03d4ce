"""TFLM's interpreter in a process of its own: it aborts the process on some inputs, and then only that one ends."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np

from firmware_export.batch import NotAvailableError, flatten_outputs
from firmware_export.graph import Array
from firmware_export.worker import Worker

SampleResult = tuple[list[Array], dict[int, Array]]
LARGE_ARENA_BYTES = 512 * 1024 * 1024
"""Its pages take no memory before they are used."""
OWN_REFERENCES = 2
"""What getrefcount says of an object that one variable holds: the variable, and its own argument."""


class TflmWorker:
    """One model in another process, which lives until this object does not, or until this process ends."""

    def __init__(
        self, data: bytes, name: str, outputs: int, operators: Mapping[int, tuple[int, ...]], *, fresh: bool = False
    ) -> None:
        """Starts the process and loads the model.

        Args:
            data: the .tflite file.
            name: of the model, for messages.
            outputs: how many it has.
            operators: index of an operator -> its output tensors.
            fresh: load the model anew for each batch, because it has variables: TFLM's own reset forgets CALL_ONCE.

        Raises:
            NotAvailableError: TFLM refuses the model, or crashed.
        """
        self._name = name
        code = "from firmware_export.tflm_worker import serve; serve()"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self._worker = Worker("TFLite Micro", [sys.executable, "-c", code], environment)
        where = f"while it loaded {name}"
        self._worker.send((data, outputs, dict(operators), fresh), where)
        failure = self._worker.receive(where)
        if failure:
            raise NotAvailableError(f"TFLite Micro refuses {name}: {self._worker.said() or failure}")

    def run(self, inputs: Sequence[Array], *, tap: bool) -> Iterator[SampleResult]:
        """Each sample's outputs, and with `tap` those of every operator by index.

        Raises:
            NotAvailableError: TFLM fails or crashes.
        """
        samples = len(inputs[0])
        self._worker.send((list(inputs), tap), f"before it ran {self._name}")
        for sample in range(samples):
            answer = self._worker.receive(f"in {self._name}, at sample {sample + 1} of {samples}")
            if isinstance(answer, str):
                raise NotAvailableError(f"TFLite Micro can't run {self._name}: {self._worker.said() or answer}")
            yield answer


def serve() -> None:
    """The other process: a model from standard input, then inputs; answers to standard output, sample by sample."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    data, outputs, operators, fresh = pickle.load(sys.stdin.buffer)
    try:
        interpreter = new_interpreter(data, LARGE_ARENA_BYTES, preserve=True)
        _answer(answers, "")
        while True:
            inputs, tap = pickle.load(sys.stdin.buffer)
            if fresh:
                interpreter = new_interpreter(data, LARGE_ARENA_BYTES, preserve=True)
            shapes = [interpreter.get_input_details(number)["shape"] for number in range(len(inputs))]
            for sample in range(len(inputs[0])):
                _invoke(interpreter, [values[sample] for values in inputs], shapes)
                _answer(answers, _results(interpreter, outputs, operators if tap else {}))
    except EOFError:
        return
    except (RuntimeError, ValueError) as error:
        _answer(answers, str(error) or type(error).__name__)


def new_interpreter(data: bytes, arena_bytes: int, *, preserve: bool) -> Any:
    """TFLM's interpreter with a model in it, in this process.

    Args:
        data: the .tflite file.
        arena_bytes: the arena's size.
        preserve: keep every tensor, so that it can be read.

    Raises:
        RuntimeError: TFLM refuses the model; it says why on standard error.
        ValueError: the same.
    """
    from tflite_micro.python.tflite_micro import runtime

    config = runtime.InterpreterConfig
    kind = config.kPreserveAllTensors if preserve else config.kAllocationRecording
    return runtime.Interpreter.from_bytes(data, arena_size=arena_bytes, intrepreter_config=kind)


def _invoke(interpreter: Any, sample: Sequence[Array], shapes: Sequence[Array]) -> None:
    for number, (values, shape) in enumerate(zip(sample, shapes, strict=True)):
        interpreter.set_input(np.ascontiguousarray(values).reshape(shape), number)
    interpreter.invoke()


def _results(interpreter: Any, outputs: int, operators: Mapping[int, tuple[int, ...]]) -> SampleResult:
    """The outputs, and the outputs of these operators."""
    taps = {
        index: flatten_outputs([_copy_tensor(interpreter, tensor) for tensor in tensors])[0]
        for index, tensors in operators.items()
    }
    return [interpreter.get_output(number) for number in range(outputs)], taps


def _copy_tensor(interpreter: Any, index: int) -> Array:
    """A copy (1, values) of one tensor.

    The wheel keeps a reference too many to the arrays that it returns: 10,000 samples would fill the memory.
    """
    tensor = interpreter.GetTensor(index, 0)
    values = np.array(tensor["tensor_data"]).reshape(1, -1)
    for key in ("tensor_data", "shape"):
        leaked = tensor.pop(key, None)
        if leaked is not None and sys.getrefcount(leaked) > OWN_REFERENCES:
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(leaked))
    return values


def _answer(stream: IO[bytes], message: object) -> None:
    pickle.dump(message, stream, pickle.HIGHEST_PROTOCOL)
    stream.flush()

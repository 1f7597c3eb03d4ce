"""A TFLite interpreter in a process of its own, perhaps another Python's. That one may be 3.9 and have only numpy.

It is started by its text, so it imports nothing of ours. Messages are pickled plain values; arrays travel as bytes.
"""

from __future__ import annotations

import os
import pickle
import sys
from importlib import import_module
from typing import Any

REFERENCE, DEFAULT = "reference", "default"
"""The plain kernels (BUILTIN_REF), and what a user gets: on most machines XNNPACK."""


def serve() -> None:
    """Answers version and failure of loading (package, kernels, model), then each sample of (inputs, tensors)."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    package, kernels, model = pickle.load(sys.stdin.buffer)
    try:
        library = import_module(package + ".interpreter")
        version = str(getattr(import_module(package), "__version__", ""))
        interpreter = new_interpreter(library, kernels, model)
        answer(answers, (version, ""))
        while True:
            inputs, tensors = pickle.load(sys.stdin.buffer)
            answer(answers, run(interpreter, inputs, tensors))
    except EOFError:
        return
    except Exception as error:
        answer(answers, ("", str(error).strip() or type(error).__name__))


def new_interpreter(library: Any, kernels: str, model: bytes) -> Any:
    """An interpreter that keeps every tensor, so that it can be read."""
    options: dict[str, Any] = {"model_content": model, "num_threads": 1}
    if kernels == REFERENCE:
        options["experimental_op_resolver_type"] = library.OpResolverType.BUILTIN_REF
        options["experimental_preserve_all_tensors"] = True
    interpreter = library.Interpreter(**options)
    interpreter.allocate_tensors()
    return interpreter


def run(interpreter: Any, inputs: list[bytes], tensors: list[int]) -> list[bytes]:
    """The bytes of these tensors after a run with these inputs."""
    numpy = import_module("numpy")
    for details, data in zip(interpreter.get_input_details(), inputs):  # noqa: B905 (Python 3.9 has no strict)
        values = numpy.frombuffer(data, details["dtype"]).reshape(details["shape"])
        interpreter.set_tensor(details["index"], values)
    interpreter.invoke()
    return [interpreter.get_tensor(index).tobytes() for index in tensors]


def answer(stream: Any, message: object) -> None:
    """Sends a message."""
    pickle.dump(message, stream, 5)
    stream.flush()


if __name__ == "__main__":
    serve()

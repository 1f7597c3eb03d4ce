# <banner>
# A network as C, called from Python.
# </banner>
"""Runs the network of this folder from Python: builds its C as a shared library and calls that.

    model = CModel()
    outputs = model.run(values)

It needs numpy and, for the first run on a machine, a C compiler. `python` with this file builds and describes it.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# <facts>
NAME = "model"
MODEL_SHA256 = ""
ARENA_BYTES = 0
INPUTS = (("input", (1,), "int8", 1.0, 0),)
OUTPUTS = (("output", (1,), "int8", 1.0, 0),)
SOURCES = ("model.c", "model_weights.c")
HEADERS = ("model.h", "model_weights.h")
# </facts>

Array = npt.NDArray[Any]
FOLDER = Path(__file__).resolve().parent
FLAGS = ("-std=c99", "-O2", "-fPIC", "-shared")
SUFFIXES = {"darwin": ".dylib", "win32": ".dll"}
ERROR_LINES = 6


class BuildError(Exception):
    """The library can't be built or loaded on this machine."""


class TensorSpec(NamedTuple):
    """An input or output: real = scale * (q - zero_point); the scale is 0 where the tensor is not quantized."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


class CModel:
    """The network, compiled.

    Every object loads a copy of the library of its own: two objects share neither arena nor state. Calls of one object
    from several threads wait for each other.

    Attributes:
        name: the network's C identifier.
        inputs: what `run` takes.
        outputs: what `run` gives.
        arena_bytes: working memory of the C.
    """

    name = NAME
    inputs = tuple(TensorSpec(*facts) for facts in INPUTS)
    outputs = tuple(TensorSpec(*facts) for facts in OUTPUTS)
    arena_bytes = ARENA_BYTES

    def __init__(self) -> None:
        """Finds or builds the library, and loads it.

        Raises:
            BuildError: there is no C compiler, the C does not compile, or the library does not load.
        """
        library = _load()
        self._run = library[f"{NAME}_run"]
        self._run.restype, self._run.argtypes = None, [ctypes.c_void_p] * (len(INPUTS) + len(OUTPUTS))
        self._reset = getattr(library, f"{NAME}_reset", None)
        self._busy = threading.Lock()

    def run(self, *inputs: Array) -> list[Array]:
        """The outputs, in the shapes and dtypes of `outputs`, for one array per input, in those of `inputs`.

        Raises:
            ValueError: another number of arrays, shape or dtype.
        """
        if len(inputs) != len(self.inputs):
            raise ValueError(f"{NAME}: takes {len(self.inputs)} inputs, got {len(inputs)}.")
        taken = [_fit(spec, inputs[number]) for number, spec in enumerate(self.inputs)]
        given = [np.empty(spec.shape, spec.dtype) for spec in self.outputs]
        with self._busy:
            self._run(*(array.ctypes.data for array in (*taken, *given)))
        return given

    def reset(self) -> None:
        """Puts what the network remembers between runs back to its beginning; most remember nothing."""
        if self._reset is not None:
            with self._busy:
                self._reset()


def library_file() -> str:
    """The library's file name: it tells platform, machine and what the C says, so that no wrong one is ever loaded.

    Raises:
        BuildError: a file of the project is missing.
    """
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    try:
        for file in (*SOURCES, *HEADERS):
            digest.update(hashlib.sha256((FOLDER / file).read_bytes()).digest())
    except OSError as error:
        raise BuildError(f"{error.filename}: can't be read ({error.strerror}); copy the whole folder.") from error
    return f"{_library_prefix()}{digest.hexdigest()[:16]}{SUFFIXES.get(sys.platform, '.so')}"


def _library_prefix() -> str:
    bits = 8 * ctypes.sizeof(ctypes.c_void_p)
    return f"lib{NAME}-{sys.platform}-{platform.machine().lower()}-{bits}bit-"


def find_compiler() -> list[str]:
    """The words that start a C compiler for this machine: $CC, else gcc, clang, cc, or the zig that pip installs.

    Raises:
        BuildError: there is none.
    """
    chosen = shlex.split(os.environ.get("CC", ""))
    for command in [chosen] if chosen else [["gcc"], ["clang"], ["cc"]]:
        if shutil.which(command[0]):
            return command
    if chosen:
        raise BuildError(f"CC={os.environ['CC']}: there is no such compiler; correct CC, or unset it.")
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc"]
    raise BuildError(
        f"{NAME}: no C compiler found ($CC, gcc, clang, cc, the Python package ziglang); install gcc, or run: "
        "pip install ziglang"
    )


def _load() -> ctypes.CDLL:
    """A copy of the library, loaded: from beside this file or the user's cache, else built and kept there."""
    scratch = Path(tempfile.mkdtemp(prefix="edgenet-"))
    copy = scratch / library_file()
    try:
        kept = [folder / copy.name for folder in _keeping_folders() if (folder / copy.name).is_file()]
        if kept:
            shutil.copyfile(kept[0], copy)
        else:
            _compile(copy)
            _keep(copy)
        return ctypes.CDLL(str(copy))
    except OSError as error:
        raise BuildError(f"{NAME}: the library {copy.name} can't be loaded ({error}).") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _compile(library: Path) -> None:
    """Builds the library."""
    maths = [] if sys.platform == "win32" else ["-lm"]
    command = [*find_compiler(), *FLAGS, *(str(FOLDER / file) for file in SOURCES), *maths, "-o", str(library)]
    cache = str(library.parent / "zig")
    environment = {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache, **os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[:ERROR_LINES]
        raise BuildError("\n".join([f"{FOLDER}: {command[0]} can't compile the C.", *said]))


def _keeping_folders() -> list[Path]:
    """Where a built library is kept: beside this file; where that can't be written to, in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return [FOLDER] if cache.startswith("~") else [FOLDER, Path(cache) / "edgenet" / "libraries"]


def _keep(library: Path) -> None:
    """Copies the library to the first folder that can be written to, whole or not at all; nowhere if there is none."""
    for folder in _keeping_folders():
        beside = folder / f".{library.name}.{os.getpid()}.tmp"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(library, beside)
            os.replace(beside, folder / library.name)
        except OSError:
            continue
        if folder == FOLDER:
            _forget_others(library.name)
        return


def _forget_others(name: str) -> None:
    """Deletes this machine's libraries of what the C beside this file was before."""
    for path in FOLDER.glob(f"{_library_prefix()}*"):
        if path.name != name:
            path.unlink()


def _fit(spec: TensorSpec, values: Array) -> Array:
    """`values` as memory that the C can read."""
    array = np.asarray(values)
    if array.dtype != np.dtype(spec.dtype) or array.shape != spec.shape:
        raise ValueError(f"{NAME}: input '{spec.name}' is {spec.dtype} {spec.shape}, got {array.dtype} {array.shape}.")
    return np.require(array, requirements=["C_CONTIGUOUS", "ALIGNED"])


if __name__ == "__main__":
    built = CModel()
    print(f"{NAME}: {library_file()}, arena {built.arena_bytes} bytes")
    for tensor in (*built.inputs, *built.outputs):
        print(tensor)

"""Finds C compilers and runs them: one for this machine, and zig for the emulated cores."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from firmware_export.batch import NotAvailableError
from firmware_export.errors import ExportError

VERIFY_EXTRA = "pip install 'edgenet[verify]'"
HARNESS_FOLDER = Path(__file__).parent / "c" / "harness"
C_FLAGS = ("-std=c99", "-O2", "-fomit-frame-pointer", "-ffunction-sections", "-fdata-sections")
COMPILE_TIMEOUT_S = 600
COMPILE_JOBS = 2
ERROR_LINES = 6


@dataclass(frozen=True)
class Compiler:
    """A C compiler that answered when asked for its version.

    Attributes:
        name: "gcc", "clang", "cc", "zig cc", or what $CC said.
        command: the words that start it.
        version: the first line of its `--version`.
    """

    name: str
    command: tuple[str, ...]
    version: str


def find_host_compiler(environment: Mapping[str, str] | None = None) -> Compiler:
    """The C compiler for this machine: $CC, else gcc, clang, cc, or the zig that pip installs.

    Args:
        environment: stands for os.environ.

    Raises:
        NotAvailableError: none was found.
        ExportError: $CC names one that does not run.
    """
    variables = os.environ if environment is None else environment
    chosen = shlex.split(variables.get("CC", ""))
    if chosen:
        compiler = _probe(" ".join(chosen), tuple(chosen), variables)
        if compiler is None:
            raise ExportError(f"CC={variables['CC']}: this compiler does not run. Correct CC, or unset it.")
        return compiler
    for name in ("gcc", "clang", "cc"):
        compiler = _probe(name, (name,), variables)
        if compiler is not None:
            return compiler
    zig = find_zig(variables)
    if zig is not None:
        return zig
    raise NotAvailableError(
        "no C compiler found: looked for $CC, gcc, clang, cc and the Python package ziglang; "
        f"install gcc, or {VERIFY_EXTRA}."
    )


def find_zig(environment: Mapping[str, str] | None = None) -> Compiler | None:
    """`zig cc` of the Python package ziglang, which also compiles for Cortex-M; None where it is not installed."""
    if importlib.util.find_spec("ziglang") is None:
        return None
    variables = os.environ if environment is None else environment
    zig = _probe("zig cc", (sys.executable, "-m", "ziglang", "cc"), variables)
    return None if zig is None else replace(zig, version=f"{importlib.metadata.version('ziglang')} ({zig.version})")


def find_arm_gcc() -> Compiler | None:
    """arm-none-eabi-gcc, which most firmware is built with; None where it is not installed."""
    return _probe("arm-none-eabi-gcc", ("arm-none-eabi-gcc",), os.environ)


def find_qemu() -> Compiler | None:
    """qemu-system-arm, which is asked for its version as a compiler is; None where it is not installed."""
    return _probe("qemu-system-arm", ("qemu-system-arm",), os.environ)


def compile_objects(
    compiler: Compiler, sources: Sequence[Path], build_folder: Path, flags: Sequence[str]
) -> tuple[Path, ...]:
    """The object files of C sources, in their order, written to build_folder under the sources' names.

    Raises:
        ExportError: a source does not compile; the message holds the compiler's first lines.
    """
    build_folder.mkdir(parents=True, exist_ok=True)
    objects = tuple(build_folder / f"{source.stem}.o" for source in sources)
    jobs: list[Callable[[], str]] = [
        partial(run_tool, [*compiler.command, *flags, "-c", str(source), "-o", str(target)], f"compiling {source.name}")
        for source, target in zip(sources, objects, strict=True)
    ]
    with ThreadPoolExecutor(COMPILE_JOBS) as pool:
        for future in [pool.submit(job) for job in jobs]:
            future.result()
    return objects


def run_tool(command: Sequence[str], what: str) -> str:
    """The standard output of a tool that must succeed.

    Args:
        command: the words of the command.
        what: for the error, e.g. "compiling conv2d_s8.c".

    Raises:
        ExportError: it could not start, took too long, or ended with an error.
    """
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=COMPILE_TIMEOUT_S,
            env=_tool_environment(command, os.environ),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExportError(f"{what} with {command[0]} failed: {error}") from error
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise ExportError(f"{what} failed (exit code {done.returncode}):\n" + "\n".join(lines[:ERROR_LINES]))
    return done.stdout


def _probe(name: str, command: tuple[str, ...], environment: Mapping[str, str]) -> Compiler | None:
    """The compiler with its version, or None if it does not start."""
    program = shutil.which(command[0], path=environment.get("PATH"))
    if program is None:
        return None
    command = (program, *command[1:])
    try:
        done = subprocess.run(
            [*command, "--version"],
            capture_output=True,
            text=True,
            timeout=60,
            env=_tool_environment(command, environment),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.splitlines()
    return Compiler(name, command, lines[0].strip()) if done.returncode == 0 and lines else None


def _tool_environment(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a tool: English messages, and for zig a cache folder that can be written."""
    variables = {**environment, "LC_ALL": "C"}
    if "ziglang" in command:
        if "ZIG_GLOBAL_CACHE_DIR" not in variables:
            variables["ZIG_GLOBAL_CACHE_DIR"] = str(_zig_cache(environment))
        variables.setdefault("ZIG_LOCAL_CACHE_DIR", variables["ZIG_GLOBAL_CACHE_DIR"])
    return variables


def _zig_cache(environment: Mapping[str, str]) -> Path:
    """A folder for zig's cache: in the user's cache folder, or in the temporary one where that is read-only."""
    home = environment.get("HOME")
    user_cache = environment.get("XDG_CACHE_HOME") or (str(Path(home) / ".cache") if home else None)
    if user_cache is not None:
        folder = Path(user_cache) / "edgenet" / "zig"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            pass
        else:
            if os.access(folder, os.W_OK):
                return folder
    user = str(os.getuid()) if hasattr(os, "getuid") else environment.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir()) / f"edgenet-zig-{user}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder

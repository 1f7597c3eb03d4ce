"""Another process that answers messages: an interpreter that aborts its process then only ends that one."""

from __future__ import annotations

import pickle
import signal
import subprocess
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from typing import IO, Any

from firmware_export.batch import NotAvailableError

END_TIMEOUT_S = 10
SAID_LENGTH = 300


class Worker:
    """A process that lives until this object does not, or until this process ends."""

    def __init__(self, who: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts it.

        Args:
            who: for messages, e.g. "TFLite Micro".
            command: its words; it reads pickled messages from its standard input and answers on its standard output.
            environment: its environment variables.

        Raises:
            NotAvailableError: the command does not start.
        """
        self._who = who
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process runs)
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._errors}
        try:
            self._process = subprocess.Popen(command, env=environment, **pipes)
        except OSError as error:
            self._errors.close()
            raise NotAvailableError(f"{who}: {command[0]} does not start ({error.strerror}).") from error
        weakref.finalize(self, _finish, self._process, self._errors)

    def send(self, message: object, where: str) -> None:
        """Sends a message.

        Raises:
            NotAvailableError: the process has ended; `where` says when it did, e.g. "while it loaded m.tflite".
        """
        try:
            pickle.dump(message, _open(self._process.stdin), pickle.HIGHEST_PROTOCOL)
            _open(self._process.stdin).flush()
        except OSError as error:
            raise self._crash(where) from error

    def receive(self, where: str) -> Any:
        """The next answer.

        Raises:
            NotAvailableError: the process ended before it; `where` says when it did.
        """
        try:
            return pickle.load(_open(self._process.stdout))
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise self._crash(where) from error

    def said(self) -> str:
        """The last line that the process wrote to its standard error."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][-SAID_LENGTH:] if lines else ""

    def _crash(self, where: str) -> NotAvailableError:
        _end(self._process)
        code, said = self._process.returncode, self.said()
        how = f"exit code {code}" if code >= 0 else _signal_name(-code)
        return NotAvailableError(f"{self._who} crashed {where} ({how}{f': {said}' if said else ''})")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process if it still runs, and waits for it; one whose pipe broke is ending by itself."""
    for pipe in (process.stdin, process.stdout):
        try:
            _open(pipe).close()
        except OSError:
            continue
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _finish(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    """Ends the process and closes the file with its messages."""
    _end(process)
    errors.close()


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    """The pipe, which is there because it was asked for."""
    if pipe is None:
        raise OSError("no pipe")
    return pipe


def _signal_name(number: int) -> str:
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"

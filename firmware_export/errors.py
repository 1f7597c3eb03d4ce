"""Errors of the .tflite to C side. The message is one clear sentence: where, what, got and expected, what to do."""


class ExportError(Exception):
    """A user's mistake or a limit that was met: shown as one line, exit code 1."""


class InputError(ExportError, ValueError):
    """What was given to a network is not what it takes; a ValueError too, as the loader of a C project raises."""


def printable(text: str) -> str:
    """`text` in one line that any terminal and file can take: `?` for what does not print."""
    return "".join(c if c.isprintable() else "?" for c in text)

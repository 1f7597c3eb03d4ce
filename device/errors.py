"""Errors of what runs on the device. The message is one clear sentence: where, what, got and expected, what to do."""


class DeviceError(Exception):
    """A user's mistake or a limit that was met: shown as one line, exit code 1."""

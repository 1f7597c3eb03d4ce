"""Errors a user can meet; each message is one clear sentence: where, what, got and expected, what to do.

EdgenetError
├── RecipeError      a recipe that can't be read, or has an unknown or impossible setting
├── DataError        a data set that is missing, damaged, or does not fit
│   └── DataMissingError   data that is not on this machine
├── QuantizeError    a network that can't become full int8
├── CheckError       a comparison that can't be made
└── MissingExtraError     a library that an optional extra installs is not here

The two other packages stand alone and have their own: firmware_export.errors.ExportError, device.errors.DeviceError.
"""


class EdgenetError(Exception):
    """A user's mistake or a limit that was met: shown as one line, exit code 1."""


class RecipeError(EdgenetError):
    """A recipe that can't be read, or has an unknown or impossible setting."""


class DataError(EdgenetError):
    """A data set that is missing, damaged, or does not fit."""


class DataMissingError(DataError):
    """Data that is not on this machine."""


class QuantizeError(EdgenetError):
    """A network that can't become full int8."""


class CheckError(EdgenetError):
    """A comparison that can't be made."""


class MissingExtraError(EdgenetError):
    """A library that an optional extra installs is not here."""

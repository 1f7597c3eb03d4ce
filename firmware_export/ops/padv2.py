"""PADV2: the input with a given value around it."""

from __future__ import annotations

from . import pad

OPERATOR = pad.OPERATOR

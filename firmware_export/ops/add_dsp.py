"""ADD for cores with SIMD instructions."""

from __future__ import annotations

from . import add
from .addition import Sum
from .addition_dsp import dsp_operator

OPERATOR = dsp_operator(add.OPERATOR, "ADD", Sum(1))

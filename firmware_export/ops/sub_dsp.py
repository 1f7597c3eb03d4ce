"""SUB for cores with SIMD instructions."""

from __future__ import annotations

from . import sub
from .addition import Sum
from .addition_dsp import dsp_operator

OPERATOR = dsp_operator(sub.OPERATOR, "SUB", Sum(-1))

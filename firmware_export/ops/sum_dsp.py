"""SUM over height and width for cores with SIMD instructions."""

from __future__ import annotations

from functools import partial

from . import sum
from .means_dsp import channels_stay, dsp_operator, reduced_means

OPERATOR = dsp_operator(sum.OPERATOR, "SUM", partial(reduced_means, scaling=sum.scaling), channels_stay)

"""MEAN over height and width for cores with SIMD instructions."""

from __future__ import annotations

from functools import partial

from . import mean
from .means_dsp import channels_stay, dsp_operator, reduced_means

OPERATOR = dsp_operator(mean.OPERATOR, "MEAN", partial(reduced_means, scaling=mean.scaling), channels_stay)

"""AVERAGE_POOL_2D without padding for cores with SIMD instructions."""

from __future__ import annotations

from . import average_pool2d, linear
from .means_dsp import dsp_operator, pool_means, windows_inside
from .pool_dsp import a_word_of_channels

OPERATOR = dsp_operator(
    average_pool2d.OPERATOR, "AVERAGE_POOL_2D", pool_means, a_word_of_channels, linear.only_saturated, windows_inside
)

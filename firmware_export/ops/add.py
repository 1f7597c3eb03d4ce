"""ADD: two int8 tensors, each brought to a common scale with 20 more bits, summed and requantized; broadcasts."""

from __future__ import annotations

import numpy as np

from .addition import Sum

OPERATOR = Sum(1).operator(np.add)

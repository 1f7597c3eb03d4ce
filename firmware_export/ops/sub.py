"""SUB: as ADD, with the second operand's sign turned once both have a common scale."""

from __future__ import annotations

import numpy as np

from .addition import Sum

OPERATOR = Sum(-1).operator(np.subtract)

"""How far before an input an output has to begin, so that a kernel may write the one while it still reads the other."""

from __future__ import annotations

import numpy as np

from .arithmetic import Int


def safe_distance(reads: Int, written: Int) -> int:
    """The smallest number of bytes, 0 or more, by which the output has to begin before the input.

    A kernel works in steps; in each it first reads some of the input, then writes some of the output, on from where it
    ended. What has been written when a step begins must end before the first byte that this step or a later one reads.
    The result holds for every larger distance too.

    Args:
        reads: for each step, the first byte of the input that it reads, or a number past its end.
        written: for each step, the bytes from the output's beginning to the end of what is written after it.
    """
    still_read = np.minimum.accumulate(reads[::-1])[::-1]
    written_before = np.maximum.accumulate(written)[:-1]
    return max(0, int(np.max(written_before - still_read[1:], initial=0)))

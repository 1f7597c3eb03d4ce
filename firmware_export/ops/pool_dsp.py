"""What pools and means share on cores with SIMD instructions: four channels at a time, the last four perhaps again."""

from __future__ import annotations

import numpy as np

from ..graph import Node
from .arithmetic import Int
from .overlap import safe_distance

WORD = 4
"""Channels in a word."""


def a_word_of_channels(node: Node) -> str | None:
    """there must be at least 4 channels"""
    channels = node.output.shape[-1] if node.output.shape else 1
    return f"{channels}" if channels < WORD else None


def distance(pixels: Int, channels: int, block: int = WORD) -> int:
    """How far before its input the output has to begin. `pixels` is the first byte that each output pixel sees.

    A step is `block` channels of a pixel while there are so many left, then four.
    """
    whole = channels // block * block if block > WORD else 0
    rest = np.minimum(np.arange(whole, channels, WORD), channels - WORD)
    first = np.array([*range(0, whole, block), *rest])
    size = np.where(np.arange(len(first)) < len(first) - len(rest), block, WORD)
    written = np.arange(len(pixels))[:, None] * channels + first + size
    return safe_distance((pixels[:, None] + first).reshape(-1), written.reshape(-1))

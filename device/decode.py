"""A network's outputs and its card -> results. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from device.card import ModelCard
from device.results import Box, Digit


def probabilities(output_q: NDArray[np.int8], card: ModelCard) -> NDArray[np.float32]:
    """Class probabilities float32 (N, K) of int8 outputs (N, K); logits pass through a softmax."""
    real = (output_q.astype(np.float32) - card.output.zero_point) * np.float32(card.output.scale)
    if card.output.kind == "probabilities":
        return np.asarray(real, np.float32)
    powers = np.exp(real - real.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def decode_digits(
    output_q: NDArray[np.int8], boxes: Sequence[Box], card: ModelCard, min_confidence: float = 0.0
) -> list[Digit]:
    """The digits that a classifier is sure enough of.

    Args:
        output_q: int8 (N, K), one row for each box.
        boxes: N boxes (x0, y0, x1, y1) in pixels.
        card: labels, and how outputs become probabilities.
        min_confidence: 0 to 1; what is below is not reported.
    """
    shares = probabilities(output_q, card)
    best = shares.argmax(axis=1)
    return [
        Digit(card.labels[k], float(row[k]), box)
        for row, k, box in zip(shares, best, boxes, strict=True)
        if row[k] >= min_confidence
    ]

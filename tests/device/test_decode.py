"""Outputs and card -> results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.card import ModelCard
from device.decode import decode_digits, probabilities
from device.results import Digit

BOX = (1.0, 2.0, 3.0, 4.0)


def test_probabilities_by_hand(model_dir: Path) -> None:
    card = ModelCard.load(model_dir)
    output_q = np.full((2, 10), -128, np.int8)
    output_q[0, 7], output_q[1, 1], output_q[1, 4] = 127, 0, -64
    assert decode_digits(output_q, [BOX, BOX], card) == [Digit("7", 255 / 256, BOX), Digit("1", 0.5, BOX)]
    assert decode_digits(output_q, [BOX, BOX], card, min_confidence=0.51) == [Digit("7", 255 / 256, BOX)]
    assert decode_digits(output_q[:0], [], card) == []


def test_logits_pass_through_a_softmax(model_dir: Path) -> None:
    card = ModelCard.load(model_dir)
    card = replace(card, output=replace(card.output, kind="logits", scale=0.5, zero_point=3))
    output_q = np.random.default_rng(0).integers(-128, 128, (4, 10), np.int8)
    real = (output_q.astype(float) - 3) * 0.5
    wanted = np.exp(real) / np.exp(real).sum(axis=1, keepdims=True)
    assert probabilities(output_q, card) == pytest.approx(wanted, abs=1e-6)
    assert probabilities(output_q[:0], card).shape == (0, 10)

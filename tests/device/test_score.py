"""Scores against cases counted by hand."""

from __future__ import annotations

import pytest

from device.results import Digit
from device.score import Score, iou, score_frame

A, B, FAR = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0), (80.0, 80.0, 90.0, 90.0)


def digit(label: str, box: tuple[float, float, float, float]) -> Digit:
    return Digit(label, 0.9, box)


def test_iou_by_hand() -> None:
    assert iou(A, A) == 1
    assert iou(A, B) == 0
    assert iou(A, (5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert iou(A, (0, 0, 10, 5)) == pytest.approx(0.5)
    assert iou(A, (10, 0, 20, 10)) == 0


@pytest.mark.parametrize(
    ("read", "truth", "score"),
    [
        ([], [], Score(0, 0, 0, 0)),
        ([], [(A, 1)], Score(0, 0, 1, 0)),
        ([digit("1", A)], [], Score(0, 1, 0, 0)),
        ([digit("1", A)], [(A, 1)], Score(1, 1, 1, 1)),
        ([digit("7", A)], [(A, 1)], Score(0, 1, 1, 1)),
        ([digit("1", FAR)], [(A, 1)], Score(0, 1, 1, 0)),
        ([digit("1", (0, 0, 10, 5))], [(A, 1)], Score(1, 1, 1, 1)),
        ([digit("1", (0, 0, 10, 4.9))], [(A, 1)], Score(0, 1, 1, 0)),
        ([digit("1", A), digit("1", A)], [(A, 1)], Score(1, 2, 1, 1)),
        ([digit("1", (0, 0, 10, 8)), digit("2", A)], [(A, 1)], Score(0, 2, 1, 1)),
        ([digit("2", B), digit("1", A), digit("3", FAR)], [(A, 1), (B, 3)], Score(1, 3, 2, 2)),
    ],
)
def test_frames_by_hand(read: list[Digit], truth: list, score: Score) -> None:  # type: ignore[type-arg]
    assert score_frame(read, truth) == score


def test_scores_add_up_and_give_precision_and_recall() -> None:
    total = Score(3, 4, 5, 4) + Score(1, 1, 3, 1)
    assert total == Score(4, 5, 8, 5)
    assert total.precision == pytest.approx(0.8)
    assert total.recall == pytest.approx(0.5)
    assert (Score().precision, Score().recall) == (1.0, 1.0)

"""Figures that say how sure one can be: rates with intervals, a paired test, tables by class.

Everything here is a pure function of counts or of label arrays (int64 (N,)); nothing reads a file.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]
Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point: 95 % lie within +-Z_95


@dataclass(frozen=True)
class Rate:
    """So many of so many, with how far chance alone could have moved it.

    Attributes:
        correct: how often it was so, 0 to total.
        total: how often it was tried, 1 or more.
    """

    correct: int
    total: int

    def __post_init__(self) -> None:
        if self.total < 1 or not 0 <= self.correct <= self.total:
            raise ValueError(f"a rate needs 0 <= correct <= total and total >= 1, got {self.correct} of {self.total}")

    @property
    def value(self) -> float:
        """The rate itself, 0 to 1."""
        return self.correct / self.total

    @property
    def percent(self) -> float:
        """The rate in percent, 0 to 100."""
        return 100.0 * self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson score interval, (low, high), each 0 to 1."""
        return wilson_interval(self.correct, self.total)

    def to_json(self) -> dict[str, object]:
        """The counts, the rate (0 to 1) and its interval as plain JSON values."""
        return {"correct": self.correct, "total": self.total, "value": self.value, "interval_95": list(self.interval)}


def wilson_interval(correct: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """The interval that holds the true rate with the confidence that z stands for (95 % by default).

    It never leaves 0 to 1 and is sound at 0 and at 100 %, where the textbook "plus or minus" shrinks to nothing.

    Args:
        correct: successes, 0 to total.
        total: trials, 1 or more.
        z: half width in standard deviations of the normal distribution.

    Returns:
        (low, high), each 0 to 1.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927) 209-212.
    """
    rate, z2 = correct / total, z * z
    centre = (rate + z2 / (2 * total)) / (1 + z2 / total)
    half = z / (1 + z2 / total) * math.sqrt(rate * (1 - rate) / total + z2 / (4 * total * total))
    low = 0.0 if correct == 0 else max(0.0, centre - half)
    high = 1.0 if correct == total else min(1.0, centre + half)
    return low, high


def mcnemar_p(only_first: int, only_second: int) -> float:
    """The chance of a split at least this uneven if neither model were better: exact, two-sided.

    Only samples on which the two models disagree about right and wrong count; were the models equally good, each
    of these would fall to either side like a coin. A small value (below 0.05, say) means a real difference.

    Args:
        only_first: samples that only the first model got right, 0 or more.
        only_second: samples that only the second model got right, 0 or more.

    Returns:
        The p-value, above 0 and at most 1; 1.0 where the models never differ.

    Raises:
        ValueError: a negative count.

    Source: Q. McNemar, Psychometrika 12 (1947) 153-157; exact form: the binomial test with p = 1/2.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"counts can't be negative: {only_first}, {only_second}")
    n, k = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, i) for i in range(k + 1))
    return min(1.0, 2 * tail / (1 << n))


def confusion_matrix(labels: Labels, predicted: Labels, classes: int) -> Labels:
    """How often each class was read as each class: int64 (classes, classes), row = truth, column = prediction.

    Args:
        labels: int64 (N,), 0 to classes - 1.
        predicted: int64 (N,), 0 to classes - 1.
        classes: number of classes K.

    Raises:
        ValueError: arrays of different length, or a class outside 0 to classes - 1.
    """
    if labels.shape != predicted.shape or labels.ndim != 1:
        raise ValueError(f"expected two (N,) arrays of one length, got {labels.shape} and {predicted.shape}")
    both = np.concatenate([labels, predicted])
    if both.size and (both.min() < 0 or both.max() >= classes):
        raise ValueError(f"classes must be 0 to {classes - 1}, got {both.min()} to {both.max()}")
    cells = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def class_rates(matrix: Labels) -> tuple[Rate | None, ...]:
    """The accuracy of each class (its recall) from a confusion matrix; None for a class without samples.

    Args:
        matrix: int64 (K, K), row = truth, column = prediction.
    """
    totals = matrix.sum(axis=1)
    return tuple(Rate(int(matrix[k, k]), int(totals[k])) if totals[k] else None for k in range(len(matrix)))


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities float32 (N, K) from logits float (N, K): each row sums to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    rows: npt.NDArray[np.float32] = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
    return rows

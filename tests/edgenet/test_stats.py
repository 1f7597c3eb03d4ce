"""stats against scipy, scikit-learn and published values."""

import numpy as np
import pytest

from edgenet import stats
from edgenet.stats import Rate


@pytest.mark.parametrize(("correct", "total"), [(0, 1), (0, 7), (1, 1), (5, 10), (81, 263), (9927, 10000), (50, 50)])
def test_wilson_interval_equals_scipy(correct: int, total: int) -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    expected = scipy_stats.binomtest(correct, total).proportion_ci(0.95, method="wilson")
    assert Rate(correct, total).interval == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_interval_equals_a_published_table() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3 (score, no continuity correction).
    table = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (correct, total), expected in table.items():
        assert stats.wilson_interval(correct, total) == pytest.approx(expected, abs=5e-5)


def test_other_confidence_is_wider() -> None:
    low, high = stats.wilson_interval(90, 100)
    wide_low, wide_high = stats.wilson_interval(90, 100, z=2.5758293035489004)
    assert wide_low < low < 0.9 < high < wide_high


@pytest.mark.parametrize(("correct", "total"), [(0, 0), (-1, 5), (6, 5)])
def test_impossible_rates_are_refused(correct: int, total: int) -> None:
    with pytest.raises(ValueError, match="rate needs"):
        Rate(correct, total)


def test_rate_as_json() -> None:
    rate = Rate(3, 4)
    assert (rate.value, rate.percent) == (0.75, 75.0)
    assert rate.to_json() == {"correct": 3, "total": 4, "value": 0.75, "interval_95": list(rate.interval)}


@pytest.mark.parametrize(("first", "second"), [(0, 1), (3, 3), (0, 9), (12, 5), (5, 12), (121, 59), (400, 380)])
def test_mcnemar_equals_the_binomial_test(first: int, second: int) -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    expected = scipy_stats.binomtest(first, first + second, 0.5).pvalue
    assert stats.mcnemar_p(first, second) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_ends() -> None:
    assert stats.mcnemar_p(0, 0) == 1.0
    assert stats.mcnemar_p(0, 6) == pytest.approx(2 / 64)
    with pytest.raises(ValueError, match="negative"):
        stats.mcnemar_p(-1, 2)


def test_confusion_matrix_equals_sklearn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(7)
    labels, predicted = rng.integers(0, 5, 300), rng.integers(0, 5, 300)
    matrix = stats.confusion_matrix(labels, predicted, 6)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(labels, predicted, labels=range(6)))
    rates = stats.class_rates(matrix)
    assert rates[5] is None
    recall = metrics.recall_score(labels, predicted, labels=range(5), average=None)
    assert [rate.value for rate in rates[:5] if rate] == pytest.approx(list(recall))


def test_confusion_matrix_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="one length"):
        stats.confusion_matrix(np.zeros(3, np.int64), np.zeros(4, np.int64), 2)
    with pytest.raises(ValueError, match="0 to 1, got 0 to 2"):
        stats.confusion_matrix(np.array([0, 1]), np.array([2, 1]), 2)


def test_softmax_equals_scipy() -> None:
    special = pytest.importorskip("scipy.special")
    logits = np.random.default_rng(0).normal(0, 40, (6, 10)).astype(np.float32)
    np.testing.assert_allclose(stats.softmax(logits), special.softmax(logits, axis=1), atol=1e-6)

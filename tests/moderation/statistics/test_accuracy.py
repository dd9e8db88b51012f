"""Accuracy of scores against labels, and precision where violations are rare."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.statistics.accuracy import Accuracy, assess, precision_at
from moderation.statistics.intervals import wilson


def test_an_accuracy_of_98_56_percent_is_41_percent_precision_at_1_percent() -> None:
    assert precision_at(0.01, recall=0.9856, false_alarms=0.0144) == pytest.approx(0.4087, abs=1e-4)


def test_nothing_found_has_no_precision() -> None:
    assert precision_at(0.01, recall=0.0, false_alarms=0.0) is None


def example() -> Accuracy:
    """Two thresholds by hand: 10 violating, 30 benign."""
    scores = [0.9] * 8 + [0.3] * 2 + [0.7] * 3 + [0.1] * 27
    return assess(scores, violating=[True] * 10 + [False] * 30, prevalence=0.01, thresholds=[0.5, 0.95])


def test_a_sample_by_hand() -> None:
    found = example()
    at_half, at_most = found.points
    assert (found.violating, found.benign, found.prevalence) == (10, 30, 0.25)
    assert found.accuracy.value == pytest.approx(35 / 40)
    assert (found.accuracy.low, found.accuracy.high) == pytest.approx(wilson(35, 40))
    assert at_half.recall.value == pytest.approx(0.8)
    assert at_half.false_alarms.value == pytest.approx(0.1)
    assert at_half.precision.value == pytest.approx(8 / 11)
    assert at_half.precision_at.value == pytest.approx(0.008 / (0.008 + 0.099))
    assert at_most.precision.value is None
    assert at_most.recall.value == 0


def test_auc_is_the_chance_to_rank_a_pair_correctly() -> None:
    """0.9 ranks 8 x 30 pairs correctly and 0.3 ranks 2 x 27, of 300."""
    auc = example().auc
    assert auc.value == pytest.approx((8 * 30 + 2 * 27) / 300)
    assert auc.low < auc.value < auc.high <= 1


def test_ties_count_half() -> None:
    found = assess([0.5, 0.5], violating=[True, False], prevalence=0.5, thresholds=[])
    assert found.auc.value == 0.5


def test_a_perfect_small_sample_does_not_claim_certainty() -> None:
    auc = assess([0.9] * 10 + [0.1] * 10, violating=[True] * 10 + [False] * 10, prevalence=0.1, thresholds=[]).auc
    assert (auc.value, auc.high) == (1.0, 1.0)
    assert auc.low == pytest.approx(0.7)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2).filter(
        lambda rows: {truth for _, truth in rows} == {True, False}
    ),
    st.floats(0.001, 0.999),
)
def test_intervals_hold_their_estimates(rows: list[tuple[float, bool]], prevalence: float) -> None:
    scores, truth = zip(*rows, strict=True)
    found = assess(scores, violating=truth, prevalence=prevalence, thresholds=[0.2, 0.5, 0.8])
    estimates = [found.accuracy, found.auc]
    for point in found.points:
        estimates += [point.precision, point.precision_at, point.recall, point.false_alarms]
    for each in estimates:
        assert each.value is None or 0 <= each.low <= each.value <= each.high <= 1


def test_the_interval_of_auc_covers() -> None:
    """Normal scores one standard deviation apart: the true AUC is 0.7602."""
    numbers = np.random.default_rng(11)
    hits = 0
    for _ in range(300):
        scores = np.concatenate([numbers.normal(1, 1, 40), numbers.normal(0, 1, 80)])
        unit = 1 / (1 + np.exp(-scores))
        auc = assess(unit.tolist(), violating=[True] * 40 + [False] * 80, prevalence=0.1, thresholds=[]).auc
        hits += auc.low <= 0.7602 <= auc.high
    assert hits / 300 > 0.92


@pytest.mark.parametrize("truth", [[True, True], [False, False], [True]])
def test_both_kinds_are_needed(truth: list[bool]) -> None:
    with pytest.raises(ValueError, match="both kinds are needed"):
        assess([0.1, 0.2], violating=truth, prevalence=0.1, thresholds=[])

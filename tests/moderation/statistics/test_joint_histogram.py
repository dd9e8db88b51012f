"""Counts of uploads by the scores of two classifiers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from moderation.routing import Route, region
from moderation.statistics import joint_histogram
from moderation.statistics.joint_histogram import JointHistogram

STEPS = 100
bins = st.integers(0, STEPS)
tables = st.dictionaries(st.tuples(bins, bins), st.integers(1, 50), min_size=1, max_size=30)
pairs = st.tuples(bins, bins).map(lambda pair: (min(pair), max(pair)))


@pytest.mark.parametrize("bin_", [0, 19, 20, 79, 80, 100])
def test_regions_are_those_of_the_router(bin_: int) -> None:
    names = [Route.APPROVE, Route.REVIEW, Route.REJECT]
    assert names[joint_histogram.region(bin_, (20, 80))] == region(bin_ / STEPS, low=0.2, high=0.8)


@given(tables, pairs, pairs)
def test_every_upload_goes_somewhere_once(counts: dict, now: tuple, then: tuple) -> None:
    found = JointHistogram(counts, STEPS)
    assert sum(found.flows(now, then).values()) == sum(found.now()) == sum(found.then()) == found.total
    assert sum(uploads for *_, uploads in found.cells(side=25)) == found.total


@given(st.lists(bins, min_size=1, max_size=40), pairs)
def test_the_same_scores_keep_routes_at_the_pair_that_keeps_shares(scores: list[int], pair: tuple) -> None:
    found = JointHistogram({(score, score): scores.count(score) for score in scores}, STEPS)
    assert all(one == other for one, other in found.flows(pair, found.same_shares(pair)))


def test_a_shifted_classifier_gets_shifted_thresholds() -> None:
    found = JointHistogram({(k, k // 2): 10 for k in range(100)}, STEPS)
    assert found.same_shares((20, 80)) == (10, 40)


def test_rank_correlation_is_spearmans() -> None:
    draw = np.random.default_rng(3)
    now = draw.integers(0, 101, 500)
    then = np.clip(now + draw.integers(-20, 21, 500), 0, 100)
    counts: dict[tuple[int, int], int] = {}
    for pair in zip(now.tolist(), then.tolist(), strict=True):
        counts[pair] = counts.get(pair, 0) + 1
    assert JointHistogram(counts, STEPS).rank_correlation() == pytest.approx(spearmanr(now, then).statistic)
    assert JointHistogram({(3, 5): 9}, STEPS).rank_correlation() is None

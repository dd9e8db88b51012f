import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.statistics.drift import ks_distance, ks_of_counts, merged_to_tenths, psi, psi_of_counts

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=80)


def test_equal_scores_have_not_drifted():
    scores = np.random.default_rng(1).beta(0.4, 7, 1000)
    assert psi(scores, scores) == 0
    assert ks_distance(scores, scores) == 0


def test_the_index_is_that_of_its_formula():
    expected = (0.6 - 0.5) * np.log(0.6 / 0.5) + (0.4 - 0.5) * np.log(0.4 / 0.5)
    assert psi_of_counts([50, 50], [60, 40]) == pytest.approx(expected)
    reference, current = np.linspace(0, 1, 100), np.concatenate([np.full(60, 0.2), np.full(40, 0.8)])
    assert psi(reference, current, bins=2) == pytest.approx(expected)


@given(SCORES, SCORES)
def test_the_distance_is_that_of_its_definition(reference, current):
    below = [abs(np.mean(np.array(reference) <= x) - np.mean(np.array(current) <= x)) for x in reference + current]
    assert ks_distance(reference, current) == pytest.approx(max(below))


@given(SCORES, SCORES)
def test_drift_is_finite_even_where_a_bin_is_empty(reference, current):
    assert psi(reference, current) >= 0
    assert 0 <= ks_distance(reference, current) <= 1


def test_counts_over_the_same_bins_have_the_distance_of_their_scores():
    assert ks_of_counts([5, 3, 2], [1, 1, 8]) == pytest.approx(0.6)
    assert ks_distance([0] * 5 + [1] * 3 + [2] * 2, [0] + [1] + [2] * 8) == pytest.approx(0.6)


def test_nothing_to_compare_is_none():
    assert psi([], [0.5]) is psi([0.5], []) is ks_distance([], [0.5]) is None
    assert psi_of_counts([0, 0], [1, 1]) is ks_of_counts([1, 1], [0, 0]) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: psi([float("nan")], [1]), r"reference=.*finite"),
        (lambda: psi([1], [[1]]), r"current.shape=\(1, 1\).*one list"),
        (lambda: psi([1], [1], bins=1), r"bins=1.*2 or more"),
        (lambda: psi_of_counts([1, 2], [1]), r"current.shape=\(1,\).*\(2,\)"),
        (lambda: ks_of_counts([-1], [1]), r"reference=.*0 or more"),
    ],
)
def test_wrong_input_names_argument_value_and_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_sparse_bins_are_merged_to_tenths_of_the_reference():
    reference, current = np.full(100, 10), np.concatenate([np.full(50, 10), np.full(50, 20)])
    before, now = merged_to_tenths(reference, current)
    assert list(before) == [100] * 10
    assert list(now) == [100] * 5 + [200] * 5


def test_a_bin_of_several_tenths_stays_one():
    before, now = merged_to_tenths([0, 50, 0, 30, 20, 0], [1, 2, 3, 4, 5, 6])
    assert list(before) == [50, 30, 20]
    assert list(now) == [6, 4, 11]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.data())
def test_merging_loses_no_upload(reference, data):
    current = data.draw(st.lists(st.integers(0, 50), min_size=len(reference), max_size=len(reference)))
    before, now = merged_to_tenths(reference, current)
    assert (before.sum(), now.sum()) == (sum(reference), sum(current))
    assert len(before) <= 10

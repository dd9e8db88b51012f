import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.statistics.calibration import bin_rates, isotonic, reliability, smoothed_rates
from moderation.statistics.intervals import wilson
from moderation.statistics.ledger import Ledger
from tests.moderation.statistics.reading import plain_ledger

FEW_LABELS = Ledger(
    np.linspace(0, 1, 6),
    [[100], [100], [100], [100], [100]],
    [[0], [50], [0], [50], [0]],
    [[0], [5], [0], [20], [0]],
    [1],
)


def test_neighbours_that_fall_are_pooled():
    assert isotonic([1, 3, 2, 4]).tolist() == [1, 2.5, 2.5, 4]
    assert isotonic([3, 1], [3, 1]).tolist() == [2.5, 2.5]
    assert isotonic([]).size == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 100)), min_size=1, max_size=30))
def test_the_fit_rises_and_keeps_the_weighted_mean(rows):
    values, weights = np.array(rows).T
    fitted = isotonic(values, weights)
    assert (np.diff(fitted) >= -1e-12).all()
    assert fitted @ weights == pytest.approx(values @ weights)


def test_a_bin_weighs_its_rate_classes_by_their_uploads():
    ledger = Ledger([0, 1], [[900, 100]], [[90, 100]], [[9, 0]], [0.1, 1])
    rates = bin_rates(ledger)
    assert rates.rate == pytest.approx([0.09])
    assert rates.n == pytest.approx([1000**2 / (900**2 / 90 + 100**2 / 100)])


def test_bins_without_labels_look_no_safer_than_their_neighbours():
    """Below low they take the rate of the bin above, elsewhere that of the bin below."""
    assert smoothed_rates(FEW_LABELS, 0.6).tolist() == [0.1, 0.1, 0.4, 0.4, 0.4]
    assert smoothed_rates(FEW_LABELS, 0.4).tolist() == [0.1, 0.1, 0.1, 0.4, 0.4]


def test_no_labels_have_no_rates():
    assert smoothed_rates(plain_ledger(labelled=np.zeros((3, 3)), violating=np.zeros((3, 3))), 0.1).size == 0


def test_the_reliability_table_has_wilson_limits():
    first, second, third = reliability(plain_ledger())
    assert (first.start, first.end, first.uploads, first.labels, first.rate) == (0, 0.1, 1000, 100, 0.05)
    assert (second.low, second.high) == pytest.approx(wilson(60, 200))
    assert third.rate == pytest.approx(0.9)


def test_bins_with_fewer_than_30_labels_are_hatched():
    rows = reliability(FEW_LABELS)
    assert [row.hatched for row in rows] == [True, False, True, False, True]
    assert rows[0].rate is rows[0].low is rows[0].high is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: isotonic([1, 2], [1]), r"weights=.*one number above 0 for each value"),
        (lambda: isotonic([1, 2], [1, 0]), r"weights="),
        (lambda: isotonic([1, float("inf")]), r"values=.*finite"),
        (lambda: reliability(plain_ledger(), 1), r"confidence=1"),
        (lambda: smoothed_rates(plain_ledger(), 0.2), r"low=0.2.*bin edge"),
    ],
)
def test_wrong_input_names_argument_value_and_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message):
        call()

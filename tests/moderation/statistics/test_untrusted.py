"""Uploads with an untrusted score: a person reviews each, so they count as reviewed at any thresholds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.statistics.calibration import bin_rates, reliability
from moderation.statistics.costs import AuditRates, Costs, pair_costs, pair_work
from moderation.statistics.estimates import estimate
from moderation.statistics.ledger import Ledger
from moderation.statistics.risks import counts_for, response_rate
from tests.moderation.statistics.reading import plain_ledger

AUDITS = AuditRates(approve=0.1, reject=0.5)
RISKS = ("leak", "miss", "wrongful", "escapes")
PAIRS = [(0, 0), (0, 1), (0.1, 0.1), (0.1, 0.9), (0.9, 0.9), (1, 1)]


def with_untrusted(*bins: tuple[int, int]) -> Ledger:
    """The plain ledger, and for each of its three bins (uploads, violating) that are untrusted; all have a verdict."""
    plain = plain_ledger()
    uploads, violating = np.array(bins).T
    more = {"uploads": uploads, "labelled": uploads, "violating": violating}
    tables = {name: np.column_stack([getattr(plain, name), more[name]]) for name in more}
    return Ledger(plain.edges, **tables, pi=[*plain.pi, 1.0], untrusted=[False, False, False, True])


def test_benign_ones_with_low_scores_make_no_leak_look_rarer():
    found = estimate(with_untrusted((9000, 0), (0, 0), (0, 0)), 0.1, 0.9)
    assert found.leak_rate == estimate(plain_ledger(), 0.1, 0.9).leak_rate
    assert counts_for(with_untrusted((9000, 0), (0, 0), (0, 0)), "leak", 0.1, 0.9).good.tolist() == [95, 0, 0, 0]


def test_violating_ones_with_low_scores_are_caught_and_not_missed():
    """Of 200 + 100 violating uploads 50 get through."""
    found = estimate(with_untrusted((100, 100), (0, 0), (0, 0)), 0.1, 0.9)
    assert found.leak_rate.value == pytest.approx(50 / 1000)
    assert found.miss_rate.value == pytest.approx(50 / 300)
    assert found.prevalence.value == pytest.approx(300 / 1400)
    assert found.review_share.value == pytest.approx(300 / 1400)


def test_benign_ones_with_high_scores_were_not_rejected_wrongly():
    found = estimate(with_untrusted((0, 0), (0, 0), (500, 0)), 0.1, 0.9)
    assert found.wrongful_rate == estimate(plain_ledger(), 0.1, 0.9).wrongful_rate


counts = st.integers(0, 50)


@given(st.lists(st.tuples(counts, counts).map(sorted), min_size=3, max_size=3), st.sampled_from(PAIRS))
def test_where_their_scores_lie_changes_nothing(bins, pair):
    spread = [(uploads, violating) for violating, uploads in bins]
    in_one = [tuple(sum(column) for column in zip(*spread, strict=True)), (0, 0), (0, 0)]
    one, other = with_untrusted(*spread), with_untrusted(*in_one)
    assert estimate(one, *pair) == estimate(other, *pair)
    for risk in RISKS:
        np.testing.assert_array_equal(counts_for(one, risk, *pair), counts_for(other, risk, *pair))
        assert response_rate(one, risk, *pair) == response_rate(other, risk, *pair)
    np.testing.assert_array_equal(bin_rates(one).rate, bin_rates(other).rate)
    assert reliability(one) == reliability(plain_ledger())


def test_each_costs_a_review_at_any_thresholds():
    costs, rates = Costs(miss=7, wrong=5, review=2), np.array([0.05, 0.3, 0.9])
    untrusted, plain = with_untrusted((650, 3), (0, 0), (650, 9)), plain_ledger()
    expected = (pair_costs(plain, costs, AUDITS, rates=rates) + 10_000 * 2) / 2
    found = pair_costs(untrusted, costs, AUDITS, rates=rates)
    np.testing.assert_allclose(found, expected)


def test_each_is_work_of_its_day():
    daily, rates = np.full((28, 3), 10.0), np.array([0.05, 0.3, 0.9])
    busy = np.zeros(28)
    busy[:5] = 1000  # more than one day in ten
    plain, more = (pair_work(daily, AUDITS, rates=rates, untrusted=each) for each in (None, busy))
    np.testing.assert_allclose(more, plain + 1000)


def test_days_with_other_classes_do_not_add_up():
    with pytest.raises(ValueError, match="same edges and rate classes"):
        plain_ledger() + plain_ledger(untrusted=[False, True, False])


def test_each_class_is_untrusted_or_not():
    with pytest.raises(ValueError, match=r"give one for each rate class, \(3,\)"):
        plain_ledger(untrusted=[True])

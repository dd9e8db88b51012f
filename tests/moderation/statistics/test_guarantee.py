import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.statistics.guarantee import (
    clean_checks_needed,
    e_value,
    log_e_value,
    recognised,
    upper_bound,
)
from tests.moderation.statistics.reading import read_table

REFERENCE = read_table("evalue_reference")["rows"]
BETS = (0.25, 0.5, 0.75, 1.0)


def columns(row):
    return tuple([each[key] for each in row["classes"]] for key in ("bad", "good", "pi"))


@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: str(row["e_value"]))
def test_the_reference_values(row):
    assert e_value(*columns(row), row["target"], row["pi_floor"]) == pytest.approx(row["e_value"], rel=1e-9)


def sequential(labels, target, pi_floor):
    """Return the product over uploads as it is defined, from num, den and pi of each."""
    wealth = dict.fromkeys(BETS, 1.0)
    for num, den, pi in labels:
        for c in BETS:
            wealth[c] *= 1 - c * pi_floor / (1 - target) * (num - target * den) / pi
    return sum(wealth.values()) / len(BETS)


RATES = (0.02, 0.1, 1.0)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(RATES)), max_size=60), st.sampled_from([0.005, 0.05, 0.5]))
def test_the_closed_form_is_the_sequential_product(labels, target):
    bad, good = ([sum(num == kind and pi == rate for num, pi in labels) for rate in RATES] for kind in (True, False))
    expected = sequential([(num, 1, pi) for num, pi in labels], target, 0.02)
    assert e_value(bad, good, RATES, target, 0.02) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("target", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("rates", [(0.5, 0.5, 0.5, 0.5), (0.2, 0.5, 1.0, 0.2), (0.2, 0.3, 0.9, 1.0, 0.4)])
def test_where_the_risk_is_at_the_target_or_above_e_is_at_most_1_on_average(rates, target):
    """Enumerates the coin exactly, for every realised risk from the target up."""
    for violating in itertools.product((0, 1), repeat=len(rates)):
        if sum(violating) / len(rates) < target:
            continue
        mean = 0.0
        for drawn in itertools.product((0, 1), repeat=len(rates)):
            chance = math.prod(pi if each else 1 - pi for each, pi in zip(drawn, rates, strict=True))
            looked = [(y, pi) for each, y, pi in zip(drawn, violating, rates, strict=True) if each]
            bad, good = (
                [[num == kind and pi == rate for num, pi in looked].count(True) for rate in sorted(set(rates))]
                for kind in (1, 0)
            )
            mean += chance * e_value(bad, good, sorted(set(rates)), target, min(rates))
        assert mean <= 1 + 1e-12


@given(st.integers(0, 20), st.integers(0, 5000), st.integers(0, 5000), st.sampled_from([0.02, 0.5, 1.0]))
def test_more_clean_labels_never_raise_the_bound(bad, good, more, pi):
    assert upper_bound([bad], [good + more], [pi], 0.02) <= upper_bound([bad], [good], [pi], 0.02) + 1e-12


@given(st.integers(0, 20), st.integers(0, 5000), st.integers(0, 20))
def test_more_bad_labels_never_lower_the_bound(bad, good, more):
    assert upper_bound([bad + more], [good], [0.1], 0.1) >= upper_bound([bad], [good], [0.1], 0.1) - 1e-12


@given(st.integers(0, 20), st.integers(1, 10**6), st.sampled_from([0.05, 0.01]))
def test_the_bound_is_the_largest_target_that_is_not_certified(bad, good, delta):
    bound = upper_bound([bad], [good], [0.5], 0.5, delta)
    assert log_e_value([bad], [good], [0.5], bound * (1 - 1e-9), 0.5) < math.log(1 / delta)
    if bound < 1 - 1e-6:
        assert log_e_value([bad], [good], [0.5], bound * (1 + 1e-9), 0.5) > math.log(1 / delta)


@pytest.mark.parametrize(
    ("target", "bad", "needed"),
    [(0.01, 0, 392), (0.01, 1, 719), (0.005, 0, 785), (0.005, 1, 1443), (0.002, 0, 1965), (0.002, 1, 3613)],
)
def test_clean_checks_needed_at_equal_rates(target, bad, needed):
    assert clean_checks_needed([bad], [0], [0.02], target, 0.02) == needed


@given(st.integers(0, 5), st.integers(0, 3000), st.integers(0, 3000))
def test_the_clean_checks_needed_are_just_enough(bad, good, band):
    rates = [0.02, 1.0]
    needed = clean_checks_needed([bad, 0], [good, band], rates, 0.01, 0.02)
    assert e_value([bad, 0], [good + needed, band], rates, 0.01, 0.02) >= 20
    if needed:
        assert e_value([bad, 0], [good + needed - 1, band], rates, 0.01, 0.02) < 20


def test_clean_checks_are_counted_where_bad_uploads_can_be():
    """The class of approved uploads (0.02) does not matter to a claim about rejected ones (0.1)."""
    assert clean_checks_needed([0, 0], [0, 0], [0.02, 0.1], 0.01, 0.1) == 392


def test_a_bad_label_at_the_floor_ruins_the_boldest_bet_only():
    expected = sum((1 - c) * (1 + c * 0.01 / 0.99) ** 100 for c in BETS) / 4
    assert e_value([1], [100], [0.3], 0.01, 0.3) == pytest.approx(expected)


def test_no_labels_are_no_evidence():
    assert e_value([0], [0], [1.0], 0.01, 1.0) == 1
    assert upper_bound([0], [0], [1.0], 1.0) == 1


def test_everything_violating_bounds_nothing():
    assert upper_bound([10**6], [0], [1.0], 1.0) == 1


def test_a_million_clean_labels_have_a_bound_near_their_odds():
    assert upper_bound([0], [10**6], [1.0], 1.0) == pytest.approx(392 * 0.01 / 10**6, rel=0.02)
    assert e_value([0], [10**6], [1.0], 0.5, 1.0) == math.inf
    assert log_e_value([0], [10**6], [1.0], 0.5, 1.0) == pytest.approx(10**6 * math.log(2) - math.log(4))


def test_a_rate_below_the_floor_is_harmless_without_bad_uploads():
    assert e_value([0, 0], [5, 100], [0.02, 0.1], 0.05, 0.1) > e_value([0, 0], [0, 100], [0.02, 0.1], 0.05, 0.1)


def test_leading_axes_are_kept():
    bad, good = np.array([[[0], [1]], [[2], [3]]]), np.full((2, 2, 1), 500)
    many = e_value(bad, good, [0.5], 0.01, 0.5)
    assert many.shape == (2, 2)
    assert many[1, 0] == pytest.approx(e_value([2], [500], [0.5], 0.01, 0.5))


@pytest.mark.parametrize(("share", "expected"), [(0, 1), (0.05, 0.947625), (0.15, 0.830875)])
def test_confirmed_verdicts_hold_the_share_that_reviewers_recognise(share, expected):
    assert recognised(share) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: e_value([1], [1], [1.0], 0, 1.0), r"target=0.*strictly between 0 and 1"),
        (lambda: e_value([1], [1], [1.0], 1, 1.0), r"target=1"),
        (lambda: e_value([1], [1], [1.0], float("nan"), 1.0), r"target=nan"),
        (lambda: e_value([1], [1], [1.5], 0.1, 1.0), r"pi=.*above 0 and at most 1"),
        (lambda: e_value([1], [1], [1.0], 0.1, 0), r"pi_floor=0.*above 0 and at most 1"),
        (lambda: e_value([-1], [1], [1.0], 0.1, 1.0), r"bad=.*0 or more"),
        (lambda: e_value([1], [0.5], [1.0], 0.1, 1.0), r"good=.*whole numbers"),
        (lambda: e_value([1, 1], [1], [1.0], 0.1, 1.0), r"bad.shape=\(2,\)"),
        (lambda: e_value([1], [1, 1], [1.0], 0.1, 1.0), r"good.shape=\(2,\)"),
        (lambda: e_value([], [], [], 0.1, 1.0), r"pi=\[\].*one probability"),
        (lambda: e_value([1], [0], [0.02], 0.1, 0.1), r"pi_floor=0.1.*at most each pi that holds bad uploads"),
        (lambda: upper_bound([1], [0], [0.02], 0.1), r"pi_floor=0.1"),
        (lambda: upper_bound([1], [1], [1.0], 1.0, 2), r"delta=2"),
        (lambda: clean_checks_needed([1], [1], [1.0], 0.1, 1.0, 0), r"delta=0"),
        (lambda: recognised(1), r"miss_share=1.*from 0 to below 1"),
    ],
)
def test_wrong_input_names_argument_value_and_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message):
        call()

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from moderation.statistics.intervals import clopper_pearson, fay_feuer, wilson
from tests.moderation.statistics.reading import read_table

R = read_table("r_binom_confint")
PLANS = read_table("zero_failure_and_attribute_plans")


@pytest.mark.parametrize("row", R["expected"], ids=lambda row: f"{row['x']} of {row['n']}")
def test_shares_have_the_limits_of_r(row):
    assert wilson(row["x"], row["n"]) == pytest.approx(row["wilson"], abs=R["tolerance"])
    assert clopper_pearson(row["x"], row["n"]) == pytest.approx(row["exact"], abs=R["tolerance"])


def test_one_sided_limits_are_those_of_published_sampling_plans():
    plan = PLANS["expected"]["n68c2"]
    assert clopper_pearson(2, 68, side="upper")[1] == pytest.approx(plan["rql"], abs=5e-7)
    assert clopper_pearson(3, 68, side="lower")[0] == pytest.approx(plan["aql"], abs=5e-6)
    assert clopper_pearson(0, 299, side="upper")[1] == pytest.approx(0.009969, abs=5e-7)


def test_a_one_sided_interval_is_open_on_the_other_side():
    assert clopper_pearson(3, 68, side="upper")[0] == 0
    assert clopper_pearson(3, 68, side="lower")[1] == 1


def test_arrays_give_arrays():
    low, high = wilson([0, 30], [30, 30])
    assert low == pytest.approx([0, 0.8864866], abs=2e-6)
    assert high == pytest.approx([0.1135134, 1], abs=2e-6)
    assert clopper_pearson(np.array([0, 4]), 20)[0] == pytest.approx([0, 0.0573340], abs=2e-6)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
@pytest.mark.parametrize(("x", "n", "expected"), [(0, 0, (0, 1)), (0, 10**6, (0, None)), (10**6, 10**6, (None, 1))])
def test_the_ends_are_exact(interval, x, n, expected):
    low, high = interval(x, n)
    assert 0 <= low < high <= 1
    assert expected[0] in {None, low}
    assert expected[1] in {None, high}


@given(st.integers(1, 10**6), st.data())
def test_every_interval_holds_its_share_and_more_confidence_widens_it(n, data):
    x = data.draw(st.integers(0, n))
    for interval in (wilson, clopper_pearson):
        low, high = interval(x, n)
        wider = interval(x, n, 0.99)
        assert wider[0] <= low <= x / n <= high <= wider[1]


@given(st.integers(1, 1000), st.data())
def test_hits_and_misses_mirror_each_other(n, data):
    x = data.draw(st.integers(0, n))
    for interval in (wilson, clopper_pearson):
        low, high = interval(n - x, n)
        assert interval(x, n) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_a_weighted_sum_with_equal_weights_has_the_exact_poisson_limits():
    low, high = fay_feuer([4, 6], [1, 1])
    assert low == pytest.approx(stats.chi2.ppf(0.025, 20) / 2)
    assert high == pytest.approx(stats.chi2.ppf(0.975, 22) / 2)


def test_a_weighted_sum_has_the_gamma_limits_of_its_formula():
    y, v, largest = 2 * 50 + 7 * 10, 2 * 2500 + 7 * 100, 50
    assert fay_feuer([2, 7], [50, 10]) == pytest.approx(
        (
            stats.gamma.ppf(0.025, y**2 / v, scale=v / y),
            stats.gamma.ppf(0.975, (y + largest) ** 2 / (v + largest**2), scale=(v + largest**2) / (y + largest)),
        )
    )


def test_a_weighted_sum_of_nothing_reaches_up_to_3_689_largest_weights():
    assert fay_feuer([0, 0], [1, 50]) == pytest.approx((0, 50 * 3.688879), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson(5, 4), r"x=5.*at most n=4"),
        (lambda: wilson(-1, 4), r"x=-1.*0 or more"),
        (lambda: wilson(1, float("nan")), r"n=nan.*finite"),
        (lambda: wilson(1, 4, 1.5), r"confidence=1.5.*between 0 and 1"),
        (lambda: wilson([1, 2], [4, 4, 4]), r"x=.*shape of n"),
        (lambda: clopper_pearson(5, 4), r"x=5"),
        (lambda: clopper_pearson(1, 4, side="left"), r"side='left'.*'two-sided', 'upper' or 'lower'"),
        (lambda: fay_feuer([1], [1, 2]), r"weights=.*one weight for each of the 1 counts"),
        (lambda: fay_feuer([], []), r"weights="),
        (lambda: fay_feuer([-1], [1]), r"counts=.*0 or more"),
        (lambda: fay_feuer([0.5], [1]), r"counts=.*whole numbers"),
        (lambda: fay_feuer([1], [-1]), r"weights=.*0 or more"),
        (lambda: fay_feuer(["many"], [1]), r"counts=.*finite numbers"),
    ],
)
def test_wrong_input_names_argument_value_and_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message):
        call()

import numpy as np
import pytest

from moderation.statistics.guarantee import e_value
from moderation.statistics.planning import (
    audits_per_day,
    labels_needed,
    most_bad,
    neyman_allocation,
    zero_failure_size,
)
from tests.moderation.statistics.reading import read_table

PLANS = read_table("zero_failure_and_attribute_plans")
NEYMAN = read_table("neyman_allocation")


@pytest.mark.parametrize(("rate", "n"), PLANS["recomputed"]["zero_failure"].items())
def test_samples_without_a_failure_have_their_published_sizes(rate, n):
    assert zero_failure_size(float(rate)) == n


@pytest.mark.parametrize("plan", PLANS["expected"]["hypergeometric"], ids=lambda plan: str(plan["population"]))
def test_samples_of_a_finite_population_have_their_published_sizes(plan):
    rate = plan["bad"] / plan["population"]
    assert zero_failure_size(rate, population=plan["population"]) == plan["n"]


def test_a_population_with_one_failure_may_need_a_check_of_all():
    assert zero_failure_size(0.5, confidence=0.999, population=2) == 2


def test_labels_go_where_uploads_vary():
    for given, expected in zip(NEYMAN["inputs"], NEYMAN["recomputed"], strict=True):
        assert neyman_allocation(given["N"], given["sd"], given["n"]) == pytest.approx(expected)


def test_where_nothing_varies_labels_go_by_size():
    assert neyman_allocation([100, 300], [0, 0], 40).tolist() == [10, 30]


def test_without_violations_a_certificate_needs_the_clean_checks():
    assert labels_needed(0.01, 0) == 392
    plan = audits_per_day(0.01, 0, days=10)
    assert (plan.per_day, plan.in_all) == (40, 400)


@pytest.mark.parametrize("true_rate", [0.001, 0.002])
def test_the_planned_audits_certify_as_often_as_they_say(true_rate):
    labels = labels_needed(0.005, true_rate, power=0.9)
    bad = np.random.default_rng(3).binomial(labels, true_rate, 4000)
    certified = e_value(bad[:, np.newaxis], (labels - bad)[:, np.newaxis], [1.0], 0.005, 1.0) >= 20
    assert 0.885 <= certified.mean() <= 0.97


def test_no_number_of_audits_certifies_a_rate_at_its_target():
    assert audits_per_day(0.01, 0.01, days=30) is None
    assert audits_per_day(0.01, 0.00999, days=30) is None


def test_the_most_bad_labels_are_certified_and_one_more_is_not():
    most = most_bad(5000, 0.005)
    assert e_value([most], [5000 - most], [1.0], 0.005, 1.0) >= 20
    assert e_value([most + 1], [4999 - most], [1.0], 0.005, 1.0) < 20
    assert (most_bad(391, 0.01), most_bad(392, 0.01)) == (-1, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: audits_per_day(0, 0.1, days=3), r"target=0"),
        (lambda: audits_per_day(0.1, -0.1, days=3), r"true_rate=-0.1.*from 0 to below 1"),
        (lambda: audits_per_day(0.1, 0.01, days=0), r"days=0.*1 or more"),
        (lambda: audits_per_day(0.1, 0.01, days=3, power=1), r"power=1"),
        (lambda: audits_per_day(0.1, 0.01, days=3, delta=1), r"delta=1"),
        (lambda: zero_failure_size(0), r"rate=0"),
        (lambda: zero_failure_size(0.1, population=0), r"population=0.*1 or more"),
        (lambda: neyman_allocation([1], [1, 2], 3), r"sizes=.*one size and one standard deviation"),
        (lambda: neyman_allocation([0], [1], 3), r"sizes=.*not all sizes 0"),
        (lambda: neyman_allocation([1], [-1], 3), r"sds=.*0 or more"),
    ],
)
def test_wrong_input_names_argument_value_and_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message):
        call()

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.statistics.costs import pair_work
from moderation.statistics.guarantee import clean_checks_needed, counts_for, fixed_sequence
from moderation.statistics.ledger import Ledger
from moderation.statistics.recommendation import AuditRates, Costs, Workload, cost_10k, optimal_thresholds, recommend
from tests.moderation.statistics.reading import read_table

ELKAN = read_table("elkan_chow_thresholds")
AUDITS = AuditRates(approve=0.1, reject=0.2)
COSTS = Costs(miss=50, wrong=20, review=1)
GRID = np.linspace(0, 1, 21)


@pytest.mark.parametrize("row", ELKAN["inputs"], ids=lambda row: str(row["c_fn"]))
def test_two_actions_are_cut_where_elkan_cuts(row):
    costs = Costs(miss=row["c_fn"], wrong=row["c_fp"], review=100)
    assert optimal_thresholds(costs) == pytest.approx((row["threshold"],) * 2, abs=ELKAN["tolerance"])


def test_three_actions_are_cut_where_chow_cuts():
    assert optimal_thresholds(COSTS) == pytest.approx((1 / 50, 1 - 1 / 20))


def test_audits_draw_the_cuts_into_the_band():
    assert optimal_thresholds(COSTS, AUDITS) == pytest.approx((0.9 / 50, 1 - 0.8 / 20))


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100), st.floats(0.01, 1), st.floats(0.01, 1))
def test_the_closed_form_is_the_cheapest_route_of_every_score(miss, wrong, review, approve, reject):
    if miss + wrong == 0:
        return
    low, high = optimal_thresholds(Costs(miss, wrong, review), AuditRates(approve, reject))
    for p in np.linspace(0, 1, 50):
        routes = (p * miss + approve * review, review, (1 - p) * wrong + reject * review)
        assert routes[0 if p < low else 1 if p < high else 2] <= min(routes) + 1e-9


def calibrated(days, *, random=None, size=20_000):
    """Return days of uploads whose score is their probability of violating, audited below 0.1 and from 0.9."""
    random = random or np.random.default_rng(2)
    ledgers = []
    for _ in range(days):
        scores = np.where(random.random(size) < 0.9, random.beta(0.2, 8, size), random.beta(6, 0.6, size))
        pi = np.select([scores < 0.1, scores >= 0.9], [AUDITS.approve, AUDITS.reject], 1.0)
        drawn, hits = random.random(size) < pi, random.random(size) < scores
        ledgers.append(
            Ledger.from_rows(
                np.append(scores, 1), np.append(hits, 1), np.append(drawn, False), np.append(pi, 0.2), GRID
            )
        )
    return ledgers


DAYS = calibrated(8)
TOTAL = sum(DAYS[1:], DAYS[0])
DAILY = np.array([day.uploads.sum(axis=1) for day in DAYS])
WORKLOAD = Workload(audits=AUDITS, daily=DAILY)
IN_FORCE = (0.1, 0.9)


def ask(targets, *, capacity=None, costs=COSTS, workload=WORKLOAD, ledger=TOTAL):
    return recommend(ledger, costs, targets, capacity, IN_FORCE, workload)


def test_the_cost_is_that_of_its_formula():
    ledger = Ledger([0, 0.1, 0.9, 1], [[800], [150], [50]], [[80], [150], [50]], [[4], [30], [45]], [0.1])
    expected = 50 * 40 + 20 * 5 + 1 * (150 + 0.1 * 800 + 0.2 * 50)
    assert cost_10k(ledger, COSTS, AUDITS, 0.1, 0.9) == pytest.approx(10 * expected)


def test_work_is_band_and_audits_and_second_opinions_of_the_26th_smallest_of_28_days():
    daily = np.arange(1, 29)[:, np.newaxis] * [100, 20, 10]
    work = pair_work(daily, AUDITS, rates=np.array([0.05, 0.4, 0.9]))
    assert work[1, 2] == pytest.approx(26 * (100 * 0.1 * 1.05 + 20 + 10 * 0.2 * 1.1))


def test_the_cheapest_certified_pair_is_recommended():
    found = ask({"leak": 0.02, "wrongful": 0.2}, ledger=DAYS)
    lows = fixed_sequence(DAYS, "leak", 0.1, 0.02, 0.1)
    highs = fixed_sequence(DAYS, "wrongful", 0.9, 0.2, 0.2)
    assert found.best.low in lows
    assert found.best.high in highs
    pairs = [cost_10k(TOTAL, COSTS, AUDITS, low, high) for low in lows for high in highs if low <= high]
    assert found.best.cost_10k == pytest.approx(min(pairs))


def test_a_target_that_binds_is_named_with_the_audits_that_are_missing():
    found = ask({"leak": 0.02, "wrongful": 0.2}, costs=Costs(miss=10, wrong=100, review=5))
    assert (found.best.low, found.binding) == (0.15, "leak")
    assert found.short_by > 0


def test_a_cheaper_threshold_before_the_start_needs_a_new_epoch():
    found = ask({"leak": 0.02, "wrongful": 0.2}, costs=Costs(miss=20, wrong=1000, review=5))
    assert (found.best.high, found.binding, found.short_by) == (0.9, "start", None)


def test_a_monotone_risk_carries_over_to_smaller_lows():
    found = ask({"escapes": 0.02, "wrongful": 0.2}, costs=Costs(miss=1000, wrong=20, review=1))
    assert found.best.low < 0.1


def test_a_side_without_a_target_stays_as_it_is():
    found = ask({"leak": 0.02}, costs=Costs(miss=50, wrong=0, review=10))
    assert found.best.high == 0.9
    assert found.binding == "no target"


def test_the_fewest_reviews_are_had_by_counting_reviews_only():
    looks = Costs(miss=0, wrong=0, review=1)
    found, other = ask({"leak": 0.02, "wrongful": 0.2}, costs=looks), ask({"leak": 0.02, "wrongful": 0.2})
    assert found.best.work <= other.best.work


def test_a_start_that_is_not_certified_is_refused_with_the_audits_missing():
    found = ask({"leak": 0.001})
    bad, good = counts_for(TOTAL, "leak", 0.1, 0.9)
    needed = clean_checks_needed(bad, good, TOTAL.pi, 0.001, 0.1)
    assert (found.best, found.binding, found.short_by) == (None, "leak", needed)


def test_missing_verdicts_refuse_with_their_number():
    gaps = np.zeros_like(TOTAL.missing)
    gaps[0, 0] = 1000
    ledger = Ledger(GRID, TOTAL.uploads, TOTAL.labelled, TOTAL.violating, TOTAL.pi, gaps)
    below = ledger.regions(0.1, 1)[0]
    drawn = below.labels + 1000
    found = ask({"leak": 0.02}, ledger=ledger)
    assert (found.best, found.binding) == (None, "response")
    assert found.short_by == int(np.ceil(0.995 * drawn - below.labels))


def test_work_that_no_certified_pair_fits_is_refused_with_the_reviews_above_capacity():
    found = ask({"leak": 0.02, "wrongful": 0.2}, capacity=10)
    free = ask({"leak": 0.02, "wrongful": 0.2}, costs=Costs(miss=0, wrong=0, review=1))
    assert (found.best, found.binding) == (None, "capacity")
    assert found.short_by == pytest.approx(free.best.work - 10, rel=0.05)


def test_a_capacity_that_rules_out_the_cheapest_certified_pair_is_named():
    targets = {"leak": 0.05, "wrongful": 0.3}
    careful = Costs(miss=1000, wrong=1000, review=1)
    free = ask(targets, costs=careful)
    found = ask(targets, costs=careful, capacity=free.best.work - 1)
    assert found.binding == "capacity"
    assert found.short_by == pytest.approx(1)
    assert found.best.work <= free.best.work - 1


def test_thresholds_that_moved_past_each_other_are_refused():
    """High was moved below the low at which the epoch opened; only low has a target."""
    moved = Workload(audits=AUDITS, start=(0.1, 0.9))
    found = recommend(TOTAL, COSTS, {"leak": 0.02}, None, (0.0, 0.05), moved)
    assert (found.best, found.binding) == (None, "start")


def test_without_labels_nothing_is_recommended():
    nothing = np.zeros_like(TOTAL.labelled)
    ledger = Ledger(GRID, TOTAL.uploads, nothing, nothing, TOTAL.pi)
    assert ask({"leak": 0.02}, ledger=ledger) == ask({}, ledger=ledger)
    assert ask({"leak": 0.02}, ledger=ledger).binding == "labels"
    assert cost_10k(ledger, COSTS, AUDITS, 0.1, 0.9) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Costs(-1, 1, 1), r"miss=-1.*0 or more"),
        (lambda: Costs(1, float("nan"), 1), r"wrong=nan"),
        (lambda: AuditRates(0, 1), r"approve=0.*above 0"),
        (lambda: optimal_thresholds(Costs(0, 0, 1)), r"costs=.*above 0 to a miss or to a wrongful rejection"),
        (lambda: cost_10k(TOTAL, COSTS, AUDITS, 0.12, 0.9), r"low=0.12.*bin edge"),
        (lambda: ask({}, capacity=5, workload=Workload(AUDITS)), r"daily=None.*a capacity needs them"),
        (lambda: ask({}, workload=Workload(AUDITS, daily=[[1, 2]])), r"daily.shape=\(1, 2\).*20 bins"),
        (lambda: ask({"leak": 2}), r"target=2"),
        (lambda: ask({}, ledger=[]), r"ledger=.*at least one closed day"),
    ],
)
def test_wrong_input_names_argument_value_and_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_without_a_workload_it_follows_from_the_ledger():
    days = calibrated(3)
    told = Workload(AUDITS, daily=np.stack([day.uploads.sum(axis=1) for day in days]))
    asked = (COSTS, {"leak": 0.05, "wrongful": 0.3}, 5_000, IN_FORCE)
    assert recommend(days, *asked) == recommend(days, *asked, told)
    assert recommend(days, *asked).best is not None
    with pytest.raises(ValueError, match="daily"):
        recommend(days[0], *asked)

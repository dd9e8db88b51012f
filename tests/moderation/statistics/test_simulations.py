"""The promises over 1,000 simulated quarters each: at most 5 % wrong, within two standard errors."""

import numpy as np
import pytest

from moderation.statistics.drift import psi_of_counts
from tests.moderation.statistics import simulations
from tests.moderation.statistics.reading import dress_scores

pytestmark = pytest.mark.slow

PREVALENCES = (0.01, 0.02, 0.05)


def test_the_world_has_the_error_rates_that_the_figures_below_take_as_true():
    world = simulations.World()
    assert world.risk("leak") == pytest.approx(0.00106, abs=1e-5)
    assert world.risk("miss") == pytest.approx(0.0416, abs=1e-4)
    assert world.risk("wrongful") == pytest.approx(0.1049, abs=1e-4)


def two_errors(rate, *, runs=simulations.RUNS):
    return 2 * np.sqrt(rate * (1 - rate) / runs)


MOST_WRONG = 0.05 + two_errors(0.05)


@pytest.mark.parametrize("prevalence", PREVALENCES)
def test_intervals_cover_and_estimates_are_unbiased(prevalence):
    for found in simulations.coverage(prevalence=prevalence).values():
        assert found.share >= 0.95 - two_errors(0.05)
        assert found.mean == pytest.approx(found.truth, rel=0.04)


@pytest.mark.parametrize("nights", [1, 2, 4])
def test_exact_intervals_cover_from_the_first_nights(nights):
    for found in simulations.coverage(prevalence=0.01, nights=nights, exact=True).values():
        assert found.share >= 0.95 - two_errors(0.05)


def test_naive_figures_are_as_wrong_as_documented():
    naive = simulations.naive_figures()
    assert naive["miss rate, all labels"] < 0.0416 / 30
    assert naive["prevalence, all labels"] > 3 * 0.02


@pytest.mark.parametrize("prevalence", PREVALENCES)
@pytest.mark.parametrize("risk", ["leak", "miss", "wrongful"])
def test_90_looks_at_a_risk_exactly_at_its_target_rarely_certify(risk, prevalence):
    ours, clopper_pearson = simulations.wrongly_certified(risk, prevalence=prevalence)
    assert ours <= MOST_WRONG
    assert clopper_pearson is None or clopper_pearson > ours


@pytest.mark.parametrize("first_false", [1, 2, 4])
def test_thresholds_that_move_every_night_do_not_spoil_the_sequence(first_false):
    assert simulations.wrongly_certified_while_thresholds_move(first_false=first_false) <= MOST_WRONG


@pytest.mark.parametrize("prevalence", PREVALENCES)
def test_audit_rates_that_follow_the_findings_do_not_spoil_the_evidence(prevalence):
    assert simulations.wrongly_certified_while_rates_change(prevalence=prevalence) <= MOST_WRONG


@pytest.mark.parametrize("delay", range(6))
@pytest.mark.parametrize("risk", ["leak", "wrongful"])
def test_closed_days_withstand_late_confirmations(risk, delay):
    closed, _ = simulations.wrongly_certified_with_delay(delay, risk=risk, prevalence=0.05)
    assert closed <= MOST_WRONG


def test_open_days_do_not_withstand_late_confirmations():
    _, still_open = simulations.wrongly_certified_with_delay(5, risk="wrongful", prevalence=0.05)
    assert still_open > 2 * MOST_WRONG


@pytest.mark.parametrize("size", [5, 20, 100])
def test_near_duplicates_with_a_coin_each_do_not_spoil_the_realised_risk(size):
    each, shared = simulations.wrongly_certified_with_clusters(size)
    assert each <= MOST_WRONG
    assert shared > 2 * MOST_WRONG


@pytest.mark.parametrize("missing", [0.05, 0.15])
def test_reviewers_who_miss_a_declared_share_do_not_spoil_the_claim(missing):
    declared, _ = simulations.wrongly_certified_by_reviewers(missing, prevalence=0.05)
    assert declared <= MOST_WRONG


def test_second_opinions_keep_false_alarms_from_hiding_a_low_risk():
    confirmed, alone = simulations.certified_despite_false_alarms()
    assert confirmed > 0.99
    assert alone < 0.05


def test_the_first_certificate_comes_on_night_10():
    night, share = simulations.first_certificate()
    assert 9 <= night <= 11
    assert share > 0.99


def test_the_alarm_is_quiet_at_the_target_and_quick_above_it():
    assert simulations.alarms(1)[0] <= MOST_WRONG
    share, night = simulations.alarms(3)
    assert share > 0.99
    assert night <= 10


def test_score_drift_does_not_see_ten_times_as_many_hidden_misses():
    """Violations that look benign replace benign uploads, so the scores stay the same."""
    random = np.random.default_rng(9)
    benign, violating = simulations.World().uploads(random, runs=1, nights=2)[0, 0]
    assert psi_of_counts(benign + violating, benign - 72 * np.eye(3)[0] + violating + 72 * np.eye(3)[0]) == 0


def test_intervals_on_real_scores_cover_the_truth_of_all_rows():
    for found, _ in simulations.dress_coverage(*dress_scores()).values():
        assert found.share >= 0.93

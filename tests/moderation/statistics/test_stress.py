"""Each attack on the guarantees over 1,000 simulated quarters: wrongly certified in at most 5 % and two errors.

The same attacks through the real models: tests/moderation/test_stress.py.
"""

import pytest

from tests.moderation.statistics import attacks
from tests.moderation.statistics.test_simulations import MOST_WRONG

pytestmark = pytest.mark.slow
RISKS = ("leak", "miss", "wrongful")


@pytest.mark.parametrize("risk", RISKS)
def test_moderators_who_miss_5_percent_and_raise_half_a_percent_of_false_alarms(risk: str) -> None:
    assert max(attacks.by_poor_reviewers(risk)) <= MOST_WRONG


@pytest.mark.parametrize("risk", RISKS)
def test_30_percent_of_violating_audits_skipped(risk: str) -> None:
    ours, _ = attacks.by_lost_verdicts(risk, share=0.3)
    assert ours <= MOST_WRONG


@pytest.mark.parametrize("risk", ["miss", "wrongful"])
def test_skipped_violations_leave_too_few_answers_for_any_certificate(risk: str) -> None:
    assert attacks.by_lost_verdicts(risk, share=0.3)[0] == 0


def test_skipped_violations_that_are_left_out_would_spoil_a_leak_certificate() -> None:
    assert attacks.by_lost_verdicts("leak", share=0.3)[1] > 2 * MOST_WRONG


@pytest.mark.parametrize("risk", ["leak", "wrongful"])
def test_alarms_confirmed_up_to_ten_days_after_clean_verdicts(risk: str) -> None:
    closed, still_open = attacks.by_late_alarms(risk)
    assert closed <= MOST_WRONG < still_open


@pytest.mark.parametrize("first_false", [0, 1, 2, 4])
def test_thresholds_moved_anywhere_every_night(first_false: int) -> None:
    assert attacks.by_moved_thresholds(first_false=first_false)[0] <= MOST_WRONG


def test_an_audit_rate_that_falls_in_the_worst_nights() -> None:
    own_pi, one_for_all = attacks.by_a_changed_rate()
    assert own_pi <= MOST_WRONG
    assert one_for_all > 0.5


def test_a_band_over_its_capacity() -> None:
    drawn_at_random, forgotten = attacks.by_a_full_band()
    assert drawn_at_random <= MOST_WRONG
    assert forgotten > 2 * MOST_WRONG


@pytest.mark.parametrize("size", [5, 20, 100])
def test_near_duplicates_that_share_a_verdict(size: int) -> None:
    each, shared = attacks.by_duplicates(size)
    assert each <= MOST_WRONG
    assert shared > 2 * MOST_WRONG


@pytest.mark.parametrize("risk", RISKS)
def test_a_policy_text_that_changes_in_mid_quarter(risk: str) -> None:
    assert attacks.by_another_policy_text(risk)[0] <= MOST_WRONG


def test_evidence_from_before_a_change_of_text_would_certify_what_is_false() -> None:
    assert attacks.by_another_policy_text("leak")[1] > 0.5


@pytest.mark.parametrize("risk", RISKS)
def test_half_of_the_violating_uploads_are_deleted_before_a_review(risk: str) -> None:
    assert attacks.by_lost_verdicts(risk, share=0.5)[0] <= MOST_WRONG


@pytest.mark.parametrize("risk", RISKS)
def test_an_application_whose_clock_is_wrong_by_ten_minutes(risk: str) -> None:
    assert attacks.by_a_wrong_clock(risk)[0] <= MOST_WRONG


def test_days_that_a_wrong_clock_closes_early_would_hide_what_comes_last() -> None:
    assert attacks.by_a_wrong_clock("leak")[1] > 2 * MOST_WRONG

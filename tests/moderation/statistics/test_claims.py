import numpy as np
import pytest

from moderation.statistics.guarantee import (
    RiskClaim,
    alarm_counts_for,
    counts_for,
    first_certified,
    fixed_sequence,
    response_rate,
)
from moderation.statistics.ledger import Ledger
from tests.moderation.statistics.reading import plain_ledger

GAPS = plain_ledger(missing=[[4, 0, 0], [0, 0, 0], [0, 0, 3]])
BAND_GAP = plain_ledger(labelled=[[100, 0, 0], [0, 195, 0], [0, 0, 50]], missing=[[4, 0, 0], [0, 5, 0], [0, 0, 3]])


@pytest.mark.parametrize(
    ("risk", "bad", "good"),
    [
        ("leak", [9, 0, 0], [95, 0, 0]),
        ("miss", [9, 0, 0], [0, 60, 45]),
        ("escapes", [9, 0, 0], [95, 195, 50]),
        ("wrongful", [0, 0, 8], [0, 0, 45]),
    ],
)
def test_each_risk_counts_missing_verdicts_at_their_worst(risk, bad, good):
    counts = counts_for(BAND_GAP, risk, 0.1, 0.9)
    assert (counts.bad.tolist(), counts.good.tolist()) == (bad, good)


@pytest.mark.parametrize(
    ("risk", "bad", "good"),
    [
        ("leak", [5, 0, 0], [99, 0, 0]),
        ("miss", [5, 0, 0], [4, 65, 48]),
        ("escapes", [5, 0, 0], [99, 200, 53]),
        ("wrongful", [0, 0, 5], [0, 0, 48]),
    ],
)
def test_the_alarm_counts_missing_verdicts_as_good(risk, bad, good):
    counts = alarm_counts_for(BAND_GAP, risk, 0.1, 0.9)
    assert (counts.bad.tolist(), counts.good.tolist()) == (bad, good)


def test_the_response_is_that_of_the_verdicts_a_risk_needs():
    assert response_rate(GAPS, "leak", 0.1, 0.9) == pytest.approx(100 / 104)
    assert response_rate(GAPS, "wrongful", 0.1, 0.9) == pytest.approx(50 / 53)
    assert response_rate(GAPS, "miss", 0.1, 0.9) == pytest.approx(350 / 357)
    assert response_rate(plain_ledger(labelled=np.zeros((3, 3)), violating=np.zeros((3, 3))), "leak", 0.1, 0.9) is None


def one_day(*, clean, leaked=0, missing=0, second=(100, 0)):
    """Return a day with five bins up to 0.5: the lowest has audits, all others are labelled entirely."""
    labelled = np.array([[clean + leaked, 0], [0, second[0]], [0, 100], [0, 100], [0, 100]])
    violating = np.array([[leaked, 0], [0, second[1]], [0, 2], [0, 90], [0, 100]])
    gaps, uploads = np.zeros((5, 2)), labelled.copy()
    gaps[0, 0] = missing
    uploads[0, 0] += 9 * (clean + leaked) + missing
    return Ledger([0, 0.1, 0.2, 0.3, 0.4, 0.5], uploads, labelled, violating, [0.1, 1.0], gaps)


LEAK = RiskClaim("leak", target=0.01, pi_floor=0.1)


def test_a_claim_is_certified_on_the_first_day_with_enough_evidence():
    days = [one_day(clean=200), one_day(clean=191), one_day(clean=1), one_day(clean=1)]
    assert first_certified(days, LEAK, low=0.1, high=0.5) == 2
    assert first_certified(days[:2], LEAK, low=0.1, high=0.5) is None


def test_a_certificate_of_an_earlier_day_stands_when_evidence_falls_back():
    days = [one_day(clean=400), one_day(clean=0, leaked=5)]
    assert first_certified(days, LEAK, low=0.1, high=0.5) == 0
    assert first_certified(days[0] + days[1], LEAK, low=0.1, high=0.5) is None


@pytest.mark.parametrize(("missing", "certified"), [(25, 0), (26, None)])
def test_below_99_5_percent_response_nothing_is_certified(missing, certified):
    """5,000 verdicts and 25 missing are a response of 99.502 %; missing ones count as leaks too."""
    claim = RiskClaim("leak", target=0.1, pi_floor=0.1)
    assert first_certified(one_day(clean=5000, missing=missing), claim, low=0.1, high=0.5) == certified


def test_candidates_go_up_from_the_start_until_one_is_not_certified():
    found = fixed_sequence(one_day(clean=500), "leak", 0.1, 0.01, 0.1)
    assert found.tolist() == [0.1, 0.2, 0.3]


def test_candidates_below_the_start_are_never_certified():
    assert fixed_sequence(one_day(clean=500), "leak", 0.2, 0.01, 0.1).tolist() == [0.2, 0.3]


def test_candidates_for_high_go_down():
    ledger = Ledger([0, 0.5, 0.6, 1], np.full((3, 1), 500), np.full((3, 1), 500), [[20], [500], [500]], [1.0])
    assert (
        fixed_sequence(ledger, "wrongful", 1, 0.01, 1.0).tolist() == []
    )  # nothing is rejected, so there is no evidence
    assert fixed_sequence(ledger, "wrongful", 0.6, 0.01, 1.0).tolist() == [0.6, 0.5]


def test_the_sequence_stops_where_the_start_is_not_certified():
    assert fixed_sequence(one_day(clean=100), "leak", 0.1, 0.01, 0.1).size == 0


def test_the_sequence_takes_the_running_maximum_of_days():
    days = [one_day(clean=400), one_day(clean=0, leaked=5)]
    assert fixed_sequence(days, "leak", 0.1, 0.01, 0.1).tolist() == [0.1, 0.2, 0.3]
    assert fixed_sequence(days[0] + days[1], "leak", 0.1, 0.01, 0.1).size == 0


def test_a_certificate_covers_the_days_up_to_its_own_evidence_only():
    """0.2 was certified on the first day and no longer holds; 0.1 is certified on the second."""
    days = [one_day(clean=0, second=(40_000, 0)), one_day(clean=400, second=(40_000, 20_000))]
    assert fixed_sequence(days, "leak", 0.1, 0.01, 0.1).tolist()[:2] == [0.1, 0.2]
    assert [first_certified(days, LEAK, low=low, high=0.5) for low in (0.1, 0.2)] == [1, 0]
    assert fixed_sequence(days[0] + days[1], "leak", 0.1, 0.01, 0.1).tolist() == [0.1]


def test_the_sequence_ends_before_uploads_drawn_with_less_than_the_floor():
    day = one_day(clean=500)
    overflow = Ledger(day.edges, day.uploads, day.labelled, day.violating, [0.1, 0.05])
    assert fixed_sequence(overflow, "leak", 0.1, 0.01, 0.1).tolist() == [0.1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: counts_for(GAPS, "leaks", 0.1, 0.9), r"risk='leaks'.*'leak', 'miss', 'wrongful' or 'escapes'"),
        (lambda: counts_for(GAPS, "leak", 0.15, 0.9), r"low=0.15.*bin edge"),
        (lambda: fixed_sequence(GAPS, "leak", 0.15, 0.01, 0.1), r"start=0.15.*bin edge"),
        (lambda: fixed_sequence(GAPS, "leak", 0.1, 1.0, 0.1), r"target=1.0"),
        (lambda: fixed_sequence(GAPS, "leak", 0.1, 0.01, 0.5), r"pi_floor=0.5.*start=0.1"),
        (lambda: fixed_sequence([], "leak", 0.1, 0.01, 0.1), r"ledger=.*at least one closed day"),
        (lambda: first_certified(GAPS, RiskClaim("leak", 0.01, 0.5), low=0.1, high=0.9), r"pi_floor=0.5"),
        (lambda: RiskClaim("leak", 0.01, 2), r"pi_floor=2"),
        (lambda: RiskClaim("leak", 0.01, 0.1, delta=0), r"delta=0"),
    ],
)
def test_wrong_input_names_argument_value_and_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""Each attack on the guarantees through the real models: the statistics receive the simulations' counts.

The same attacks at full size, 1,000 quarters each: tests/moderation/statistics/test_stress.py.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db.models.functions import Now
from django.utils import timezone

from moderation.models import Certificate, Epoch, LedgerDay, LedgerRow, Upload, User
from moderation.models.ledgers import DEADLINE
from moderation.tuning import certificates, threshold_report
from moderation.tuning.rollup import roll_up
from tests.factories import default_policy
from tests.moderation.statistics.attacks import OVERDUE, certified
from tests.moderation.tuning.nights import Nights, Says, honest

pytestmark = pytest.mark.django_db
# Audits of half the approved, all of the band, two fifths of the rejected.
RATES = {"audit_rate_approve": 0.5, "audit_rate_reject": 0.4, "review_rate": 1.0}
RISKS = ("leak", "miss", "wrongful")
V, B = "violating", "benign"
NIGHT = {0.05: [V, *[B] * 11], 0.5: [V, B], 0.95: [B, V, V, V]}
CLEAN = NIGHT | {0.05: [B] * 16}
# Enough alarms that the coin, whose secret is new each time, practically cannot leave out all of them.
ALARMING = NIGHT | {0.05: [*[V] * 5, *[B] * 7], 0.95: [*[B] * 4, V]}


@pytest.fixture
def nights() -> Nights:
    made = Nights()
    made.publish(text="The text of the attacks.", targets={"leak": 0.2}, low=0.2, high=0.8, **RATES)
    return made


def pass_nights(nights: Nights, count: int, says: Says = honest, *, scores: Any = NIGHT) -> None:
    for _ in range(count):
        nights.upload(scores)
        nights.review(says)
        nights.sleep()


def issued() -> list[Certificate]:
    try:
        return certificates.issue(threshold_report.report_for(default_policy()))
    except certificates.NothingToCertify:
        return []


def test_a_day_waits_for_verdicts_as_long_as_the_simulations_say() -> None:
    assert DEADLINE.days == OVERDUE


@pytest.mark.slow
def test_honest_nights_are_certified_on_the_night_that_the_simulation_says(nights: Nights) -> None:
    pass_nights(nights, 5, scores=CLEAN)
    nights.close()
    finding = nights.assert_fed(*RISKS)
    by_night = [nights.tally(low=0.2, high=0.8, before=night + 1)[0] for night in range(5)]
    _, pi, at = nights.tally(low=0.2, high=0.8)
    quarter = np.diff(np.array([by_night]), axis=1, prepend=0)
    first = certified(quarter, "leak", target=0.2, floor=0.5, pi=pi, at=at)[0].argmax()
    (leak,) = issued()
    assert leak.last_day == finding.days[first].day


def careless(truth: str, person: User, upload: int) -> str:
    """Miss half of the violations and raise false alarms on every third upload, different ones for each person."""
    wrong = (upload + person.pk) % (2 if truth == V else 3) == 0
    return truth if not wrong else {V: B, B: V}[truth]


@pytest.mark.slow
def test_moderators_who_miss_some_and_raise_false_alarms(nights: Nights) -> None:
    pass_nights(nights, 3, careless, scores=ALARMING)
    nights.close()
    nights.assert_fed(*RISKS)
    assert any(len(set(one.votes)) == 2 for one in nights.known.values())


def avoiding(truth: str, person: User, upload: int) -> str | None:
    return None if truth == V and upload % 10 < 3 else truth


@pytest.mark.slow
def test_skipped_violations_count_at_their_worst_and_no_certificate_is_issued(nights: Nights) -> None:
    pass_nights(nights, 3, avoiding, scores=CLEAN | {0.05: [*[B] * 16, *[V] * 16]})
    nights.lose()
    nights.sleep(OVERDUE + 1)
    nights.close()
    finding = nights.assert_fed(*RISKS)
    assert finding.total.missing.sum() > 0
    assert issued() == []


@pytest.mark.slow
def test_alarms_confirmed_days_later_leave_their_days_open(nights: Nights) -> None:
    for _ in range(3):
        nights.upload(ALARMING)
        nights.review(people=nights.people[:1])  # nobody confirms yet
        nights.sleep()
    seen = [len(nights.days)]
    for _ in range(2):
        nights.sleep()
    seen.append(len(nights.days))
    nights.review()
    nights.close()
    nights.assert_fed(*RISKS)
    assert seen[1] < 3 == len(nights.days)


@pytest.mark.slow
def test_thresholds_moved_every_night_leave_each_label_its_own_pi(nights: Nights) -> None:
    for low, high in ((0.2, 0.8), (0.6, 0.97), (0.0, 0.3), (0.4, 0.5)):
        nights.publish(low=low, high=high)
        pass_nights(nights, 1)
    nights.close()
    assert Epoch.objects.filter(closed_at=None).get().versions.count() == 5
    for low, high in ((0.2, 0.8), (0.6, 0.96), (0.0, 0.3), (0.1, 0.9)):
        nights.assert_fed(*RISKS, low=low, high=high)


@pytest.mark.slow
def test_an_audit_rate_changed_within_the_epoch_makes_a_class_of_its_own(nights: Nights) -> None:
    for rate in (0.5, 0.9, 0.6):
        nights.publish(audit_rate_approve=rate)
        pass_nights(nights, 1)
    nights.close()
    finding = nights.assert_fed(*RISKS)
    assert {0.5, 0.6, 0.9} <= set(finding.total.pi)


@pytest.mark.slow
def test_a_band_over_its_capacity_is_drawn_at_random_and_the_rest_is_no_label(nights: Nights) -> None:
    nights.publish(review_rate=0.5)
    pass_nights(nights, 2, scores=NIGHT | {0.5: [V, B] * 8})
    nights.close()
    nights.assert_fed(*RISKS)
    nights.assert_fed(*RISKS, low=0.6)
    band = LedgerRow.objects.filter(region="review").values_list("uploads", "labelled")
    assert sum(uploads for uploads, _ in band) == 32 > sum(labelled for _, labelled in band) > 0


def test_duplicates_are_drawn_each_by_itself(nights: Nights) -> None:
    nights.upload({0.05: [B] * 20}, files=1)
    nights.upload({0.05: [V] * 20}, files=2)
    nights.review()
    nights.close()
    nights.assert_fed(*RISKS)
    assert 0 < sum(one.drawn for one in nights.known.values()) < 40


@pytest.mark.slow
def test_a_change_of_the_policys_text_leaves_the_evidence_behind(nights: Nights) -> None:
    pass_nights(nights, 5, scores=CLEAN)
    nights.close()
    assert issued()
    nights.publish(text="Another text, which forbids more.")
    assert issued() == []
    pass_nights(nights, 1)
    nights.close()
    nights.assert_fed(*RISKS)
    assert not Certificate.objects.valid().exists()


@pytest.mark.slow
def test_uploads_deleted_before_a_verdict_are_missing_and_after_one_stay_counted(nights: Nights) -> None:
    pass_nights(nights, 1)
    erase(list(nights.known))
    gone = nights.upload(NIGHT)[:6]
    erase(gone)
    nights.review()
    nights.lose()
    nights.sleep(OVERDUE + 1)
    nights.close()
    finding = nights.assert_fed(*RISKS)
    assert finding.total.uploads.sum() == len(nights.known)


def erase(uploads: list[int]) -> None:
    Upload.objects.filter(pk__in=uploads).update(status="erased", erased_at=Now(), uploader_reference="")


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_wrong_clock_of_the_application_changes_nothing(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    right: Callable[[], Any] = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(minutes=minutes))
    monkeypatch.setattr("time.time", lambda: right().timestamp() + 60 * minutes)
    pass_nights(nights, 2)
    nights.close()
    nights.assert_fed(*RISKS)
    roll_up()
    assert LedgerDay.objects.filter(closed_at__lte=Now()).count() == 2

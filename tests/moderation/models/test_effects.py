"""What the outside may know of an upload, in every state that it can be in."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from moderation.models import Decision, Effect, ReviewTask, Upload, User, Verdict
from moderation.models.effects import effects_in_force, status_in_force
from moderation.review import claiming, deciding
from moderation.review.quarantine import settle_quarantine
from moderation.review.status import update_status
from tests.factories import decide_claimed, make_screening, make_task, make_upload, make_user

pytestmark = pytest.mark.django_db
WITHIN, AFTER = 600, 0


@pytest.fixture
def mo() -> User:
    return make_user("mo")


def known(upload: Upload) -> str:
    return status_in_force(Upload.objects.get(pk=upload.pk))


def decide(task: ReviewTask, verdict: str, *, by: User) -> Decision:
    claiming.claim_for(task, moderator=by)
    return decide_claimed(task, Verdict(verdict))


def quarantined() -> Upload:
    upload = make_upload()
    Upload.objects.filter(pk=upload.pk).quarantine(reason="truncated", detail="")
    update_status(Upload.objects.filter(pk=upload.pk))
    return Upload.objects.get(pk=upload.pk)


def test_before_the_pre_screen_it_is_pending() -> None:
    assert known(make_upload()) == "pending"


@pytest.mark.parametrize(
    ("score", "status"), [(0.1, "approved"), (0.2, "in_review"), (0.5, "in_review"), (0.8, "rejected")]
)
def test_automatic_routes_are_known_at_once_and_the_band_is_in_review(score: float, status: str) -> None:
    assert known(make_screening(score=score, u=0.999).upload) == status


@pytest.mark.parametrize(("score", "status"), [(0.1, "approved"), (0.9, "rejected")])
def test_an_audit_changes_nothing_until_it_is_decided(score: float, status: str) -> None:
    assert known(make_task(score=score).upload) == status


@pytest.mark.parametrize(
    ("score", "verdict", "before", "after"),
    [
        (0.5, "violating", "in_review", "rejected"),
        (0.5, "benign", "in_review", "approved"),
        (0.1, "violating", "approved", "rejected"),
        (0.1, "benign", "approved", "approved"),
        (0.9, "benign", "rejected", "approved"),
        (0.9, "violating", "rejected", "rejected"),
    ],
)
def test_a_verdict_is_known_after_the_grace_period_and_not_before(
    mo: User, settings, score: float, verdict: str, before: str, after: str
) -> None:
    for settings.GRACE_SECONDS, status in ((WITHIN, before), (AFTER, after)):
        task = make_task(score=score)
        decide(task, verdict, by=mo)
        assert known(task.upload) == status


@pytest.mark.parametrize("grace", [WITHIN, AFTER])
@pytest.mark.parametrize(
    ("score", "verdict", "status"),
    [(0.5, "violating", "in_review"), (0.5, "benign", "in_review"), (0.1, "violating", "approved"),
     (0.1, "benign", "approved"), (0.9, "benign", "rejected"), (0.9, "violating", "rejected")],
)  # fmt: skip
def test_undo_restores_what_was_known(mo: User, settings, grace: int, score: float, verdict: str, status: str) -> None:
    settings.GRACE_SECONDS = grace
    task = make_task(score=score)
    decide(task, verdict, by=mo)
    deciding.undo(task, by=mo)
    assert known(task.upload) == status


@pytest.mark.parametrize("grace", [WITHIN, AFTER])
def test_the_verdict_after_an_undo_is_what_is_known_in_the_end(mo: User, settings, grace: int) -> None:
    settings.GRACE_SECONDS = grace
    task = make_task(score=0.5)
    decide(task, "violating", by=mo)
    deciding.undo(task, by=mo)
    settings.GRACE_SECONDS = AFTER
    decide(task, "benign", by=mo if grace == WITHIN else make_user("zoe"))
    assert known(task.upload) == "approved"


def test_undone_and_decided_again_it_is_held_for_the_second_grace_period(mo: User, settings) -> None:
    settings.GRACE_SECONDS = AFTER
    task = make_task(score=0.5)
    decide(task, "violating", by=mo)
    deciding.undo(task, by=mo)
    settings.GRACE_SECONDS = WITHIN
    decide(task, "benign", by=make_user("zoe"))
    assert known(task.upload) == "in_review"


def test_an_audit_that_was_corrected_and_undone_can_still_agree(mo: User, settings) -> None:
    settings.GRACE_SECONDS = AFTER
    task = make_task(score=0.1)
    decide(task, "violating", by=mo)
    deciding.undo(task, by=mo)
    decide(task, "benign", by=make_user("zoe"))
    assert known(task.upload) == "approved"


@pytest.mark.parametrize("rounds", [1, 2])
def test_while_people_cannot_tell_it_is_in_review(mo: User, settings, rounds: int) -> None:
    settings.GRACE_SECONDS = AFTER
    upload = make_task(score=0.5).upload
    for number in range(rounds):
        decide(ReviewTask.objects.get(round=number + 1), "cannot_tell", by=make_user(f"person-{number}"))
    assert known(upload) == "in_review"


@pytest.mark.parametrize(("grace", "status"), [(WITHIN, "in_review"), (AFTER, "rejected")])
def test_where_no_lead_can_tell_the_fallback_is_known_after_the_grace_period(
    mo: User, settings, grace: int, status: str
) -> None:
    settings.GRACE_SECONDS = grace
    upload = make_task(score=0.5).upload
    for number in range(3):
        decide(ReviewTask.objects.get(round=number + 1), "cannot_tell", by=make_user(f"lead-{number}", group="lead"))
    assert known(upload) == status


@pytest.mark.parametrize(("verdict", "status"), [("benign", "approved"), ("violating", "rejected")])
def test_quarantine_is_lifted_after_the_grace_period(mo: User, settings, verdict: str, status: str) -> None:
    for settings.GRACE_SECONDS, now in ((WITHIN, "quarantined"), (AFTER, status)):
        upload = quarantined()
        assert known(upload) == "quarantined"
        settle_quarantine(upload, verdict=Verdict(verdict), reviewer=mo, comment="")
        assert known(upload) == now


def test_the_latest_effect_in_force_counts_per_policy(mo: User, settings) -> None:
    settings.GRACE_SECONDS = AFTER
    task = make_task(score=0.1)
    decision = decide(task, "violating", by=mo)
    assert [effect.decision for effect in effects_in_force(task.upload)] == [decision]
    undo = deciding.undo(task, by=mo)
    assert [effect.decision for effect in effects_in_force(task.upload)] == [undo]


def test_effects_that_are_given_are_not_asked_for_again(django_assert_num_queries: Any) -> None:
    upload = make_screening(score=0.1).upload
    upload.refresh_from_db()
    effects = effects_in_force(upload)
    with django_assert_num_queries(1):
        assert status_in_force(upload, effects=effects) == "approved"
    assert status_in_force(upload, effects=[]) == "in_review"


@pytest.mark.parametrize("content", [{}, {"screening": 1, "decision": 1}])
def test_an_effect_has_one_cause(mo: User, content: dict[str, int]) -> None:
    task = make_task(score=0.1)
    cause = {"screening": task.screening, "decision": decide(task, "benign", by=mo)} if content else {}
    with pytest.raises(IntegrityError, match="effect_of_a_screening_a_decision_or_a_match"), transaction.atomic():
        Effect.objects.create(upload=task.upload, outcome="approve", due_at="2026-01-01T00:00Z", **cause)


def test_a_cause_has_one_effect(mo: User) -> None:
    decision = decide(make_task(score=0.5), "violating", by=mo)
    with pytest.raises(IntegrityError, match="one_effect_per_decision"), transaction.atomic():
        Effect.objects.schedule(decision, outcome="reject")

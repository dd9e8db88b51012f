"""Claims, verdicts, second opinions and undo on real rows; and the changes that the database refuses."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, Model
from django.db.models.functions import Now

from moderation.models import Decision, Effect, ReviewTask, Skip, Upload, User, Verdict
from moderation.review import claiming, deciding
from moderation.review.claims import Claim, ClaimLost
from moderation.review.deciding import UndoRefused
from moderation.tuning.versions import put_in_force
from tests.database_owner import as_owner
from tests.factories import expire_claim, make_task, make_user, version_in_force

pytestmark = pytest.mark.django_db
BENIGN, VIOLATING, CANNOT_TELL = Verdict.BENIGN, Verdict.VIOLATING, Verdict.CANNOT_TELL


@pytest.fixture
def mo() -> User:
    return make_user("mo")


@pytest.fixture
def lead() -> User:
    return make_user("lee", group="lead")


@pytest.fixture(autouse=True)
def long_grace(settings) -> None:
    settings.GRACE_SECONDS = 600


def held(task: ReviewTask, *, by: User) -> Claim:
    """Claim ``task`` itself, regardless of the queue's order."""
    claiming.claim_for(task, moderator=by)
    assert Claim.from_task(task) is not None
    return Claim.from_task(task)


def decide(task: ReviewTask, verdict: Verdict, *, by: User) -> Decision:
    return deciding.decide(task, verdict, claim=held(task, by=by), reason="nudity" if verdict == VIOLATING else "")


def claim_next(user: User) -> ReviewTask | None:
    return claiming.claim_next(user)


def status_of(task: ReviewTask) -> str:
    return Upload.objects.get(pk=task.upload_id).status


# Claims


def test_the_most_urgent_comes_first_then_the_longest_wait() -> None:
    young, old, urgent = make_task(), make_task(), make_task(priority=5)
    ReviewTask.objects.filter(pk=old.pk).update(opened_at=F("opened_at") - timedelta(hours=1))
    assert [claim_next(make_user(name)) for name in ("a", "b", "c", "d")] == [urgent, old, young, None]


def test_of_the_same_moment_the_first_row_comes_first() -> None:
    first, second = make_task(), make_task()
    ReviewTask.objects.update(opened_at="2026-01-01T00:00Z")
    assert [claim_next(make_user("a")), claim_next(make_user("b"))] == [first, second]


def test_a_claim_lasts_as_long_as_the_setting_says(mo: User, settings) -> None:
    settings.CLAIM_SECONDS = 120
    make_task()
    task = claim_next(mo)
    assert task.claim_expires_at - task.claimed_at == timedelta(seconds=120)


def test_every_claim_has_a_token_of_its_own(mo: User) -> None:
    make_task()
    tokens = {claim_next(mo).claim_token for _ in range(3)}
    assert len(tokens) == 3


def test_asking_again_gives_back_what_was_held(mo: User) -> None:
    task = make_task()
    first = Claim.from_task(claim_next(mo))
    urgent = make_task(priority=9)
    assert claim_next(mo) == urgent
    assert claim_next(make_user("someone")) == task
    with pytest.raises(ClaimLost):
        claiming.renew(task, claim=first)


def test_an_expired_claim_goes_to_the_next(mo: User) -> None:
    task = make_task()
    claim_next(mo)
    someone = make_user("someone")
    assert claim_next(someone) is None
    expire_claim(task)
    assert claiming.claimed_task(mo) is None
    assert claim_next(someone) == task


def test_release_gives_back_only_ones_own(mo: User) -> None:
    mine, theirs = make_task(), make_task()
    someone = make_user("someone")
    held(mine, by=mo)
    held(theirs, by=someone)
    claiming.release(mo)
    assert list(ReviewTask.objects.claimable()) == [mine]
    assert claiming.claimed_task(someone) == theirs


def test_a_moderator_holds_one_task(mo: User) -> None:
    held(make_task(), by=mo)
    with pytest.raises(IntegrityError, match="one_claim_per_moderator"), transaction.atomic():
        claiming.claim_for(make_task(), moderator=mo)


def test_half_a_claim_is_refused(mo: User) -> None:
    task = make_task()
    with pytest.raises(IntegrityError, match="a_claim_is_whole_or_absent"), transaction.atomic():
        ReviewTask.objects.filter(pk=task.pk).update(claimed_by=mo)


@pytest.mark.parametrize("field", ["decided_at", "withdrawn_at"])
def test_what_needs_no_decision_has_no_claim(mo: User, field: str) -> None:
    task = make_task()
    held(task, by=mo)
    with pytest.raises(IntegrityError, match="only_undecided_tasks_are_claimed"), transaction.atomic():
        ReviewTask.objects.filter(pk=task.pk).update(**{field: Now()})


def test_a_decided_task_has_no_claim_left(mo: User) -> None:
    task = make_task()
    decide(task, BENIGN, by=mo)
    kept = ReviewTask.objects.values("claimed_by", "claim_token", "claimed_at", "claim_expires_at").get()
    assert set(kept.values()) == {None}


def expired(task: ReviewTask, *, by: User) -> Claim:
    claim = held(task, by=by)
    expire_claim(task)
    return claim


def replaced(task: ReviewTask, *, by: User) -> Claim:
    claim = held(task, by=by)
    claiming.claim_for(task, moderator=by)
    return claim


def taken(task: ReviewTask, *, by: User) -> Claim:
    claim = expired(task, by=by)
    claiming.claim_for(task, moderator=make_user("someone"))
    return claim


def stolen(task: ReviewTask, *, by: User) -> Claim:
    """Another person's token."""
    return Claim(moderator=by, token=held(task, by=make_user("someone")).token)


def of_another_task(task: ReviewTask, *, by: User) -> Claim:
    return held(make_task(), by=by)


ACTIONS = {
    "decide": lambda task, claim: deciding.decide(task, BENIGN, claim=claim),
    "reveal": lambda task, claim: claiming.reveal(task, claim=claim),
    "skip": lambda task, claim: claiming.skip(task, claim=claim),
    "renew": lambda task, claim: claiming.renew(task, claim=claim),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("lost", [expired, replaced, taken, stolen, of_another_task])
def test_a_lost_claim_does_nothing(mo: User, action: str, lost: Any) -> None:
    task = make_task()
    claim = lost(task, by=mo)
    before = ReviewTask.objects.values().get(pk=task.pk)
    with pytest.raises(ClaimLost, match=r"Nothing was saved\."):
        ACTIONS[action](task, claim)
    assert ReviewTask.objects.values().get(pk=task.pk) == before
    assert not task.decisions.exists()
    assert not task.skips.exists()
    assert not task.exposures.exists()


def test_renewing_holds_on_for_another_lease(mo: User) -> None:
    task = make_task()
    claim = held(task, by=mo)
    ReviewTask.objects.filter(pk=task.pk).update(claim_expires_at=Now() + timedelta(seconds=5))
    assert claiming.renew(task, claim=claim) > task.claimed_at + timedelta(seconds=300)
    assert Claim.from_task(task) == claim


def test_one_exposure_per_claim_and_only_for_that_claim(mo: User) -> None:
    task = make_task()
    first = held(task, by=mo)
    assert not claiming.is_revealed(task, claim=first)
    assert claiming.reveal(task, claim=first) == claiming.reveal(task, claim=first)
    assert claiming.is_revealed(task, claim=first)
    second = held(task, by=mo)
    assert not claiming.is_revealed(task, claim=first)
    assert not claiming.is_revealed(task, claim=second)
    assert mo.exposures.count() == 1


@pytest.mark.parametrize("reveals", [True, False])
def test_a_decision_says_whether_the_image_was_revealed(mo: User, reveals: bool) -> None:
    task = make_task()
    claim = held(task, by=mo)
    if reveals:
        claiming.reveal(task, claim=claim)
    assert deciding.decide(task, BENIGN, claim=claim).shown == {"revealed": reveals, "frame": 0, "view": 0}


# Skips and one's own verdicts


def test_what_was_skipped_is_never_served_to_that_person_again(mo: User) -> None:
    task = make_task(priority=9)
    other = make_task()
    claiming.skip(claim_next(mo), claim=Claim.from_task(ReviewTask.objects.get(pk=task.pk)))
    assert [claim_next(mo), claim_next(mo)] == [other, other]
    assert claim_next(make_user("someone")) == task


def test_skipping_twice_after_a_new_claim_keeps_one_row(mo: User) -> None:
    task = make_task()
    for _ in range(2):
        claiming.skip(task, claim=held(task, by=mo))
    assert Skip.objects.count() == 1


def test_the_second_opinion_is_someone_elses(mo: User) -> None:
    task = make_task()
    decide(task, CANNOT_TELL, by=mo)
    assert claim_next(mo) is None
    following = claim_next(make_user("someone"))
    assert (following.screening, following.round) == (task.screening, 2)


# Verdicts


@pytest.mark.parametrize(
    ("score", "verdict", "status", "effects"),
    [
        (0.5, BENIGN, "approved", ["approve"]),
        (0.5, VIOLATING, "rejected", ["reject"]),
        (0.1, BENIGN, "approved", []),  # an audit that agrees changes nothing
        (0.1, VIOLATING, "rejected", ["reject"]),
        (0.9, VIOLATING, "rejected", []),
        (0.9, BENIGN, "approved", ["approve"]),
    ],
)
def test_a_verdict_moves_the_upload(mo: User, score: float, verdict: Verdict, status: str, effects: list[str]) -> None:
    task = make_task(score=score)
    decision = decide(task, verdict, by=mo)
    assert status_of(task) == status
    assert list(Effect.objects.filter(decision=decision).values_list("outcome", flat=True)) == effects


def test_an_effect_waits_for_the_grace_period(mo: User) -> None:
    effect = Effect.objects.get(decision=decide(make_task(), VIOLATING, by=mo))
    assert effect.due_at - effect.created_at == timedelta(seconds=600)
    assert not Effect.objects.in_force().exists()


def test_a_violating_verdict_needs_a_reason(mo: User) -> None:
    task = make_task()
    with pytest.raises(IntegrityError, match="a_violating_verdict_has_a_reason"), transaction.atomic():
        deciding.decide(task, VIOLATING, claim=held(task, by=mo))
    task.refresh_from_db()
    assert task.decided_at is None


# Cannot tell


@pytest.mark.parametrize("fallback", ["reject", "approve"])
def test_who_cannot_tell_asks_a_second_person_then_a_lead_then_the_fallback(
    mo: User, lead: User, fallback: str
) -> None:
    put_in_force(version_in_force().copy_as_draft(by=None, fallback=fallback), by=None, why="A test.")
    task, someone = make_task(), make_user("someone")
    for number, person in enumerate((mo, someone, lead), start=1):
        asked = claim_next(person)
        assert (asked.screening, asked.round, asked.needs_lead) == (task.screening, number, number == 3)
        assert status_of(task) == "in_review"
        deciding.decide(asked, CANNOT_TELL, claim=Claim.from_task(asked))
    assert status_of(task) == {"reject": "rejected", "approve": "approved"}[fallback]
    assert Effect.objects.get().outcome == fallback
    assert not ReviewTask.objects.undecided().exists()


def test_the_third_opinion_is_not_served_to_those_who_do_not_lead(mo: User, lead: User) -> None:
    decide(make_task(), CANNOT_TELL, by=mo)
    decide(ReviewTask.objects.get(round=2), CANNOT_TELL, by=make_user("someone"))
    assert claim_next(make_user("anyone")) is None
    assert claim_next(lead).round == 3


def test_nobody_who_can_tell_about_an_audit_leaves_what_the_machine_did(mo: User, lead: User) -> None:
    task = make_task(score=0.1)
    for number, person in enumerate((mo, make_user("someone"), lead), start=1):
        decide(ReviewTask.objects.get(round=number), CANNOT_TELL, by=person)
    assert status_of(task) == "approved"
    assert not Effect.objects.filter(decision__isnull=False).exists()


def test_a_second_opinion_decides(mo: User) -> None:
    task = make_task()
    decide(task, CANNOT_TELL, by=mo)
    decide(ReviewTask.objects.get(round=2), BENIGN, by=make_user("someone"))
    assert status_of(task) == "approved"
    assert not ReviewTask.objects.filter(round=3).exists()


# Undo


def test_undo_in_time_cancels_the_effect(mo: User) -> None:
    task = make_task()
    verdict = decide(task, VIOLATING, by=mo)
    undo = deciding.undo(task, by=mo)
    assert (undo.kind, undo.supersedes, undo.verdict) == ("undo", verdict, "")
    assert Effect.objects.get().cancelled_at is not None
    assert status_of(task) == "in_review"


@pytest.mark.parametrize(
    ("score", "verdict", "restored"), [(0.5, VIOLATING, "hold"), (0.1, VIOLATING, "approve"), (0.9, BENIGN, "reject")]
)
def test_undo_afterwards_writes_the_reverse(mo: User, settings, score: float, verdict: Verdict, restored: str) -> None:
    settings.GRACE_SECONDS = 0
    task = make_task(score=score)
    first = decide(task, verdict, by=mo)
    undo = deciding.undo(task, by=mo)
    assert Effect.objects.get(decision=first).cancelled_at is None
    assert Effect.objects.in_force().get(decision=undo).outcome == restored


def test_undo_of_an_audit_that_agreed_writes_no_effect(mo: User) -> None:
    task = make_task(score=0.1)
    decide(task, BENIGN, by=mo)
    undo = deciding.undo(task, by=mo)
    assert not Effect.objects.filter(decision=undo).exists()
    assert status_of(task) == "approved"


def test_undo_hands_the_task_back_with_a_new_attempt_and_token(mo: User) -> None:
    task = make_task()
    before = held(task, by=mo)
    deciding.decide(task, BENIGN, claim=before)
    deciding.undo(task, by=mo)
    assert (task.attempt, task.decided_at, task.claimed_by) == (2, None, mo)
    assert task.claim_token != before.token
    assert deciding.decide(task, VIOLATING, claim=Claim.from_task(task), reason="nudity").attempt == 2
    assert status_of(task) == "rejected"


def test_undo_gives_back_the_task_that_was_held_meanwhile(mo: User) -> None:
    first, second = make_task(), make_task()
    decide(first, BENIGN, by=mo)
    assert claim_next(mo) == second
    deciding.undo(first, by=mo)
    assert claiming.claimed_task(mo) == first
    assert claim_next(make_user("someone")) == second


def test_a_verdict_is_undone_once_and_by_its_own_author(mo: User) -> None:
    task = make_task()
    decide(task, BENIGN, by=mo)
    with pytest.raises(UndoRefused):
        deciding.undo(task, by=make_user("someone"))
    deciding.undo(task, by=mo)
    with pytest.raises(UndoRefused, match=r"undone or overruled already\. Nothing was changed"):
        deciding.undo(task, by=mo)
    assert Decision.objects.count() == 2


def test_undo_of_cannot_tell_withdraws_the_next_round(mo: User) -> None:
    task = make_task()
    decide(task, CANNOT_TELL, by=mo)
    deciding.undo(task, by=mo)
    assert ReviewTask.objects.get(round=2).withdrawn_at is not None
    assert claim_next(make_user("someone")) is None
    assert list(ReviewTask.objects.undecided()) == [task]


def test_cannot_tell_again_after_an_undo_asks_again(mo: User) -> None:
    task = make_task()
    decide(task, CANNOT_TELL, by=mo)
    deciding.undo(task, by=mo)
    deciding.decide(task, CANNOT_TELL, claim=Claim.from_task(task))
    following = claim_next(make_user("someone"))
    assert (following.round, following.withdrawn_at) == (2, None)
    assert ReviewTask.objects.count() == 2


def decided_by_someone(task: ReviewTask) -> None:
    decide(task, BENIGN, by=make_user("someone"))


def held_by_someone(task: ReviewTask) -> None:
    held(task, by=make_user("someone"))


@pytest.mark.parametrize("build_on", [held_by_someone, decided_by_someone])
def test_undo_of_cannot_tell_is_refused_once_someone_built_on_it(mo: User, build_on: Any) -> None:
    task = make_task()
    decide(task, CANNOT_TELL, by=mo)
    build_on(ReviewTask.objects.get(round=2))
    with pytest.raises(UndoRefused, match="Someone else is reviewing"):
        deciding.undo(task, by=mo)
    assert not Decision.objects.filter(kind="undo").exists()
    assert claiming.claimed_task(mo) is None


def test_a_claim_that_ran_out_does_not_stop_an_undo(mo: User) -> None:
    task = make_task()
    decide(task, CANNOT_TELL, by=mo)
    following = ReviewTask.objects.get(round=2)
    claim = expired(following, by=make_user("someone"))
    deciding.undo(task, by=mo)
    with pytest.raises(ClaimLost):
        deciding.decide(following, BENIGN, claim=claim)


def test_undo_of_the_leads_cannot_tell_takes_the_fallback_back(mo: User, lead: User, settings) -> None:
    settings.GRACE_SECONDS = 0
    task = make_task()
    for number, person in enumerate((mo, make_user("someone"), lead), start=1):
        decide(ReviewTask.objects.get(round=number), CANNOT_TELL, by=person)
    undo = deciding.undo(ReviewTask.objects.get(round=3), by=lead)
    assert Effect.objects.get(decision=undo).outcome == "hold"
    assert status_of(task) == "in_review"


# Changes that the database refuses


@pytest.fixture
def record(mo: User) -> ReviewTask:
    """Write at least one row to each table of the record."""
    task = make_task()
    claim = held(task, by=mo)
    claiming.reveal(task, claim=claim)
    deciding.decide(task, BENIGN, claim=claim)
    screening = task.screening
    task.upload.file.scores.create(
        classifier=screening.classifier,
        preprocessing_version=screening.preprocessing_version,
        label="nsfw",
        value=0.5,
        runtime="test",
    )
    return task


def table_of(name: str) -> type[Model]:
    return apps.get_model("moderation", name)


def execute_as_owner(sql: str) -> None:
    """Run a statement that the serving role has no right to, so that only the triggers can refuse it."""
    with transaction.atomic(), as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # TRUNCATE waits for no check of the rows just made
        cursor.execute(sql)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Decision", "verdict = 'cannot_tell'"),
        ("Decision", "comment = 'other'"),
        ("Score", "value = 0.1"),
        ("Exposure", "revealed_at = now()"),
        ("Screening", "score = 0.1"),
        ("Screening", "route = 'approve'"),
        ("Screening", "pi = 0.99"),
        ("Screening", "superseded = true, low = 0.1"),
        ("Effect", "outcome = 'reject'"),
        ("Effect", "due_at = now()"),
        ("Effect", "cancelled_at = now(), outcome = 'reject'"),
    ],
)
def test_the_record_is_never_rewritten(record: ReviewTask, name: str, change: str) -> None:
    with pytest.raises(DatabaseError, match="Cannot update"):
        execute_as_owner(f"UPDATE {table_of(name)._meta.db_table} SET {change}")


@pytest.mark.parametrize(
    "name",
    ["Decision", "Score", "Exposure", "Screening", "Effect", "Upload", "StoredFile", "ReviewTask"],
)
def test_the_record_is_never_deleted(record: ReviewTask, name: str) -> None:
    assert table_of(name)._default_manager.exists()
    for statement in ("DELETE FROM {}", "TRUNCATE {} CASCADE"):
        with pytest.raises(DatabaseError, match=r"Cannot.*(delete|truncate)"):
            execute_as_owner(statement.format(table_of(name)._meta.db_table))


@pytest.mark.parametrize(("name", "field"), [("Screening", {"superseded": True}), ("Effect", {"cancelled_at": Now()})])
def test_one_field_may_change_and_leaves_its_audit_row(record: ReviewTask, name: str, field: dict[str, Any]) -> None:
    assert table_of(name)._default_manager.update(**field) == 1
    assert table_of(f"{name}Event")._default_manager.count() == 1


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Upload", {"uploader_reference": "someone"}),
        ("StoredFile", {"frames": 2}),
        ("ReviewTask", {"priority": 7}),
        ("PolicyVersion", {"why": "another"}),
        ("Epoch", {"why_opened": "another"}),
        ("Policy", {"name": "another"}),
        ("Classifier", {"licence": "another"}),
        ("User", {"email": "mo@example.org"}),
    ],
)
def test_an_update_in_bulk_writes_history(record: ReviewTask, name: str, change: dict[str, Any]) -> None:
    model, events = table_of(name), table_of(f"{name}Event")._default_manager
    count = events.count()
    assert model._default_manager.update(**change) == events.count() - count > 0
    (field, value), newest = *change.items(), events.order_by("-pgh_id").first()
    assert (getattr(newest, field), newest.pgh_label) == (value, "update")


def test_history_tells_no_secrets() -> None:
    secret = {"password", "last_login", "digest", "secret", "claim_token"}
    events = [model for model in apps.get_app_config("moderation").get_models() if model.__name__.endswith("Event")]
    told = {field.name for model in events if model.__name__ != "HashEntryEvent" for field in model._meta.fields}
    assert told & secret == set()  # a list's entry has the digest of a picture, not of a secret
    assert len(events) > 8


def test_what_was_skipped_does_not_come_back_as_a_second_opinion() -> None:
    mo, other = make_user("mo"), make_user("other")
    make_task()
    task = claiming.claim_next(mo)
    claiming.skip(task, claim=Claim.from_task(task))
    task = claiming.claim_next(other)
    deciding.decide(task, Verdict.CANNOT_TELL, claim=Claim.from_task(task))
    assert claiming.claim_next(mo) is None
    assert claiming.claim_next(make_user("third")) is not None


def test_the_only_lead_has_the_last_word_even_after_not_being_able_to_tell() -> None:
    mo, lead = make_user("mo"), make_user("lead", group="lead")
    make_task()
    for person in (lead, mo, lead):
        task = claiming.claim_next(person)
        deciding.decide(task, Verdict.CANNOT_TELL, claim=Claim.from_task(task))
    assert task.round == 3
    task.upload.refresh_from_db()
    assert task.upload.status == "rejected", "the policy's fallback"

"""Screening again what is stored: what a person said stays, the coin stays, nothing is done twice."""

import os
import signal
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from moderation.models import (
    Classifier,
    Community,
    Effect,
    PolicyVersion,
    ReviewTask,
    Score,
    Screening,
    Shadow,
    Upload,
    User,
    Verdict,
)
from moderation.models.effects import status_in_force
from moderation.review import claiming
from moderation.review.objections import record_objection
from moderation.tuning.rollup import roll_up
from moderation.tuning.versions import put_in_force
from moderation.verification import verify
from tests.factories import (
    decide_claimed,
    make_upload,
    make_uploads,
    make_user,
    put_community_in_force,
    red,
    version_in_force,
)
from tests.moderation.screening.test_deaths import children_of
from tests.processes import start_command, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def publish(version: PolicyVersion, **changes: Any) -> PolicyVersion:
    draft = version.copy_as_draft(by=None, **changes)
    put_in_force(draft, by=None, why="Other rules.")
    return draft


def status(upload: Upload) -> tuple[str, str]:
    """As it is, and as other programs are told."""
    upload.refresh_from_db()
    return upload.status, status_in_force(upload)


def decide(task: ReviewTask, verdict: Verdict, *, by: User) -> None:
    claiming.claim_for(task, moderator=by)
    decide_claimed(task, verdict)


@pytest.mark.parametrize(
    ("low", "high", "before", "after"),
    [
        (0.6, 0.8, ("in_review", "in_review"), ("approved", "approved")),
        (0.2, 0.4, ("in_review", "in_review"), ("rejected", "rejected")),
    ],
)
def test_a_new_screening_supersedes_the_old_one(
    red_policy: PolicyVersion, prescreen: Any, low: float, high: float, before: Any, after: Any
) -> None:
    upload = make_upload(content=red(0.5))
    prescreen()
    assert status(upload) == before
    publish(red_policy, low=low, high=high)
    assert prescreen("--rescore")["uploads"] == 1
    assert status(upload) == after
    old, new = upload.screenings.order_by("pk")
    assert (old.superseded, new.superseded, Score.objects.count()) == (True, False, 1)
    assert (new.u, new.pi, new.rate_class, new.epoch) == (old.u, old.pi, old.rate_class, old.epoch)
    assert [task.screening for task in ReviewTask.objects.undecided()] == [new], "the coin drew it: somebody looks"
    assert verify().problems == []


def test_what_had_taken_effect_is_held_while_a_person_looks(red_policy: PolicyVersion, prescreen: Any) -> None:
    upload = make_upload(content=red(0.1))
    prescreen()
    assert status(upload) == ("approved", "approved")
    publish(red_policy, low=0.05)
    prescreen("--rescore")
    assert status(upload) == ("in_review", "in_review")
    decide(ReviewTask.objects.undecided().get(), Verdict.VIOLATING, by=make_user())
    Effect.objects.filter(outcome="reject").get()
    assert verify().problems == []


def test_a_second_rescore_changes_nothing(red_policy: PolicyVersion, prescreen: Any) -> None:
    for value in (0.1, 0.5, 0.9):
        make_upload(content=red(value))
    prescreen()
    publish(red_policy, low=0.6)
    assert prescreen("--rescore")["uploads"] == 3
    before = list(Screening.objects.order_by("pk").values())
    assert prescreen("--rescore")["uploads"] == 0
    assert list(Screening.objects.order_by("pk").values()) == before


def test_what_a_person_said_stays(red_policy: PolicyVersion, prescreen: Any) -> None:
    said, unsaid = make_upload(content=red(0.5)), make_upload(content=red(0.5, salt=1))
    prescreen()
    decide(said.tasks.get(), Verdict.BENIGN, by=make_user())
    publish(red_policy, low=0.1, high=0.3)
    assert prescreen("--rescore")["uploads"] == 1
    assert status(said)[0] == "approved"
    assert said.screenings.count() == 1
    assert status(unsaid)[0] == "rejected"
    assert verify().problems == []


def test_what_somebody_objects_to_is_answered_by_a_person_and_not_by_a_rescore(
    red_policy: PolicyVersion, prescreen: Any
) -> None:
    upload, mo = make_upload(content=red(0.1)), make_user()
    prescreen()
    record_objection(upload.screenings.get(), kind="appeal", text="Look.", by=make_user("raiser", group="lead"))
    publish(red_policy, low=0.3, high=0.3)
    assert prescreen("--rescore")["uploads"] == 0
    decide(ReviewTask.objects.undecided().get(), Verdict.VIOLATING, by=mo)
    assert prescreen("--rescore")["uploads"] == 0
    assert status(upload)[0] == "rejected"


def test_what_a_person_looks_at_now_is_left_and_comes_the_next_time(red_policy: PolicyVersion, prescreen: Any) -> None:
    upload, mo = make_upload(content=red(0.5)), make_user()
    prescreen()
    task = upload.tasks.get()
    claiming.claim_for(task, moderator=mo)
    publish(red_policy, high=0.3)
    assert prescreen("--rescore")["uploads"] == 0
    claiming.release(mo)
    assert prescreen("--rescore")["uploads"] == 1
    assert status(upload)[0] == "rejected"
    task.refresh_from_db()
    assert task.withdrawn_at is not None


def test_another_classifier_opens_an_epoch_with_coins_of_its_own(red_policy: PolicyVersion, prescreen: Any) -> None:
    upload = make_upload(content=red(0.1))
    prescreen()
    roll_up()
    publish(red_policy, classifier=Classifier.objects.get(name="open_nsfw"), labels=["nsfw"], audit_rate_approve=1.0)
    prescreen("--rescore")
    old, new = upload.screenings.order_by("pk")
    assert (old.epoch == new.epoch, old.u == new.u, new.pi) == (False, False, 1.0)
    assert verify().problems == []


def test_a_file_that_cannot_be_read_any_more_keeps_what_it_has(red_policy: PolicyVersion, prescreen: Any) -> None:
    gone, other = make_upload(content=red(0.5)), make_upload(content=red(0.5, salt=1))
    prescreen()
    gone.file.path.unlink()
    publish(red_policy, classifier=Classifier.objects.get(name="open_nsfw"), labels=["nsfw"])
    assert prescreen("--rescore")["uploads"] == 1
    assert status(gone)[0] == "in_review"
    assert gone.screenings.get().classifier.name == "red"
    assert other.screenings.live().get().classifier.name == "open_nsfw"


def test_pending_and_later_policies_are_screened_too(red_policy: PolicyVersion, prescreen: Any) -> None:
    first = make_upload(content=red(0.1))
    prescreen()
    second = make_upload(content=red(0.9))
    assert prescreen("--rescore")["uploads"] == 1
    assert (status(first)[0], status(second)[0]) == ("approved", "rejected")


def test_a_community_is_screened_again_by_its_own_version(red_policy: PolicyVersion, prescreen: Any) -> None:
    art = Community.objects.create(slug="art", name="Art")
    own, elsewhere = make_upload(content=red(0.5), community=art), make_upload(content=red(0.5))
    prescreen()
    put_community_in_force(art, low=0.6, high=0.9, audit_rate_approve=0, audit_rate_reject=0)
    assert prescreen("--rescore")["uploads"] == 1
    assert (status(own)[0], status(elsewhere)[0]) == ("approved", "in_review")


def test_a_dry_rescore_leaves_the_record_as_it_is(red_policy: PolicyVersion, prescreen: Any) -> None:
    upload = make_upload(content=red(0.5))
    prescreen()
    publish(red_policy, low=0.6)
    assert prescreen("--rescore", "--dry-run")["approved"] == 1
    assert status(upload)[0] == "in_review"
    assert not Screening.objects.filter(superseded=True).exists()


@pytest.mark.lengthy
def test_killed_in_a_rescore_nothing_is_lost_or_done_twice(red_policy: PolicyVersion, prescreen: Any) -> None:
    make_uploads(red(0.5, salt=salt) for salt in range(200))
    prescreen()
    publish(red_policy, low=0.6)
    for kill in range(2):
        command = start_command("prescreen", "--rescore", "--processes", "2", quiet=True)
        wait_for(lambda done=kill: Screening.objects.filter(superseded=True).count() > 60 * done, seconds=60)
        for pid in [*children_of(command.pid), command.pid] if kill % 2 else [command.pid]:
            os.kill(pid, signal.SIGKILL)
        command.wait(timeout=60)
    prescreen("--rescore")
    assert (Screening.objects.live().count(), Screening.objects.filter(superseded=True).count()) == (200, 200)
    assert set(Screening.objects.live().values_list("route", flat=True)) == {"approve"}
    assert set(Upload.objects.values_list("status", flat=True)) == {"approved"}
    assert verify().problems == []


def test_the_shadow_scores_what_is_stored_and_changes_nothing(red_policy: PolicyVersion, prescreen: Any) -> None:
    uploads = [make_upload(content=red(value)) for value in (0.1, 0.5, 0.9)]
    prescreen()
    shadow = Shadow.objects.create(
        policy=red_policy.policy, classifier=Classifier.objects.get(name="open_nsfw"), labels=["nsfw"]
    )
    before = [list(table.objects.order_by("pk").values()) for table in (Screening, ReviewTask, Effect, Upload)]
    assert prescreen("--shadows")["uploads"] == 3
    assert [list(table.objects.order_by("pk").values()) for table in (Screening, ReviewTask, Effect, Upload)] == before
    assert shadow.comparable_screenings().filter(shadow__isnull=False).count() == len(uploads)
    assert prescreen("--shadows")["uploads"] == 0


def test_without_a_shadow_there_is_nothing_to_add(red_policy: PolicyVersion) -> None:
    with pytest.raises(CommandError, match="No classifier is in shadow mode"):
        call_command("prescreen", "--shadows")
    assert version_in_force() == red_policy

"""One review, many decisions: near-duplicates wait for one verdict, take it over, lose it, and leave their cluster."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections, transaction
from pytest_django import Settings

from moderation.models import (
    ClusterReview,
    Decision,
    DrawnUpload,
    Effect,
    Fingerprint,
    LedgerRow,
    ReviewTask,
    Upload,
)
from moderation.models.review_tasks import ReviewTaskQuerySet
from moderation.review import claiming, deciding
from moderation.review.claims import Claim
from moderation.review.cluster_removal import NotInCluster, remove_from_cluster
from moderation.review.near_duplicates import attach_to_clusters
from moderation.tuning.rollup import differences, roll_up
from moderation.tuning.versions import put_in_force
from moderation.verification.outcomes import (
    conclusive_verdicts_have_an_effect,
    effects_do_what_was_decided,
    undone_effects_are_reversed,
    uploads_have_the_status_of_their_record,
)
from moderation.verification.reviews import decided_tasks_have_one_live_verdict
from tests.factories import decide_claimed, make_screening, make_upload, make_user, version_in_force
from tests.moderation.review.near_duplicates import Cluster

pytestmark = pytest.mark.django_db


def reviewable() -> ReviewTaskQuerySet:
    return ReviewTask.objects.reviewable()


def decide(verdict: str = "violating", *, by: str = "mo") -> Decision:
    """Decide the only task that needs a review of its own."""
    (task,) = reviewable()
    claiming.claim_for(task, moderator=make_user(by))
    return decide_claimed(task, verdict)


def statuses() -> list[str]:
    return list(Upload.objects.order_by("pk").values_list("status", flat=True))


def record_holds() -> bool:
    """Assert that no rule of ``verify`` finds anything; a failure names the rule."""
    roll_up()
    rules = (
        conclusive_verdicts_have_an_effect, decided_tasks_have_one_live_verdict, effects_do_what_was_decided,
        undone_effects_are_reversed, uploads_have_the_status_of_their_record, differences,
    )  # fmt: skip
    assert [found for rule in rules for found in rule()] == []
    return True


def labels() -> tuple[int, int, int]:
    roll_up()
    rows = LedgerRow.objects.values_list("uploads", "labelled", "violating")
    return tuple(map(sum, zip(*rows, strict=True)))


def test_a_cluster_needs_one_review() -> None:
    cluster = Cluster()
    screenings = [cluster.add() for _ in range(4)]
    assert [task.screening for task in reviewable()] == screenings[:1]
    assert claiming.claim_next(make_user()).screening == screenings[0]
    assert claiming.claim_next(make_user("other")) is None


def test_one_decision_decides_all_members_and_links_to_it() -> None:
    cluster = Cluster()
    for _ in range(4):
        cluster.add()
    origin = decide()
    linked = Decision.objects.filter(carried_from=origin)
    assert linked.count() == 3
    assert statuses() == ["rejected"] * 4
    assert Effect.objects.filter(decision__in=linked, outcome="reject").count() == 3
    assert not reviewable().exists()
    assert record_holds()


def test_a_later_member_takes_the_verdict_over() -> None:
    cluster = Cluster()
    cluster.add()
    origin = decide("benign")
    later = cluster.add()
    assert Decision.objects.get(screening=later).carried_from == origin
    assert statuses() == ["approved", "approved"]
    assert record_holds()


def test_another_policy_version_is_reviewed_separately() -> None:
    cluster = Cluster()
    cluster.add()
    decide("benign")
    put_in_force(version_in_force().copy_as_draft(by=None, low=0.1), by=None, why="lower")
    later = cluster.add()
    assert [task.screening for task in reviewable()] == [later]


def test_each_drawn_member_is_a_label_and_no_other() -> None:
    cluster = Cluster()
    cluster.add()
    cluster.add()
    cluster.add(score=0.05, u=0.9)
    decide()
    assert statuses() == ["rejected"] * 3
    assert labels() == (3, 2, 2)
    assert set(DrawnUpload.objects.values_list("screening__sampling_reason", flat=True)) == {"review_band"}
    assert record_holds()


def test_what_the_machine_decided_alike_is_left_alone() -> None:
    cluster = Cluster()
    cluster.add()
    automatic = cluster.add(score=0.95, u=0.9)
    decide()
    assert not Decision.objects.filter(screening=automatic).exists()


def test_an_automatic_reject_is_lifted_without_a_review_only_for_the_same_bytes() -> None:
    cluster = Cluster()
    looked_at = cluster.add()
    decide("benign")
    cluster.add(score=0.95, u=0.9)
    same = make_upload()
    Upload.objects.filter(pk=same.pk).update(file=looked_at.upload.file)
    same.refresh_from_db()
    cluster.add(score=0.95, u=0.9, upload=same)
    assert statuses() == ["approved", "rejected", "approved"]
    assert record_holds()


def test_a_clearly_higher_score_is_reviewed_separately() -> None:
    """Another picture can be made to have this hash, so a benign verdict does not approve it."""
    cluster = Cluster()
    cluster.add(score=0.3)
    alike, higher = cluster.add(score=0.35), cluster.add(score=0.7)
    decide("benign")
    later = cluster.add(score=0.6)
    assert [task.screening for task in reviewable()] == [higher, later]
    assert Decision.objects.get(screening=alike).carried_from is not None
    assert record_holds()


def test_an_alarm_of_one_person_makes_no_audit_a_label() -> None:
    """A violating verdict in the band needs no second opinion; on an audit it does."""
    cluster = Cluster()
    cluster.add()
    audit = cluster.add(score=0.05)
    decide()
    assert [task.screening for task in reviewable()] == [audit]
    assert labels() == (2, 1, 1)


def test_a_confirmed_alarm_is_taken_over_by_a_drawn_audit() -> None:
    cluster = Cluster()
    cluster.add(score=0.05)
    cluster.add(score=0.05)
    decide(by="one")
    assert reviewable().count() == 1
    decide(by="two")
    assert labels() == (2, 2, 2)
    assert not reviewable().exists()
    assert record_holds()


def test_an_undo_takes_back_the_propagated_verdicts_which_wait_again() -> None:
    cluster = Cluster()
    for _ in range(3):
        cluster.add()
    origin = decide()
    deciding.undo(origin.task, by=origin.reviewer)
    assert statuses() == ["in_review"] * 3
    assert reviewable().count() == 1
    assert ReviewTask.objects.undecided().filter(waits_for=origin.screening).count() == 2
    assert record_holds()
    task = reviewable().get()
    deciding.decide(task, "benign", claim=Claim.from_task(task))
    assert statuses() == ["approved"] * 3
    assert record_holds()


def test_an_effect_in_force_is_reversed_for_each_member(settings: Settings) -> None:
    settings.GRACE_SECONDS = 0
    cluster = Cluster()
    for _ in range(3):
        cluster.add()
    origin = decide()
    deciding.undo(origin.task, by=origin.reviewer)
    assert Effect.objects.filter(decision__kind="undo", outcome="hold").count() == 3
    assert record_holds()


def test_where_nobody_can_tell_the_next_member_is_reviewed() -> None:
    cluster = Cluster()
    screenings = [cluster.add() for _ in range(3)]
    for name, group in (("one", "moderator"), ("two", "moderator"), ("three", "lead")):
        (task,) = reviewable()
        claiming.claim_for(task, moderator=make_user(name, group=group))
        deciding.decide(task, "cannot_tell", claim=Claim.from_task(task))
    assert [task.screening for task in reviewable()] == [screenings[1]]
    assert ClusterReview.objects.get().screening == screenings[1]
    assert record_holds()


def test_a_removed_member_is_reviewed_separately() -> None:
    cluster = Cluster()
    first, other, third = cluster.add(), cluster.add(), cluster.add()
    decide()
    lead = make_user("splitter", group="lead")
    remove_from_cluster(other.upload, reviewed=first.upload, by=lead, why="Another dog.")
    assert statuses() == ["rejected", "in_review", "rejected"]
    assert [task.screening for task in reviewable()] == [other]
    assert Fingerprint.objects.get(file=other.upload.file).cluster == other.upload.file
    assert Decision.objects.live().filter(screening=third, verdict="violating").exists()
    assert record_holds()


def test_a_member_can_be_removed_before_anybody_decides() -> None:
    cluster = Cluster()
    first, other = cluster.add(), cluster.add()
    lead = make_user("splitter", group="lead")
    remove_from_cluster(other.upload, reviewed=first.upload, by=lead, why="Another dog.")
    assert {task.screening for task in reviewable()} == {first, other}


def test_the_reviewed_member_cannot_be_removed() -> None:
    cluster = Cluster()
    first, other = cluster.add(), cluster.add()
    lead = make_user("splitter", group="lead")
    for reviewed in (first, other):
        with pytest.raises(NotInCluster, match="does not follow"):
            remove_from_cluster(first.upload, reviewed=reviewed.upload, by=lead, why="Another dog.")


def at_once(number: int, act: Callable[[int], None]) -> None:
    start = Barrier(number)

    def take_part(which: int) -> None:
        start.wait()
        act(which)
        connections.close_all()

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(take_part, range(number)))


@pytest.mark.django_db(transaction=True)
def test_members_that_come_at_once_need_one_review() -> None:
    uploads = [make_upload() for _ in range(12)]
    cluster, screenings = uploads[0].file_id, [make_screening(upload, u=0.0) for upload in uploads]

    def arrive(which: int) -> None:
        for screening in screenings[which::4]:
            with transaction.atomic():
                ReviewTask.objects.open_for([screening])
                attach_to_clusters([screening], clusters={screening.pk: cluster})

    at_once(4, arrive)
    assert reviewable().count() == 1
    assert ReviewTask.objects.undecided().filter(waits_for=reviewable().get().screening).count() == 11


@pytest.mark.django_db(transaction=True)
def test_nobody_is_left_waiting_by_a_verdict_that_comes_meanwhile() -> None:
    cluster = Cluster()
    cluster.add()
    (task,) = reviewable()
    claiming.claim_for(task, moderator=make_user())
    late = [make_screening(make_upload(), u=0.0) for _ in range(6)]

    def act(which: int) -> None:
        if which == 0:
            deciding.decide(task, "benign", claim=Claim.from_task(task))
            return
        for screening in late[which - 1 :: 3]:
            with transaction.atomic():
                ReviewTask.objects.open_for([screening])
                clusters = {screening.pk: task.screened.upload.file_id}
                attach_to_clusters([screening], clusters=clusters)

    at_once(4, act)
    assert not ReviewTask.objects.undecided().exists()
    assert Decision.objects.filter(carried_from__task=task).count() == 6

"""Removing a file from its cluster: it is another picture after all.

What it took over is undone, so only who gave that verdict may remove it, or a lead, and always with a reason.
"""

from collections.abc import Iterable

import pghistory
from django.db import transaction
from django.db.models import F

from moderation.locks import lock_clusters
from moderation.models import ClusterReview, Decision, Fingerprint, ReviewTask, Screening, Upload, User
from moderation.models.review_tasks import ReviewTaskQuerySet
from moderation.review.linked_decisions import retract
from moderation.review.near_duplicates import attach_to_clusters
from moderation.review.status import update_status


class NotInCluster(Exception):
    """The upload does not follow the one that was named, or is the one that people review for its cluster."""


class NotYourVerdict(Exception):
    """The person did not give the verdict that the upload took over, and is no lead."""


def remove_from_cluster(upload: Upload, *, reviewed: Upload, by: User, why: str) -> None:
    """Make the file of ``upload`` a cluster of its own. What its uploads took over is undone, and they are reviewed.

    ``reviewed`` is the upload whose verdict it took over. The record keeps ``why`` with each undo.

    Raises:
        NotInCluster: it does not follow ``reviewed`` any more. Nothing is written.
        NotYourVerdict: see the class. Nothing is written.
    """
    file = upload.file_id
    with pghistory.context(why=why, by=by.pk), transaction.atomic():
        cluster = Fingerprint.objects.filter(file=file).values_list("cluster_id", flat=True).first() or file
        lock_clusters([cluster, file])
        _check_follows(upload, reviewed=reviewed)
        _check_is_own_verdict(upload, by=by)
        _check_not_reviewed_for_others(upload, cluster=cluster)
        member = Fingerprint.objects.filter(file=file, cluster=cluster).exclude(cluster=F("file"))
        if member.update(cluster=F("file")) != 1:
            raise NotInCluster(f"{upload} is in a cluster of its own already. Nothing was changed.")
        linked = Decision.objects.live().filter(upload__file=file, carried_from__isnull=False)
        retract(linked.exclude(carried_from__upload__file=file), by=by, waits_for=None, why=why)
        _review_separately(file)


def tasks_following(reviewed: Upload) -> ReviewTaskQuerySet:
    """Tasks of near-duplicates whose verdict is, or will be, the one on ``reviewed``."""
    reviews = ClusterReview.objects.filter(screening__upload=reviewed)
    return ReviewTask.objects.filter(
        waits_for__in=Screening.objects.filter(cluster_review__in=reviews), withdrawn_at=None
    ).exclude(upload__file=reviewed.file_id)


def may_remove(tasks: Iterable[ReviewTask], *, by: User) -> set[int]:
    """Return those of the following ``tasks``, by id, whose uploads ``by`` may remove: all of them for a lead."""
    pks = {task.pk for task in tasks}
    if by.is_lead:
        return pks
    taken_over = Decision.objects.live().filter(task__in=pks, carried_from__reviewer=by)
    return set(taken_over.values_list("task_id", flat=True))


def _check_follows(upload: Upload, *, reviewed: Upload) -> None:
    if not tasks_following(reviewed).filter(upload=upload).exists():
        raise NotInCluster(
            f"{upload} does not follow {reviewed}, or was removed already. Nothing was changed. Reload the page to see "
            "what does."
        )


def _check_is_own_verdict(upload: Upload, *, by: User) -> None:
    """Refuse where another person's verdict would be undone; a lead may do so."""
    taken_over = Decision.objects.live().filter(upload__file=upload.file_id, carried_from__isnull=False)
    if not by.is_lead and (not taken_over.exists() or taken_over.exclude(carried_from__reviewer=by).exists()):
        raise NotYourVerdict(
            f"You did not give the verdict that {upload} follows. Nothing was changed. Ask a lead to remove it."
        )


def _check_not_reviewed_for_others(upload: Upload, *, cluster: int) -> None:
    reviewed = ClusterReview.objects.filter(cluster=cluster, screening__upload__file=upload.file_id)
    if cluster != upload.file_id and reviewed.exists():
        raise NotInCluster(
            f"{upload} is the one that people review for its near-duplicates. Nothing was changed. Remove the other "
            "pictures from the cluster instead."
        )


def _review_separately(file: int) -> None:
    """Let the file's uploads wait for nobody else; one of them is reviewed."""
    tasks = ReviewTask.objects.undecided().filter(upload__file=file, kind=ReviewTask.Kind.SCREENING)
    tasks.update(waits_for=None)
    screenings = Screening.objects.live().filter(tasks__in=tasks).select_related("policy_version", "upload").distinct()
    attach_to_clusters(list(screenings), clusters=dict.fromkeys(screenings.values_list("pk", flat=True), file))
    update_status(Upload.objects.filter(file=file))

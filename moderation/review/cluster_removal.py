"""Removing a file from its cluster: it is another picture after all."""

import pghistory
from django.db import transaction
from django.db.models import F

from moderation.locks import lock_clusters
from moderation.models import ClusterReview, Decision, Fingerprint, ReviewTask, Screening, Upload, User
from moderation.review.linked_decisions import retract
from moderation.review.near_duplicates import attach_to_clusters
from moderation.review.status import update_status


class NotInCluster(Exception):
    """The file is in no other cluster than its own, or is the one that people review for its cluster."""


def remove_from_cluster(upload: Upload, *, by: User) -> None:
    """Make the file of ``upload`` a cluster of its own. What its uploads took over is undone, and they are reviewed.

    Raises:
        NotInCluster: there is no cluster to remove it from. Nothing is written.
    """
    file = upload.file_id
    with pghistory.context(why="not the same picture", by=by.pk), transaction.atomic():
        cluster = Fingerprint.objects.filter(file=file).values_list("cluster_id", flat=True).first() or file
        lock_clusters([cluster, file])
        _check_not_reviewed_for_others(upload, cluster=cluster)
        member = Fingerprint.objects.filter(file=file, cluster=cluster).exclude(cluster=F("file"))
        if member.update(cluster=F("file")) != 1:
            raise NotInCluster(f"{upload} is in a cluster of its own already. Nothing was changed.")
        linked = Decision.objects.live().filter(upload__file=file, carried_from__isnull=False)
        retract(linked.exclude(carried_from__upload__file=file), by=by, waits_for=None)
        _review_separately(file)


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

"""Taking a file out of its cluster: it was not the same picture after all."""

import pghistory
from django.db import transaction
from django.db.models import F

from moderation.models.cluster_reviews import ClusterReview, lock_clusters
from moderation.models.decisions import Decision
from moderation.models.fingerprints import Fingerprint
from moderation.models.people import User
from moderation.models.review_tasks import ReviewTask
from moderation.models.screenings import Screening
from moderation.models.uploads import Upload
from moderation.review.near_duplicates import attach_to_clusters, retract
from moderation.review.status import update_status


class NotInCluster(Exception):
    """The file stands for itself already, or is the one that people look at."""


def remove_from_cluster(upload: Upload, *, by: User) -> None:
    """Let the file of ``upload`` stand for itself: what its uploads took over is undone, and they are asked about.

    Raises:
        NotTornOut: there is nothing to be torn out of. Nothing is written.
    """
    file = upload.file_id
    with pghistory.context(why="not the same picture", by=by.pk), transaction.atomic():
        cluster = Fingerprint.objects.filter(file=file).values_list("cluster_id", flat=True).first() or file
        lock_clusters([cluster, file])
        _refuse_what_is_looked_at(upload, cluster=cluster)
        member = Fingerprint.objects.filter(file=file, cluster=cluster).exclude(cluster=F("file"))
        if member.update(cluster=F("file")) != 1:
            raise NotInCluster(f"{upload} stands for itself already. Nothing was changed.")
        linked = Decision.objects.live().filter(upload__file=file, carried_from__isnull=False)
        retract(linked.exclude(carried_from__upload__file=file), by=by, tasks=ReviewTask.objects.all(), waits_for=None)
        _ask_about(file)


def _refuse_what_is_looked_at(upload: Upload, *, cluster: int) -> None:
    looked_at = ClusterReview.objects.filter(cluster=cluster, screening__upload__file=upload.file_id)
    if cluster != upload.file_id and looked_at.exists():
        raise NotInCluster(
            f"{upload} is the one that people look at for its near-duplicates. Nothing was changed. "
            "Take those out that are another picture."
        )


def _ask_about(file: int) -> None:
    """Its uploads wait for nobody else; of several, one is looked at."""
    tasks = ReviewTask.objects.undecided().filter(upload__file=file, kind=ReviewTask.Kind.SCREENING)
    tasks.update(waits_for=None)
    asked = list(Screening.objects.live().filter(tasks__in=tasks).select_related("policy_version", "upload").distinct())
    attach_to_clusters(asked, clusters={each.pk: file for each in asked}, tasks=ReviewTask.objects.all())
    update_status(Upload.objects.filter(file=file))

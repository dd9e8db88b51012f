"""One look for all that are nearly the same picture: whose verdict they wait for, and take over."""

from collections.abc import Iterable
from typing import Self

from django.db import connection, models

from moderation.models.classifiers import Classifier
from moderation.models.screenings import Screening
from moderation.models.tracking import never_deleted, tracked
from moderation.models.uploads import StoredFile
from moderation.models.versions import PolicyVersion

# Advisory locks of clusters: (this, file id).
CLUSTER_LOCKS = 20_483
# By what verdicts may be shared: the file that stands for the cluster, policy version, classifier.
ClusterKey = tuple[int, int, int]


class ClusterReviewQuerySet(models.QuerySet["ClusterReview"]):
    def by_key(self, clusters: Iterable[int]) -> dict[ClusterKey, "ClusterReview"]:
        looks = self.filter(cluster__in=set(clusters)).select_related("screening__policy_version")
        return {look.key: look for look in looks}

    def hand_on(self, look: "ClusterReview", *, to: Screening) -> None:
        """Another member is looked at in place of the one before."""
        self.filter(pk=look.pk).update(screening=to)
        look.screening = to


@tracked()
class ClusterReview(models.Model):
    """Which member of a cluster is looked at, under one policy version and by one classifier's scores."""

    cluster = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="cluster_reviews")
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="cluster_reviews")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="cluster_reviews")
    screening = models.OneToOneField(Screening, on_delete=models.PROTECT, related_name="cluster_review")

    objects = ClusterReviewQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "policy_version", "classifier"], name="one_review_per_cluster_version_and_classifier"
            )
        ]

    def __str__(self) -> str:
        return f"look at {self.screening} for {self.cluster}"

    @classmethod
    def at(cls, screening: Screening, *, cluster: int) -> Self:
        """An unsaved one."""
        return cls(
            cluster_id=cluster,
            policy_version_id=screening.policy_version_id,
            classifier_id=screening.classifier_id,
            screening=screening,
        )

    @property
    def key(self) -> ClusterKey:
        return self.cluster_id, self.policy_version_id, self.classifier_id


def lock_clusters(clusters: Iterable[int]) -> None:
    """Until the transaction ends, nobody else opens, decides, undoes or splits a task of these clusters.

    Taken before any row is locked, the smallest first: so nobody waits in a circle.
    """
    with connection.cursor() as cursor:
        keys = sorted({cluster % 2**31 for cluster in clusters})
        cursor.execute("SELECT pg_advisory_xact_lock(%s, key) FROM unnest(%s::int[]) key", [CLUSTER_LOCKS, keys])

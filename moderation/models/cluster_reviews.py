"""One review for all files that are nearly the same picture: which member of a cluster people review."""

from collections.abc import Iterable
from typing import Self

from django.db import models

from moderation.models.classifiers import Classifier
from moderation.models.screenings import Screening
from moderation.models.tracking import never_deleted, tracked
from moderation.models.uploads import StoredFile
from moderation.models.versions import PolicyVersion

# What members share a verdict by: the cluster's file, the policy version and the classifier, by their ids.
ClusterKey = tuple[int, int, int]


class ClusterReviewQuerySet(models.QuerySet["ClusterReview"]):
    def by_key(self, clusters: Iterable[int]) -> dict[ClusterKey, "ClusterReview"]:
        """Return the reviews of ``clusters`` with their screenings and policy versions."""
        reviews = self.filter(cluster__in=set(clusters)).select_related("screening__policy_version")
        return {review.key: review for review in reviews}


@tracked()
class ClusterReview(models.Model):
    """The member of a cluster that people review, under one policy version and by one classifier's scores."""

    cluster = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="cluster_reviews")
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="cluster_reviews")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="cluster_reviews")
    screening = models.OneToOneField(Screening, on_delete=models.PROTECT, related_name="cluster_review")

    objects = ClusterReviewQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "policy_version", "classifier"],
                name="one_review_per_cluster_version_and_classifier",
            )
        ]

    def __str__(self) -> str:
        return f"review of {self.screening} for {self.cluster}"

    @classmethod
    def of(cls, screening: Screening, *, cluster: int) -> Self:
        """Build an unsaved row that makes ``screening`` the reviewed member of ``cluster``."""
        return cls(
            cluster_id=cluster,
            policy_version_id=screening.policy_version_id,
            classifier_id=screening.classifier_id,
            screening=screening,
        )

    @property
    def key(self) -> ClusterKey:
        return self.cluster_id, self.policy_version_id, self.classifier_id

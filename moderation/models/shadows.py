"""Classifiers in the shadow of a policy: they score along, and decide nothing."""

from collections.abc import Collection
from typing import Any, Self

from django.db import models
from django.db.models import Count, Max, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Least, Now

from moderation.models.classifiers import Classifier, Score
from moderation.models.label_score import Combination, combine
from moderation.models.people import User
from moderation.models.policies import Policy
from moderation.models.screenings import Screening, ScreeningQuerySet
from moderation.models.tracking import never_deleted, tracked


class ShadowQuerySet(models.QuerySet["Shadow"]):
    def open(self) -> Self:
        return self.filter(ended_at=None)

    def end(self, *, why: str, by: User | None) -> int:
        """Ask them no more from the next pre-screen on; how many that were."""
        return self.open().update(ended_at=Now(), why_ended=why, ended_by=by)


@tracked()
class Shadow(models.Model):
    """A classifier that every pre-screen asks too, over the same decode, while another one rules the policy.

    Its scores are rows like any others. ``labels`` and ``combination`` say how they make the one probability.
    """

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="shadows")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="shadows")
    labels = models.JSONField()
    combination = models.CharField(max_length=3, choices=Combination, default=Combination.MAX)
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    started_at = models.DateTimeField(db_default=Now())
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    why_ended = models.CharField(max_length=500, blank=True)

    objects = ShadowQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "classifier"],
                condition=Q(ended_at=None),
                name="one_open_shadow_per_policy_and_classifier",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, why_ended="") | Q(ended_at__isnull=False) & ~Q(why_ended=""),
                name="a_shadow_that_ended_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.classifier} in the shadow of {self.policy}"

    def combine(self, scores: dict[str, float]) -> float:
        """The one probability that would be compared with thresholds."""
        return combine([scores[label] for label in self.labels], combination=self.combination)

    def beside(self, screenings: ScreeningQuerySet) -> ScreeningQuerySet:
        """``screenings`` with ``shadow``, the combined score that this classifier gave their files, or NULL."""
        return screenings.annotate(shadow=Subquery(self._combined(OuterRef("upload__file"))))

    def compared(self) -> ScreeningQuerySet:
        """The live screenings of the policy by the classifier that rules it now, each ``beside`` the shadow's score.

        Communities have thresholds of their own and are left out, and so is what a person looks at whatever its score.
        """
        ruling = self.policy.versions.root().in_force().values("classifier")
        live = Screening.objects.live().filter(policy=self.policy, policy_version__community=None, untrusted="")
        return self.beside(live.filter(classifier=Subquery(ruling)))

    def _combined(self, file: OuterRef) -> models.QuerySet[Score, Any]:
        scores = Score.objects.by(self.classifier).filter(file=file, label__in=self.labels)
        value = Max("value") if self.combination == Combination.MAX else Least(Sum("value"), Value(1.0))
        whole = scores.order_by().values("file").annotate(known=Count("pk"), combined=value)
        return whole.filter(known=len(self.labels)).values("combined")


def in_shadow(policies: Collection[int]) -> list[Shadow]:
    """The open shadows of these policies, oldest first, with their classifiers."""
    return list(Shadow.objects.open().filter(policy__in=policies).select_related("classifier").order_by("pk"))

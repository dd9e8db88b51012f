"""Shadow mode: classifiers that score along under a policy and decide nothing."""

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
    def current(self) -> Self:
        """Shadows that have not ended."""
        return self.filter(ended_at=None)

    def end(self, *, why: str, by: User | None) -> int:
        """End the current ones from the next pre-screen on, and return their number."""
        return self.current().update(ended_at=Now(), why_ended=why, ended_by=by)


@tracked()
class Shadow(models.Model):
    """A classifier in shadow mode under a policy: every pre-screen computes its scores too, from the same decode.

    Its scores are stored like all others. ``labels`` and ``combination`` define the probability that they make.
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
        return f"{self.classifier} in shadow mode for {self.policy}"

    def combine(self, scores: dict[str, float]) -> float:
        """Return the probability that would be compared with thresholds."""
        return combine([scores[label] for label in self.labels], combination=self.combination)

    def with_shadow_scores(self, screenings: ScreeningQuerySet) -> ScreeningQuerySet:
        """Annotate ``screenings`` with ``shadow``, this classifier's combined score of their file, or NULL."""
        return screenings.annotate(shadow=Subquery(self._combined(OuterRef("upload__file"))))

    def comparable_screenings(self) -> ScreeningQuerySet:
        """Return the policy's live screenings by its active classifier, annotated with the shadow's score.

        Screenings under a community's own thresholds and those with an untrusted score are left out, because their
        routes cannot be compared.
        """
        active = self.policy.versions.root().in_force().values("classifier")
        live = Screening.objects.live().filter(policy=self.policy, policy_version__community=None, untrusted="")
        return self.with_shadow_scores(live.filter(classifier=Subquery(active)))

    def _combined(self, file: OuterRef) -> models.QuerySet[Score, Any]:
        scores = Score.objects.by(self.classifier).filter(file=file, label__in=self.labels)
        value = Max("value") if self.combination == Combination.MAX else Least(Sum("value"), Value(1.0))
        whole = scores.order_by().values("file").annotate(known=Count("pk"), combined=value)
        return whole.filter(known=len(self.labels)).values("combined")


def current_shadows(policies: Collection[int]) -> list[Shadow]:
    """Return the current shadows of these policies, oldest first, with their classifiers."""
    return list(Shadow.objects.current().filter(policy__in=policies).select_related("classifier").order_by("pk"))

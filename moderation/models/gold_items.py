"""Gold items: uploads whose right verdict is known, served like any other task to measure what people miss."""

from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from moderation.models.decisions import Decision
from moderation.models.epochs import Epoch
from moderation.models.people import User
from moderation.models.policies import Policy
from moderation.models.review_tasks import Skip
from moderation.models.screenings import Screening
from moderation.models.tracking import never_deleted, tracked


class GoldItemQuerySet(models.QuerySet["GoldItem"]):
    def active(self) -> Self:
        """Items in use: not retired, and marked under the policy text in force, as another text has other truths."""
        text = Epoch.objects.filter(
            policy=OuterRef("policy"), closed_at=None, text_sha256=OuterRef("screening__epoch__text_sha256")
        )
        return self.filter(Exists(text), retired_at=None, screening__upload__erased_at=None)

    def new_to(self, moderator: User) -> Self:
        """Items that the moderator neither marked nor skipped, with bytes that they never gave a verdict on.

        None for people who may read the list of gold items.
        """
        if moderator.has_perm("moderation.publish_thresholds"):
            return self.none()
        seen = Decision.objects.verdicts().filter(reviewer=moderator, upload__file=OuterRef("screening__upload__file"))
        skipped = Skip.objects.live().filter(moderator=moderator, task__screening=OuterRef("screening"))
        return self.filter(~Exists(seen), ~Exists(skipped)).exclude(marked_by=moderator)


@tracked()
class GoldItem(models.Model):
    """One upload under one policy with the right verdict. Verdicts of people on it change nothing about the upload."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="gold_items")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="gold_items")
    truth = models.CharField(max_length=9, choices=[("violating", "violating"), ("benign", "benign")])
    why = models.CharField(max_length=500)
    marked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="gold_items")
    marked_at = models.DateTimeField(db_default=Now())
    retired_at = models.DateTimeField(null=True, blank=True)
    why_retired = models.CharField(max_length=500, blank=True)

    objects = GoldItemQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(
                fields=["screening"], condition=Q(retired_at=None), name="one_truth_per_screening_at_a_time"
            ),
            models.CheckConstraint(condition=Q(truth__in=["violating", "benign"]), name="the_truth_is_conclusive"),
            models.CheckConstraint(condition=~Q(why=""), name="a_truth_says_how_it_is_known"),
            models.CheckConstraint(
                condition=Q(retired_at=None, why_retired="") | Q(retired_at__isnull=False) & ~Q(why_retired=""),
                name="retired_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.truth}: {self.screening.upload}"

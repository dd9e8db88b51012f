"""Uploads that a hash list routed. A match replaces a screening: it has no score, no audit and is never a label."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation.decoding.fingerprints import BITS, RADIUS
from moderation.models.hash_lists import HashEntry
from moderation.models.policies import Policy
from moderation.models.screening_runs import ScreeningRun
from moderation.models.tracking import immutable_except, never_deleted, tracked_changes
from moderation.models.uploads import Upload
from moderation.routing import Route


class HashMatchQuerySet(models.QuerySet["HashMatch"]):
    def live(self) -> Self:
        return self.filter(superseded=False)

    def with_list(self) -> Self:
        return self.select_related("policy", "entry__hash_list")


@tracked_changes()
class HashMatch(models.Model):
    """One upload that matches an entry, under the list's policy. Immutable; contesting the entry supersedes it."""

    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="hash_matches")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="hash_matches")
    entry = models.ForeignKey(HashEntry, on_delete=models.PROTECT, related_name="matches")
    run = models.ForeignKey(ScreeningRun, on_delete=models.PROTECT, related_name="hash_matches")
    distance = models.PositiveSmallIntegerField(help_text="The number of bits that differ; 0 for the same bytes.")
    route = models.CharField(max_length=7, choices=[("approve", "approve"), ("reject", "reject")])
    superseded = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    objects = HashMatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "hash matches"
        triggers = [immutable_except("superseded"), never_deleted()]
        constraints = [
            models.UniqueConstraint(
                fields=["upload", "policy"], condition=Q(superseded=False), name="one_live_match_per_upload_and_policy"
            ),
            models.CheckConstraint(condition=Q(distance__lte=RADIUS), name="a_match_lies_within_the_radius"),
            models.CheckConstraint(
                condition=Q(route__in=["approve", "reject"]), name="a_match_is_approved_or_rejected"
            ),
        ]
        indexes = [
            # Serves the number of uploads that each list matched in the last 28 days (hashlists.counts).
            models.Index(fields=["created_at"], name="hashmatch_created_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.upload} on {self.entry}"

    @property
    def pair(self) -> tuple[int, int]:
        return self.upload_id, self.policy_id

    @property
    def automatic_outcome(self) -> Route:
        """The list's decision, named as a screening's is. A list never sends an upload to review."""
        return Route(self.route)

    @property
    def how(self) -> str:
        if self.entry.algorithm != HashEntry.Algorithm.PDQ:
            return f"{self.entry.get_algorithm_display()}: the same bytes"
        return f"PDQ, {self.distance} bit{'' if self.distance == 1 else 's'} of {BITS} differ"

    @property
    def summary(self) -> str:
        """The list, and how it matched: for people and for programs."""
        listed_on = self.entry.hash_list
        return f"{listed_on.get_kind_display()} by list {listed_on} ({self.how})"

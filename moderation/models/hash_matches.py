"""Uploads that a hash list routed: in the place of a screening, without score, coin or label."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation.decoding.fingerprints import BITS, RADIUS
from moderation.models.hash_lists import HashEntry
from moderation.models.policies import Policy
from moderation.models.screenings import ScreeningRun
from moderation.models.tracking import immutable_but_for, never_deleted, tracked_changes
from moderation.models.uploads import Upload
from moderation.routing import Route


class HashMatchQuerySet(models.QuerySet["HashMatch"]):
    def live(self) -> Self:
        return self.filter(superseded=False)

    def with_list(self) -> Self:
        return self.select_related("policy", "entry__hash_list")


@tracked_changes()
class HashMatch(models.Model):
    """One upload that an entry of a list knows, under the list's policy. Immutable, but that a contest withdraws it."""

    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="hash_matches")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="hash_matches")
    entry = models.ForeignKey(HashEntry, on_delete=models.PROTECT, related_name="matches")
    run = models.ForeignKey(ScreeningRun, on_delete=models.PROTECT, related_name="hash_matches")
    distance = models.PositiveSmallIntegerField(help_text="Bits that differ; 0 for the same bytes.")
    route = models.CharField(max_length=7, choices=[("approve", "approve"), ("reject", "reject")])
    superseded = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    objects = HashMatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "hash matches"
        triggers = [immutable_but_for("superseded"), never_deleted()]
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
            # Serves how many uploads each list matched in the last 28 days.
            models.Index(fields=["created_at"], name="hashmatch_created_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.upload} on {self.entry}"

    @property
    def pair(self) -> tuple[int, int]:
        return self.upload_id, self.policy_id

    @property
    def automatic_outcome(self) -> Route:
        """What the list alone decided, as of a screening; it never leaves anything to a person."""
        return Route(self.route)

    @property
    def how(self) -> str:
        if self.entry.algorithm == HashEntry.Algorithm.SHA256:
            return "sha256: the same bytes"
        return f"PDQ, {self.distance} bit{'' if self.distance == 1 else 's'} of {BITS} differ"

    @property
    def told(self) -> str:
        """Which list, and how: for people and for programs."""
        listed_on = self.entry.hash_list
        return f"{listed_on.get_kind_display()} by list {listed_on} ({self.how})"

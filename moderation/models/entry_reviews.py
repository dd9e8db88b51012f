"""Reviews of hash list entries by people of this platform."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation.models.hash_lists import HashEntry
from moderation.models.hash_matches import HashMatch
from moderation.models.people import User
from moderation.models.tracking import append_only


class EntryReviewQuerySet(models.QuerySet["EntryReview"]):
    def latest_first(self) -> Self:
        return self.order_by("-pk").select_related("by", "match")


class EntryReview(models.Model):
    """One person confirms or contests an entry, usually because of a match. Append-only; the latest review counts."""

    entry = models.ForeignKey(HashEntry, on_delete=models.PROTECT, related_name="reviews")
    match = models.ForeignKey(HashMatch, on_delete=models.PROTECT, null=True, blank=True, related_name="entry_reviews")
    state = models.CharField(max_length=11, choices=HashEntry.ReviewState)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="entry_reviews")
    why = models.CharField(max_length=500, blank=True)
    given_at = models.DateTimeField(db_default=Now())

    objects = EntryReviewQuerySet.as_manager()

    class Meta:
        triggers = [append_only()]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["confirmed", "contested"]), name="an_entry_review_confirms_or_contests"
            ),
            models.CheckConstraint(condition=~Q(state="contested") | ~Q(why=""), name="a_contest_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.entry} {self.state}"

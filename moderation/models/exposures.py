"""Exposures: which person saw which image unblurred, and when."""

import uuid
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from moderation.models.people import User
from moderation.models.tracking import append_only
from moderation.models.uploads import Upload


class ExposureQuerySet(models.QuerySet["Exposure"]):
    def holding(self) -> Self:
        """Reveals outside the queue that are not older than a claim can become without renewal."""
        return self.filter(task=None, revealed_at__gt=Now() - timedelta(seconds=settings.CLAIM_SECONDS))

    def reveal(self, upload: Upload, *, person: User) -> "Exposure":
        """Record that ``person`` sees the clear image outside the queue. The exposure gets a token of its own."""
        return self.create(person=person, upload=upload, claim_token=uuid.uuid4())


class Exposure(models.Model):
    """One reveal of an unblurred image to one person: one per claim.

    Outside the queue, on a page that compares classifiers, there is no task, and the token belongs to this reveal.
    """

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="exposures")
    task = models.ForeignKey(
        "moderation.ReviewTask", on_delete=models.PROTECT, null=True, blank=True, related_name="exposures"
    )
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="exposures")
    claim_token = models.UUIDField(unique=True)
    revealed_at = models.DateTimeField(db_default=Now())

    objects = ExposureQuerySet.as_manager()

    class Meta:
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.person} saw {self.upload}"

"""Certificates of error rates, which rest on the closed days of the ledger."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from moderation.formatting import day
from moderation.models.epochs import Epoch
from moderation.models.people import User
from moderation.models.tracking import never_deleted, tracked


class CertificateQuerySet(models.QuerySet["Certificate"]):
    def valid(self) -> Self:
        """Certificates that are not withdrawn, not at their end, and in an open epoch."""
        return self.filter(withdrawn_at=None, ends_at__gt=Now(), epoch__closed_at=None)


@tracked()
class Certificate(models.Model):
    """A certified claim "risk < target"; ``content`` holds everything that is needed to recompute it."""

    class Risk(models.TextChoices):
        LEAK = "leak", "violating among the approved"  # approved by the machine, as in the others
        MISS = "miss", "approved among the violating"
        WRONGFUL = "wrongful", "benign among the rejected"
        ESCAPES = "escapes", "violating and approved among all"

    epoch = models.ForeignKey(Epoch, on_delete=models.PROTECT, related_name="certificates")
    risk = models.CharField(max_length=8, choices=Risk)
    target = models.FloatField()
    delta = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    first_day = models.DateField()
    last_day = models.DateField()
    log_e = models.FloatField()
    content = models.JSONField(help_text="Counts per rate class and everything else that log E follows from.")
    code_version = models.CharField(max_length=40)
    issued_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    issued_at = models.DateTimeField(db_default=Now())
    ends_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    why_withdrawn = models.CharField(max_length=500, blank=True)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.CheckConstraint(
                condition=Q(target__gt=0, target__lt=1, delta__gt=0, delta__lt=1), name="a_claim_lies_between_0_and_1"
            ),
            models.CheckConstraint(condition=Q(low__lte=F("high")), name="certified_thresholds_are_in_order"),
            models.CheckConstraint(condition=Q(first_day__lte=F("last_day")), name="a_certificate_covers_a_day"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, why_withdrawn="") | Q(withdrawn_at__isnull=False) & ~Q(why_withdrawn=""),
                name="withdrawn_for_a_reason",
            ),
            # Evidence is used once: a later certificate of the same claim rests on later days.
            models.UniqueConstraint(
                fields=["epoch", "risk", "target", "delta", "low", "high", "first_day"],
                name="one_certificate_per_claim_and_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.risk} below {self.target:g} at [{self.low:g}, {self.high:g}], to {day(self.last_day)}"

    @property
    def why_invalid(self) -> str:
        """The reason why the certificate is no longer valid; empty while it is."""
        if self.withdrawn_at is not None:
            return f"withdrawn on {day(self.withdrawn_at)}: {self.why_withdrawn}"
        if self.epoch.closed_at is not None:
            return f"ended with epoch {self.epoch_id} on {day(self.epoch.closed_at)}: {self.epoch.why_closed}"
        return "" if self.ends_at > timezone.now() else "ended 90 days after its last day"

"""Epochs, the spans of time in which evidence adds up."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation.models.policies import Policy
from moderation.models.tracking import never_deleted, tracked


class Epoch(models.Model):
    """A span in which all verdicts are evidence about one policy text, classifier and preprocessing.

    Moving thresholds does not end it. ``pi_floor`` is the smallest sampling probability by risk; publishing a smaller
    one opens a new epoch. ``start_low`` and ``start_high`` are in force at its opening, and the sequence of
    certificates starts there.
    """

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="epochs")
    text_sha256 = models.CharField(max_length=64)
    classifier = models.ForeignKey("moderation.Classifier", on_delete=models.PROTECT, related_name="epochs")
    preprocessing_version = models.CharField(
        max_length=60, help_text="The version of its scores: Classifier.score_version."
    )
    secret = models.BinaryField(max_length=32)
    grid = models.JSONField()
    start_low = models.FloatField()
    start_high = models.FloatField()
    targets = models.JSONField()
    delta = models.FloatField(default=0.05)
    pi_floor = models.JSONField()
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)
    why_opened = models.CharField(max_length=500)
    why_closed = models.CharField(max_length=500, blank=True)

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(fields=["policy"], condition=Q(closed_at=None), name="one_open_epoch_per_policy")
        ]

    def __str__(self) -> str:
        return f"epoch {self.pk} of {self.policy}"


# The history leaves out the secret, so that nobody who reads it can predict the coin.
tracked(exclude=["secret"])(Epoch)

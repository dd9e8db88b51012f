"""Epochs, the spans of time in which evidence adds up."""

import secrets
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation.models.policies import Policy
from moderation.models.threshold_grid import GRID
from moderation.models.tracking import never_deleted, tracked

if TYPE_CHECKING:
    from moderation.models.versions import PolicyVersion


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


def epoch_for(version: "PolicyVersion", *, root: "PolicyVersion", why: str) -> Epoch:
    """Return the open epoch if it can go on under ``version``; otherwise close it and open a new one.

    The caller has locked the policy.
    """
    assert root.classifier is not None
    current = _open_epoch(version)
    if current is not None:
        change = _ending_change(current, version, root=root)
        if not change:
            return current
        Epoch.objects.filter(pk=current.pk).update(closed_at=Now(), why_closed=change)
        why = change
    return Epoch.objects.create(
        policy=version.policy,
        text_sha256=root.text_sha256,
        classifier=root.classifier,
        preprocessing_version=root.classifier.score_version,
        secret=secrets.token_bytes(32),
        grid=GRID,
        start_low=version.low,
        start_high=version.high,
        targets=version.targets,
        pi_floor=version.smallest_rates(),
        why_opened=why,
    )


def why_new_epoch(version: "PolicyVersion", *, root: "PolicyVersion") -> str:
    """Return why publishing ``version`` would open a new epoch; empty if the open epoch would go on."""
    current = _open_epoch(version)
    return _ending_change(current, version, root=root) if current else "It is the first epoch."


def _open_epoch(version: "PolicyVersion") -> Epoch | None:
    return Epoch.objects.filter(policy=version.policy, closed_at=None).first()


def _ending_change(epoch: Epoch, version: "PolicyVersion", *, root: "PolicyVersion") -> str:
    """Return the change that keeps ``epoch`` from going on under ``version``; empty if there is none."""
    assert root.classifier is not None
    if epoch.text_sha256 != root.text_sha256:
        return "The policy's text changed."
    before = epoch.versions.filter(community=None).order_by("pk").first()
    if before and (before.labels, before.combination) != (root.labels, root.combination):
        return "The labels of the score, or their combination, changed."
    if (epoch.classifier_id, epoch.preprocessing_version) != (
        root.classifier.pk,
        root.classifier.score_version,
    ):
        return "The classifier or its preprocessing changed."
    if lower := [risk for risk, pi in version.pi_floor.items() if pi < epoch.pi_floor[risk]]:
        return f"An audit rate fell below the epoch's floor ({', '.join(lower)})."
    return ""

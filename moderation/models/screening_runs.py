"""Runs of the pre-screen, and the files that their workers are busy with."""

from collections import Counter
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from moderation.models.uploads import StoredFile
from moderation.models.versions import PolicyVersion


class ScreeningRun(models.Model):
    """One run of the pre-screen: its options and its counts."""

    class State(models.TextChoices):
        RUNNING = "running", "running"  # or killed, and not yet found
        DONE = "done", "done"  # no work was left
        STOPPED = "stopped", "stopped with work left"  # by its limits, or on request
        FAILED = "failed", "failed"  # ended by an error
        INTERRUPTED = "interrupted", "interrupted"  # killed; a later run found it

    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    options = models.JSONField(default=dict)
    policy_versions = models.ManyToManyField(
        PolicyVersion, related_name="runs", help_text="The versions in force when it began."
    )
    started_at = models.DateTimeField(db_default=Now())
    worked_until = models.DateTimeField(null=True, blank=True, help_text="The time of its last commit.")
    finished_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    work_left = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Uploads left when it ended; unknown if it was killed."
    )

    class Meta:
        permissions = [("see_runs", "Can see the runs of the pre-screen and their reports")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="running", finished_at=None) | ~Q(state="running") & Q(finished_at__isnull=False),
                name="a_run_that_ended_says_when",
            )
        ]
        indexes = [
            # Serves reports and /metrics: the runs of one night and of the last 28, and the last run that ended.
            models.Index(fields=["-started_at"], name="screeningrun_started_idx"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("run", args=[self.pk])

    @property
    def mode(self) -> str:
        """Its work: "pending" uploads; "rescore" for stored scores; "shadows" for classifiers in shadow mode."""
        return str(self.options.get("mode", "pending"))

    @property
    def is_dry(self) -> bool:
        return bool(self.options.get("dry_run"))

    @property
    def screens(self) -> bool:
        """Whether it screens pending uploads, so that its counts are of uploads that it screened."""
        return self.mode == "pending" and not self.is_dry

    @property
    def sees_all(self) -> bool:
        """Whether it covers every pending upload, so that `work_left` counts all policies and ages."""
        return self.screens and not self.options.get("policy") and not self.options.get("since")

    @property
    def until(self) -> datetime:
        """The time at which it ended; now, if it is still running."""
        return self.finished_at or timezone.now()

    def add(self, counts: Counter[str]) -> None:
        """Add to the run's counts, in the transaction that does the counted work; locks the run's row until its end."""
        run = ScreeningRun.objects.select_for_update().get(pk=self.pk)
        ScreeningRun.objects.filter(pk=self.pk).update(counts=dict(Counter(run.counts) + counts), worked_until=Now())


class ScreeningAttempt(models.Model):
    """A file that a worker is busy with; the row is written outside the worker's transaction.

    If the worker dies, the row stays. The command that watches the worker then marks the file as suspect, so it is
    screened alone next time. If a worker dies again with that file alone, the file is quarantined.
    """

    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="attempts")
    run = models.ForeignKey(ScreeningRun, on_delete=models.PROTECT, related_name="attempts")
    worker = models.CharField(max_length=40)
    suspect = models.BooleanField(default=False)
    started_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "worker"], name="one_attempt_per_file_and_worker")]

    def __str__(self) -> str:
        return f"{self.worker} at {self.file}"

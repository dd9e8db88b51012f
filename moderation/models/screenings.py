"""Runs of the pre-screen, the files that their workers are busy with, and the row that records each screening."""

from collections import Counter
from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from moderation.decoding.views import appearance_of
from moderation.models.classifiers import Classifier, Score, ScoreQuerySet
from moderation.models.epochs import Epoch
from moderation.models.frames import FrameView, ranked_frames
from moderation.models.policies import Policy
from moderation.models.tracking import immutable_except, never_deleted, tracked_changes
from moderation.models.uploads import StoredFile, Upload
from moderation.models.versions import PolicyVersion
from moderation.routing import Draw, Route, SamplingReason


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


class ScreeningQuerySet(models.QuerySet["Screening"]):
    def live(self) -> Self:
        """Screenings that no re-score has superseded."""
        return self.filter(superseded=False)


@tracked_changes()
class Screening(models.Model):
    """One upload scored and routed under one policy. Immutable, except that a re-score supersedes it."""

    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="screenings")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="screenings")
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="screenings")
    epoch = models.ForeignKey(Epoch, on_delete=models.PROTECT, related_name="screenings")
    run = models.ForeignKey(ScreeningRun, on_delete=models.PROTECT, related_name="screenings")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="screenings")
    preprocessing_version = models.CharField(max_length=60)
    score = models.FloatField(help_text="The score that was compared with the thresholds.")
    # The view that gave the score, which people see first.
    frame = models.PositiveIntegerField(default=0)
    view = models.PositiveIntegerField(default=0, help_text="The view of the frame: 100 x rendering + part.")
    box = ArrayField(
        models.FloatField(), size=4, null=True, blank=True,
        help_text="Left, top, right and bottom of a part, as shares of the picture; null for the whole picture.",
    )  # fmt: skip
    untrusted = models.CharField(
        max_length=14, blank=True, help_text="The reason why the score is not trusted; empty if it is."
    )
    low = models.FloatField()
    high = models.FloatField()
    route = models.CharField(max_length=7, choices=[(route.value, route.value) for route in Route])
    # The draw of the first screening per (upload, policy, epoch); a re-score keeps it.
    u = models.FloatField()
    pi = models.FloatField()
    sampling_reason = models.CharField(
        max_length=14, choices=[(reason.value, reason.value) for reason in SamplingReason]
    )
    rate_class = models.CharField(max_length=24)
    group = models.CharField(max_length=60, blank=True, help_text="The community's slug.")
    duplicate_cluster = models.PositiveBigIntegerField(null=True, blank=True)
    superseded = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    objects = ScreeningQuerySet.as_manager()

    class Meta:
        triggers = [immutable_except("superseded"), never_deleted()]
        constraints = [
            models.UniqueConstraint(
                fields=["upload", "policy"],
                condition=Q(superseded=False),
                name="one_live_screening_per_upload_and_policy",
            ),
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=1), name="screening_score_is_a_probability"),
            models.CheckConstraint(condition=Q(u__gte=0, u__lt=1), name="u_lies_in_0_1"),
            models.CheckConstraint(condition=Q(pi__gte=0, pi__lte=1), name="pi_is_a_probability"),
            models.CheckConstraint(
                condition=Q(u__lt=F("pi")) & ~Q(sampling_reason="none") | Q(u__gte=F("pi"), sampling_reason="none"),
                name="drawn_when_u_is_below_pi",
            ),
            models.CheckConstraint(condition=Q(low__lte=F("high")), name="screened_with_thresholds_in_order"),
            models.CheckConstraint(
                condition=Q(untrusted="") & ~Q(sampling_reason="untrusted")
                | ~Q(untrusted="") & Q(sampling_reason="untrusted", pi=1, route="review"),
                name="an_untrusted_score_goes_to_a_person",
            ),
        ]
        indexes = [
            # Serves the thresholds page: its histogram and shares.
            models.Index(
                fields=["policy", "created_at", "score"],
                name="screening_live_idx",
                condition=Q(superseded=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.upload} under {self.policy}: {self.route}"

    @property
    def draw(self) -> Draw:
        return Draw(u=self.u, pi=self.pi, reason=SamplingReason(self.sampling_reason), rate_class=self.rate_class)

    @property
    def drawn(self) -> bool:
        return self.draw.drawn

    @property
    def ranked_frames(self) -> list[FrameView]:
        """The frames that were scored, worst first; the first one gave the score."""
        return ranked_frames(self.scores.order_by("pk")) or [FrameView(self.frame, appearance_of(self.view))]

    @property
    def scores(self) -> ScoreQuerySet:
        """The scores that make ``score``, one for each label of the policy."""
        return Score.objects.filter(
            file__uploads=self.upload_id,
            classifier=self.classifier_id,
            preprocessing_version=self.preprocessing_version,
            label__in=self._labels,
        )

    @property
    def _labels(self) -> list[str]:
        """The labels of the root version, which are the same throughout an epoch."""
        root: PolicyVersion | None = self.policy_version
        if self.policy_version.community_id is not None:
            root = PolicyVersion.objects.root().filter(epoch=self.epoch_id).first()
        return root.labels if root else []

    @property
    def automatic_outcome(self) -> str:
        """The decision of the machine alone: approve, reject, or hold while the upload waits for review."""
        return "hold" if self.route == Route.REVIEW else self.route

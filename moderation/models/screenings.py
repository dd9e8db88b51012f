"""Runs of the pre-screen, what they were busy with when they died, and the row that records each screening."""

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
from moderation.models.tracking import immutable_but_for, never_deleted, tracked_changes
from moderation.models.uploads import StoredFile, Upload
from moderation.models.versions import PolicyVersion
from moderation.routing import Draw, Route, SamplingReason


class ScreeningRun(models.Model):
    """One call of the pre-screen: what it was asked, what it did."""

    class State(models.TextChoices):
        RUNNING = "running", "running"
        DONE = "done", "done"
        STOPPED = "stopped", "stopped with work left"
        FAILED = "failed", "failed"
        INTERRUPTED = "interrupted", "interrupted"

    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    options = models.JSONField(default=dict)
    policy_versions = models.ManyToManyField(PolicyVersion, related_name="runs", help_text="In force when it began.")
    started_at = models.DateTimeField(db_default=Now())
    worked_until = models.DateTimeField(null=True, blank=True, help_text="When it last committed something.")
    finished_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    work_left = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Uploads that it left when it ended; unknown where it was killed."
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
            # Serves the runs of one night and of the last 28, and the last one that ended, in reports and /metrics.
            models.Index(fields=["-started_at"], name="screeningrun_started_idx"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("run", args=[self.pk])

    @property
    def mode(self) -> str:
        """What it was to screen: "pending"; "rescore", what is stored; "shadows", for classifiers in the shadow."""
        return str(self.options.get("mode", "pending"))

    @property
    def is_dry(self) -> bool:
        return bool(self.options.get("dry_run"))

    @property
    def screens(self) -> bool:
        """Whether what it counts are uploads that waited and that it screened."""
        return self.mode == "pending" and not self.is_dry

    @property
    def sees_all(self) -> bool:
        """Whether what it left is all that waited, of every policy and age."""
        return self.screens and not self.options.get("policy") and not self.options.get("since")

    @property
    def until(self) -> datetime:
        """When it ended; now while it goes on."""
        return self.finished_at or timezone.now()

    def add(self, counts: Counter[str]) -> None:
        """Add to the run's counts, within the transaction that does what is counted. Locks the run's row till then."""
        run = ScreeningRun.objects.select_for_update().get(pk=self.pk)
        ScreeningRun.objects.filter(pk=self.pk).update(counts=dict(Counter(run.counts) + counts), worked_until=Now())


class ScreeningAttempt(models.Model):
    """A file that a worker is busy with, written outside the worker's transaction.

    Where the worker dies, the row stays: the command that watches it marks the file as suspect, and it is screened
    alone next time. A second death, alone, quarantines it.
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
        return self.filter(superseded=False)


@tracked_changes()
class Screening(models.Model):
    """One upload scored and routed under one policy. Immutable, but that a re-score supersedes it."""

    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="screenings")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="screenings")
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="screenings")
    epoch = models.ForeignKey(Epoch, on_delete=models.PROTECT, related_name="screenings")
    run = models.ForeignKey(ScreeningRun, on_delete=models.PROTECT, related_name="screenings")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="screenings")
    preprocessing_version = models.CharField(max_length=60)
    score = models.FloatField(help_text="As compared with the thresholds.")
    # Where the score comes from, and what people see first.
    frame = models.PositiveIntegerField(default=0)
    view = models.PositiveIntegerField(default=0, help_text="What of the frame: 100 x appearance + part (views).")
    box = ArrayField(
        models.FloatField(), size=4, null=True, blank=True,
        help_text="Left, top, right, bottom of a part as shares of the picture; null: all of it.",
    )  # fmt: skip
    untrusted = models.CharField(max_length=14, blank=True, help_text="Why a person looks, whatever the score.")
    low = models.FloatField()
    high = models.FloatField()
    route = models.CharField(max_length=7, choices=[(route.value, route.value) for route in Route])
    # Those of the first screening per (upload, policy, epoch); a re-score keeps them.
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
        triggers = [immutable_but_for("superseded"), never_deleted()]
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
            # Serves the histogram and the shares of the thresholds page.
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
        """The pictures that were looked at, the worst first: the first one gave the score."""
        return ranked_frames(self.scores.order_by("pk")) or [FrameView(self.frame, appearance_of(self.view))]

    @property
    def scores(self) -> ScoreQuerySet:
        """Those that made ``score``, one for each label of the policy."""
        return Score.objects.filter(
            file__uploads=self.upload_id,
            classifier=self.classifier_id,
            preprocessing_version=self.preprocessing_version,
            label__in=self._labels,
        )

    @property
    def _labels(self) -> list[str]:
        """Those of the root: one epoch has one set of labels."""
        root: PolicyVersion | None = self.policy_version
        if self.policy_version.community_id is not None:
            root = PolicyVersion.objects.root().filter(epoch=self.epoch_id).first()
        return root.labels if root else []

    @property
    def automatic_outcome(self) -> str:
        """What the machine alone decided: approve, reject, or hold while a person is asked."""
        return "hold" if self.route == Route.REVIEW else self.route

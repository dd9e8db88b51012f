"""Screenings: one upload scored and routed under one policy, and the frames that were scored for it."""

from collections import defaultdict
from collections.abc import Collection
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from moderation.decoding.views import appearance_of
from moderation.models.classifiers import Classifier, Score, ScoreQuerySet
from moderation.models.epochs import Epoch
from moderation.models.frames import FrameView, ranked_frames
from moderation.models.policies import Policy
from moderation.models.screening_runs import ScreeningRun
from moderation.models.tracking import immutable_except, never_deleted, tracked_changes
from moderation.models.uploads import Upload
from moderation.models.versions import PolicyVersion
from moderation.routing import Draw, Route, SamplingReason


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
        return frames_by_screening([self])[self.pk]

    @property
    def scores(self) -> ScoreQuerySet:
        """The scores that make ``score``, one for each label of the policy."""
        return Score.objects.filter(
            file__uploads=self.upload_id,
            classifier=self.classifier_id,
            preprocessing_version=self.preprocessing_version,
            label__in=_labels_by_screening([self]).get(self.pk, []),
        )

    @property
    def automatic_outcome(self) -> str:
        """The decision of the machine alone: approve, reject, or hold while the upload waits for review."""
        return "hold" if self.route == Route.REVIEW else self.route


def frames_by_screening(screenings: Collection[Screening]) -> dict[int, list[FrameView]]:
    """Return the ranked frames of each screening, by screening, in three statements at most.

    Their policy versions should be loaded: each one that is not costs a statement more.
    """
    labels, scores = _labels_by_screening(screenings), _scores_by_origin(screenings)
    return {
        each.pk: ranked_frames(score for score in scores[_origin(each)] if score.label in labels.get(each.pk, ()))
        or [FrameView(each.frame, appearance_of(each.view))]
        for each in screenings
    }


#: (upload, classifier, preprocessing version)
Origin = tuple[int, int, str]


def _origin(screening: Screening) -> Origin:
    return screening.upload_id, screening.classifier_id, screening.preprocessing_version


def _scores_by_origin(screenings: Collection[Screening]) -> dict[Origin, list[Score]]:
    rows = Score.objects.filter(
        file__uploads__in={each.upload_id for each in screenings},
        classifier__in={each.classifier_id for each in screenings},
        preprocessing_version__in={each.preprocessing_version for each in screenings},
    )
    found: dict[Origin, list[Score]] = defaultdict(list)
    for row in rows.annotate(upload_id=F("file__uploads")).order_by("pk"):
        key = row.upload_id, row.classifier_id, row.preprocessing_version  # type: ignore[attr-defined]  # annotated
        found[key].append(row)
    return found


def _labels_by_screening(screenings: Collection[Screening]) -> dict[int, list[str]]:
    """Return each screening's labels: those of its epoch's root version, as a community version has none."""
    own = {each.pk: each.policy_version.labels for each in screenings if each.policy_version.community_id is None}
    others = [each for each in screenings if each.pk not in own]
    roots = PolicyVersion.objects.root().filter(epoch__in={each.epoch_id for each in others}).order_by("-pk")
    by_epoch = dict(roots.values_list("epoch_id", "labels"))  # the first root version of each epoch comes last
    return own | {each.pk: by_epoch[each.epoch_id] for each in others if each.epoch_id in by_epoch}

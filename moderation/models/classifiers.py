"""Classifiers as data, and the scores they gave."""

from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation import storage
from moderation.decoding import plan
from moderation.decoding.plan import UntrustedReason
from moderation.decoding.views import is_whole
from moderation.models.tracking import append_only, tracked
from moderation.models.uploads import StoredFile


class ClassifierQuerySet(models.QuerySet["Classifier"]):
    def active(self) -> Self:
        return self.filter(retired_at=None)


@tracked()
class Classifier(models.Model):
    """One registered ONNX file with its manifest and sha256."""

    name = models.CharField(max_length=100, unique=True)
    sha256 = models.CharField(max_length=64)
    preprocessing_version = models.CharField(max_length=40)
    manifest = models.JSONField()
    positive_label = models.CharField(max_length=100)
    licence = models.CharField(max_length=200)
    provenance = models.JSONField(default=dict)
    # Empty for the classifier that comes with the product: its file lies in an installed package.
    file_name = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = ClassifierQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sha256", "preprocessing_version"], name="one_classifier_per_file_and_preprocessing"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.sha256[:8]}"

    @property
    def is_embedded(self) -> bool:
        return not self.file_name

    @property
    def path(self) -> Path:
        """Where an imported file lies; the embedded one knows its own place."""
        return storage.classifiers_folder() / self.file_name

    @property
    def score_version(self) -> str:
        """The preprocessing version of its scores: how it prepares a picture, and what of a file it looks at now."""
        return f"{self.preprocessing_version}+{plan.IN_FORCE.version}"


class ScoreQuerySet(models.QuerySet["Score"]):
    def by(self, *classifiers: Classifier) -> Self:
        """The scores that these classifiers give now, and not those of an earlier way to look."""
        pairs = (Q(classifier=each, preprocessing_version=each.score_version) for each in classifiers)
        return self.filter(reduce(or_, pairs, Q(pk__in=[])))


class Score(models.Model):
    """What one classifier says of one file: the worst of its views and frames, and which one that was."""

    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="scores")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="scores")
    preprocessing_version = models.CharField(max_length=60, help_text="See Classifier.score_version.")
    label = models.CharField(max_length=100)
    value = models.FloatField(help_text="Probability in [0, 1], as the classifier gave it.")
    frame = models.PositiveIntegerField(default=0)
    view = models.PositiveIntegerField(default=0, help_text="0: the whole picture; parts of it count from 1.")
    views = models.JSONField(default=list, help_text="Where there were several: all of them, the worst first.")
    looked = models.PositiveSmallIntegerField(default=1, help_text="How many views were computed.")
    untrusted = models.CharField(
        max_length=14, blank=True, choices=[(reason.value, reason.value) for reason in UntrustedReason]
    )
    measured = models.JSONField(default=dict, help_text="Signals of the first picture, as this classifier sees it.")
    runtime = models.CharField(max_length=100, help_text="Inference library, version and execution provider.")
    created_at = models.DateTimeField(db_default=Now())

    objects = ScoreQuerySet.as_manager()

    class Meta:
        triggers = [append_only()]
        constraints = [
            models.UniqueConstraint(
                fields=["file", "classifier", "preprocessing_version", "label"],
                name="one_score_per_file_classifier_preprocessing_and_label",
            ),
            models.CheckConstraint(condition=Q(value__gte=0, value__lte=1), name="score_is_a_probability"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.value:.4f}"

    @property
    def seen(self) -> list[dict[str, Any]]:
        """Every view, the worst first; see ``inference.scorer.Viewed``."""
        alone = {"value": self.value, "frame": self.frame, "view": self.view, "size": None, "box": None, "near": False}
        return self.views or [alone]

    @property
    def box(self) -> list[float] | None:
        """Where its view lies in the picture, as shares of the sides; None: it is all of it."""
        return None if is_whole(self.view) else list(self.views[0]["box"])

    @property
    def whole(self) -> float:
        """The greatest probability in a whole picture: what ``value`` were if no part of one had been looked at."""
        return next((view["value"] for view in self.views if is_whole(view["view"])), self.value)

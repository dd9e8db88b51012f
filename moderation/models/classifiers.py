"""Registered classifiers and their scores."""

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
        """Classifiers that are not retired."""
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
    # Empty for the embedded classifier, whose file is part of an installed package.
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
        """The path of an imported file; not for the embedded classifier."""
        return storage.classifiers_folder() / self.file_name

    @property
    def score_version(self) -> str:
        """The version of its scores: its preprocessing of a picture, and the plan of frames and views now in force."""
        return f"{self.preprocessing_version}+{plan.IN_FORCE.version}"


class ScoreQuerySet(models.QuerySet["Score"]):
    def by(self, *classifiers: Classifier) -> Self:
        """Scores of these classifiers under the plan now in force, without those of earlier plans."""
        pairs = (Q(classifier=each, preprocessing_version=each.score_version) for each in classifiers)
        return self.filter(reduce(or_, pairs, Q(pk__in=[])))


class Score(models.Model):
    """One classifier's score of one file for one label: the highest of its views and frames, and which one that was."""

    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="scores")
    classifier = models.ForeignKey(Classifier, on_delete=models.PROTECT, related_name="scores")
    preprocessing_version = models.CharField(max_length=60, help_text="See Classifier.score_version.")
    label = models.CharField(max_length=100)
    value = models.FloatField(help_text="Probability in [0, 1], as the classifier gave it.")
    frame = models.PositiveIntegerField(default=0)
    view = models.PositiveIntegerField(default=0, help_text="0 for the whole picture; its parts count from 1.")
    views = models.JSONField(
        default=list, help_text="All views with their scores, highest first; empty if there was only one."
    )
    views_scored = models.PositiveSmallIntegerField(default=1, help_text="The number of views that were scored.")
    untrusted = models.CharField(
        max_length=14, blank=True, choices=[(reason.value, reason.value) for reason in UntrustedReason]
    )
    measured = models.JSONField(
        default=dict, help_text="Measurements of the first picture at this classifier's input size."
    )
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
    def all_views(self) -> list[dict[str, Any]]:
        """All views, highest score first; see ``inference.scorer.Viewed``."""
        alone = {"value": self.value, "frame": self.frame, "view": self.view, "size": None, "box": None, "near": False}
        return self.views or [alone]

    @property
    def box(self) -> list[float] | None:
        """The position of its view in the picture, as shares of the sides; None for the whole picture."""
        return None if is_whole(self.view) else list(self.views[0]["box"])

    @property
    def whole(self) -> float:
        """The highest score of a whole picture, which ``value`` would be if no part had been scored."""
        return next((view["value"] for view in self.views if is_whole(view["view"])), self.value)

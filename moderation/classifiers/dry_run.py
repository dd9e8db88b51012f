"""Score files with one classifier and store nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from moderation.classifiers.errors import AdoptionRefused
from moderation.decode_limits import decode_limits
from moderation.decoding.sandbox import RefusedFile
from moderation.inference import embedded
from moderation.inference.classifier import ClassifierSession
from moderation.inference.manifest import ClassifierFileError, Manifest
from moderation.inference.scorer import Scorer
from moderation.models import Classifier


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """The outcome of one file: the probability of each label, or None and why the file was refused."""

    path: Path
    scores: dict[str, float] | None
    refused: str = ""

    def as_json(self) -> dict[str, Any]:
        outcome = {"refused": self.refused} if self.scores is None else {"scores": self.scores}
        return {"file": str(self.path), **outcome}


@dataclass(frozen=True, slots=True)
class ClassifierFile:
    """A classifier's ONNX file with its manifest and provenance."""

    manifest: Manifest
    path: Path
    provenance: dict[str, Any]

    def load(self) -> ClassifierSession:
        """Load the classifier and verify its sha256 and golden outputs.

        Raises:
            AdoptionRefused: the file is missing, damaged, or gives other outputs than its golden ones.
        """
        try:
            return ClassifierSession.load(self.path, self.manifest, provider=settings.EXECUTION_PROVIDER)
        except ClassifierFileError as error:
            raise AdoptionRefused(f"{error}.") from error


def find_classifier(name: str) -> ClassifierFile:
    """Return the classifier of that name. The embedded one needs no row, so it works without a database.

    Raises:
        AdoptionRefused: no classifier has that name.
    """
    manifest, path = embedded.open_nsfw()
    if name == manifest.name:
        return ClassifierFile(manifest, path, {**manifest.source, "licence_text": embedded.licence_text()})
    row = Classifier.objects.filter(name=name).first()
    if row is None:
        names = ", ".join(Classifier.objects.order_by("pk").values_list("name", flat=True))
        raise AdoptionRefused(f"No classifier is named {name!r}. Registered are {names or 'none'}.")
    return ClassifierFile(Manifest.from_json(row.manifest), row.path, row.provenance)


def dry_run(classifier: ClassifierFile, *, paths: Sequence[Path]) -> Iterator[DryRunResult]:
    """Score each file in order, folders file by file, and yield the results.

    Raises:
        AdoptionRefused: the classifier cannot be loaded.
    """
    session = classifier.load()
    with Scorer([session], limits=decode_limits()) as scorer:
        for outcome in scorer.score(list(expand_folders(paths))):
            if isinstance(outcome, RefusedFile):
                yield DryRunResult(outcome.path, None, f"{outcome.reason}: {outcome.detail}")
            else:
                scores = outcome.scores[session.manifest.key]
                yield DryRunResult(outcome.path, {label: round(score.value, 6) for label, score in scores.items()})


def expand_folders(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield files unchanged, and for each folder all files below it, sorted by path."""
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.is_file())
        else:
            yield path

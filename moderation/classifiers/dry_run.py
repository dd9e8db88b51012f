"""Score files with one classifier and keep nothing: the trial before anything is decided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from moderation.classifiers.errors import AdoptionRefused
from moderation.decode_limits import decode_limits
from moderation.decoding.sandbox import RefusedFile
from moderation.inference import embedded
from moderation.inference.classifier import ClassifierSession as Network
from moderation.inference.manifest import ClassifierFileError, Manifest
from moderation.inference.scorer import Scorer
from moderation.models import Classifier


@dataclass(frozen=True, slots=True)
class DryRun:
    """What became of one file: the probability of each label, or why it was not read."""

    path: Path
    scores: dict[str, float] | None
    refused: str = ""

    def as_json(self) -> dict[str, Any]:
        said = {"refused": self.refused} if self.scores is None else {"scores": self.scores}
        return {"file": str(self.path), **said}


@dataclass(frozen=True, slots=True)
class Found:
    """A classifier by its name: where its file lies, and its row unless it is the embedded one without a database."""

    manifest: Manifest
    path: Path
    provenance: dict[str, Any]

    def load(self) -> Network:
        """Load it, verified by sha256 and golden inputs.

        Raises:
            AdoptionRefused: the file is missing, damaged, or gives other outputs than it did.
        """
        try:
            return Network.load(self.path, self.manifest, provider=settings.EXECUTION_PROVIDER)
        except ClassifierFileError as error:
            raise AdoptionRefused(f"{error}.") from error


def find(name: str) -> Found:
    """The classifier of that name. The embedded one needs no row, so it can be tried before anything is set up.

    Raises:
        AdoptionRefused: there is none.
    """
    manifest, path = embedded.open_nsfw()
    if name == manifest.name:
        return Found(manifest, path, {**manifest.source, "licence_text": embedded.licence_text()})
    row = Classifier.objects.filter(name=name).first()
    if row is None:
        names = ", ".join(Classifier.objects.order_by("pk").values_list("name", flat=True))
        raise AdoptionRefused(f"No classifier is named {name!r}. Known are {names or 'none'}.")
    return Found(Manifest.from_json(row.manifest), row.path, row.provenance)


def try_on(found: Found, *, paths: Sequence[Path]) -> Iterator[DryRun]:
    """Yield what the classifier says of each file, in order, folders file by file.

    Raises:
        AdoptionRefused: the classifier cannot be loaded.
    """
    network = found.load()
    with Scorer([network], limits=decode_limits()) as scorer:
        for outcome in scorer.score(list(listed(paths))):
            if isinstance(outcome, RefusedFile):
                yield DryRun(outcome.path, None, f"{outcome.reason}: {outcome.detail}")
            else:
                scores = outcome.scores[network.manifest.key]
                yield DryRun(outcome.path, {label: round(score.value, 6) for label, score in scores.items()})


def listed(paths: Sequence[Path]) -> Iterator[Path]:
    """Files as they are, folders with all that lies below them, in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.is_file())
        else:
            yield path

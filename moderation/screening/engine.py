"""The classifiers of one run, loaded, with the sandbox that decodes for them."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Self

from django.conf import settings

from moderation.decode_limits import decode_limits
from moderation.decoding import plan
from moderation.decoding.sandbox import DecodedFile, RefusedFile
from moderation.inference import embedded
from moderation.inference.classifier import BATCH, ClassifierSession
from moderation.inference.manifest import ClassifierFileError, Manifest
from moderation.inference.scorer import ClassifierScores, Scored, Scorer
from moderation.models import Classifier, Score, StoredFile
from moderation.models.frames import FrameView
from moderation.renditions import write_renditions
from moderation.screening.rulebook import Rulebook

logger = logging.getLogger(__name__)


class Engine:
    """Scores stored files for a rulebook. One per worker process; its threads share it."""

    def __init__(self, rulebook: Rulebook) -> None:
        """Load the classifiers that the rulebook names.

        Raises:
            ClassifierFileError: a file is not the registered one, or its preprocessing is not the one of its epoch.
        """
        self.rulebook = rulebook
        _check_epochs(rulebook)
        active = {version.classifier.pk: version.classifier for version in rulebook.roots if version.classifier}
        sessions = {pk: load(classifier) for pk, classifier in active.items()}
        along = {each.classifier.pk: each.classifier for each in rulebook.shadows if each.classifier.pk not in active}
        sessions |= _load_usable(along.values())
        self.classifiers = {pk: classifier for pk, classifier in (active | along).items() if pk in sessions}
        self.runtimes = {pk: session.runtime for pk, session in sessions.items()}
        asked = {session.manifest.key: self.labels(pk) for pk, session in sessions.items()}
        self.scorer = Scorer(list(sessions.values()), limits=decode_limits(), plan=plan.IN_FORCE, asked=asked)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.scorer.close()

    def labels(self, classifier_id: int) -> list[str]:
        """The labels of one classifier that the rulebook needs; scores of other labels are not kept."""
        return sorted(
            {label for each in self.rulebook.scored_for if each.classifier_id == classifier_id for label in each.labels}
        )

    def decode(
        self, files: Sequence[StoredFile], *, views: int = BATCH
    ) -> Iterator[list[tuple[StoredFile, DecodedFile | RefusedFile]]]:
        """Yield each file with its outcome, in order, in groups of at least ``views`` views (``Scorer.decode``)."""
        remaining = iter(files)
        for group in self.scorer.decode([file.path for file in files], views=views):
            yield [(next(remaining), outcome) for outcome in group]

    def compute(self, decoded: Sequence[DecodedFile]) -> list[Scored | RefusedFile]:
        """Score decoded files; returns one outcome for each, in order."""
        return self.scorer.compute(decoded)

    def scores_of(self, file: StoredFile, outcome: Scored) -> list[Score]:
        """Build the rows to keep of one outcome, unsaved."""
        return [
            self._score(file, classifier, label=label, found=found)
            for classifier in self.classifiers.values()
            if (found := outcome.by_classifier[classifier.sha256, classifier.preprocessing_version])
            for label in self.labels(classifier.pk)
        ]

    def _score(self, file: StoredFile, classifier: Classifier, *, label: str, found: ClassifierScores) -> Score:
        worst = found.labels[label]
        return Score(
            file=file,
            classifier=classifier,
            preprocessing_version=classifier.score_version,
            label=label,
            value=worst.value,
            frame=worst.frame,
            view=worst.view,
            views=[asdict(view) for view in worst.views] if len(worst.views) > 1 else [],
            views_scored=found.views_scored,
            untrusted=found.untrusted or "",
            measured={name: round(value, 3) for name, value in found.measured.items()},
            runtime=self.runtimes[classifier.pk],
        )

    def render(self, file: StoredFile, *, frames: Sequence[FrameView]) -> None:
        """Write the renditions that people will see of the file, unless they exist.

        Raises:
            ImageRefused: the full decode failed although the scoring one did not.
        """
        write_renditions(file, frames=frames, sandbox=self.scorer.sandbox)


def load(classifier: Classifier) -> ClassifierSession:
    """Load a registered classifier; its file is verified by sha256 and by golden inputs.

    Raises:
        ClassifierFileError: the file is missing or not the registered one. The message says which.
        ProviderMissing: EXECUTION_PROVIDER is not installed or does not start.
    """
    if classifier.is_embedded:
        manifest, path = embedded.open_nsfw()
        _check_installed(manifest, classifier=classifier)
    else:
        manifest, path = Manifest.from_json(classifier.manifest), classifier.path
    return ClassifierSession.load(path, manifest, provider=settings.EXECUTION_PROVIDER)


def _check_installed(manifest: Manifest, *, classifier: Classifier) -> None:
    """An upgrade may bring another embedded classifier: its scores must not be recorded under the old one's name."""
    installed = (manifest.sha256, manifest.preprocessing_version)
    registered = (classifier.sha256, classifier.preprocessing_version)
    if installed != registered:
        raise ClassifierFileError(
            f"{classifier.name} is registered as sha256 {registered[0]}, preprocessing {registered[1]}; installed is "
            f"{installed[0]}, {installed[1]}. Install the package that requirements.txt names, or publish a policy "
            "version that uses the new classifier."
        )


def _check_epochs(rulebook: Rulebook) -> None:
    """An upgrade may bring another view plan: its scores must not become evidence of an epoch of the old one."""
    for root in rulebook.roots:
        assert root.classifier is not None
        opened, now = rulebook.epochs[root.policy_id].preprocessing_version, root.classifier.score_version
        if opened != now:
            raise ClassifierFileError(
                f"the epoch of {root.policy} was opened for scores by preprocessing {opened}; installed is {now}. Run "
                "'manage.py migrate': it opens a new epoch."
            )


def _load_usable(classifiers: Iterable[Classifier]) -> dict[int, ClassifierSession]:
    """Load the classifiers in shadow mode. One that cannot be used is left out, and the run goes on without it."""
    sessions = {}
    for classifier in classifiers:
        try:
            sessions[classifier.pk] = load(classifier)
        except ClassifierFileError as error:
            logger.warning("%s is in shadow mode and cannot be used, so it scores nothing: %s", classifier.name, error)
    return sessions

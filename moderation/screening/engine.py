"""Classifiers loaded for the policy versions of one run, with the sandbox that decodes for them."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Self

from django.conf import settings

from moderation.decode_limits import decode_limits
from moderation.decoding import plan
from moderation.decoding.sandbox import RefusedFile
from moderation.inference import embedded
from moderation.inference.classifier import ClassifierSession as Network
from moderation.inference.manifest import ClassifierFileError, Manifest
from moderation.inference.scorer import ClassifierScores, Scored, Scorer, Spares, spare_none
from moderation.models import Classifier, Community, Epoch, PolicyVersion, Score, Shadow, StoredFile
from moderation.models.frames import FrameView
from moderation.renditions import write_renditions

logger = logging.getLogger(__name__)


def load(classifier: Classifier) -> Network:
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
    return Network.load(path, manifest, provider=settings.EXECUTION_PROVIDER)


def _check_installed(manifest: Manifest, *, classifier: Classifier) -> None:
    """An upgrade may bring another embedded classifier: scores must not be recorded under the old one's name."""
    installed = (manifest.sha256, manifest.preprocessing_version)
    registered = (classifier.sha256, classifier.preprocessing_version)
    if installed != registered:
        raise ClassifierFileError(
            f"{classifier.name} is registered as sha256 {registered[0]}, preprocessing {registered[1]}; installed is "
            f"{installed[0]}, {installed[1]}. Install the package that requirements.txt names, or publish a policy "
            "version that uses the new classifier."
        )


def _loaded(classifiers: Iterable[Classifier]) -> dict[int, Network]:
    """The networks of classifiers that only score along: one that cannot be used is left out, and the run goes on."""
    networks = {}
    for classifier in classifiers:
        try:
            networks[classifier.pk] = load(classifier)
        except ClassifierFileError as error:
            logger.warning("%s is in a shadow and is not asked: %s", classifier.name, error)
    return networks


@dataclass(frozen=True)
class Rulebook:
    """The policy versions that one run goes by: each policy's root, and what communities set for themselves.

    Attributes:
        shadows: classifiers that are asked too and decide nothing.
    """

    versions: dict[tuple[int, int | None], PolicyVersion]
    epochs: dict[int, Epoch]
    communities: dict[int, Community]
    shadows: tuple[Shadow, ...] = ()

    @classmethod
    def of(cls, *, versions: Sequence[int], epochs: Sequence[int], shadows: Sequence[int] = ()) -> "Rulebook":
        """The rulebook of a run: versions, open epochs and shadows as they were, together, when the run began."""
        rows = list(PolicyVersion.objects.filter(pk__in=versions).select_related("policy", "classifier"))
        return cls(
            versions={(version.policy_id, version.community_id): version for version in rows},
            # Not the version's own: it may have been published into an epoch that another one has closed since.
            epochs={epoch.policy_id: epoch for epoch in Epoch.objects.filter(pk__in=epochs)},
            communities=Community.objects.in_bulk(),
            shadows=tuple(Shadow.objects.filter(pk__in=shadows).select_related("classifier")),
        )

    @property
    def asked(self) -> list[PolicyVersion | Shadow]:
        """Whatever wants scores: each names its classifier and labels."""
        return [*self.roots, *self.shadows]

    @property
    def roots(self) -> list[PolicyVersion]:
        return [version for (_, community), version in self.versions.items() if community is None]

    def root(self, policy_id: int) -> PolicyVersion:
        return self.versions[policy_id, None]

    def group(self, community_id: int | None) -> str:
        return "" if community_id is None else self.communities[community_id].slug

    def version_for(self, policy_id: int, *, community_id: int | None) -> PolicyVersion:
        """The version of the nearest community that has one, else the root's."""
        while community_id is not None:
            if found := self.versions.get((policy_id, community_id)):
                return found
            community_id = self.communities[community_id].parent_id
        return self.root(policy_id)


def _check_epochs(rulebook: Rulebook) -> None:
    """An upgrade may bring another plan: its scores must not be recorded as evidence of an epoch of the former."""
    for root in rulebook.roots:
        assert root.classifier is not None
        opened, now = rulebook.epochs[root.policy_id].preprocessing_version, root.classifier.score_version
        if opened != now:
            raise ClassifierFileError(
                f"the epoch of {root.policy} was opened for scores by preprocessing {opened}; installed is {now}. Run "
                "'manage.py migrate': it opens a new epoch."
            )


class Engine:
    """Scores stored files for a rulebook. One per worker process."""

    def __init__(self, rulebook: Rulebook) -> None:
        """Load what the rulebook asks for.

        Raises:
            ClassifierFileError: a classifier is not the registered one, or looks otherwise than its epoch says.
        """
        self.rulebook = rulebook
        _check_epochs(rulebook)
        ruling = {version.classifier.pk: version.classifier for version in rulebook.roots if version.classifier}
        networks = {pk: load(classifier) for pk, classifier in ruling.items()}
        along = {each.classifier.pk: each.classifier for each in rulebook.shadows if each.classifier.pk not in ruling}
        networks |= _loaded(along.values())
        self.classifiers = {pk: classifier for pk, classifier in (ruling | along).items() if pk in networks}
        self.runtimes = {pk: network.runtime for pk, network in networks.items()}
        asked = {network.manifest.key: self.labels(pk) for pk, network in networks.items()}
        self.scorer = Scorer(list(networks.values()), limits=decode_limits(), plan=plan.IN_FORCE, asked=asked)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.scorer.close()

    def labels(self, classifier_id: int) -> list[str]:
        """The labels of one classifier that the rulebook asks for; only these are kept."""
        return sorted(
            {label for each in self.rulebook.asked if each.classifier_id == classifier_id for label in each.labels}
        )

    def score(
        self, stored: Sequence[StoredFile], *, spares: Spares = spare_none
    ) -> Iterator[tuple[StoredFile, Scored | RefusedFile]]:
        """Yield an outcome for each file, in order; without scores where ``spares`` says so."""
        return zip(stored, self.scorer.score([file.path for file in stored], spares=spares), strict=True)

    def scores_of(self, file: StoredFile, outcome: Scored) -> list[Score]:
        """The rows to be kept of one outcome; none where its score was spared."""
        if not outcome.by_classifier:
            return []
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
            looked=found.looked,
            untrusted=found.untrusted or "",
            measured={name: round(value, 3) for name, value in found.measured.items()},
            runtime=self.runtimes[classifier.pk],
        )

    def render(self, file: StoredFile, *, shots: Sequence[FrameView]) -> None:
        """Write what people will see of the file, unless it is there.

        Raises:
            ImageRefused: the full decode failed where the scoring one did not.
        """
        write_renditions(file, frames=shots, sandbox=self.scorer.sandbox)

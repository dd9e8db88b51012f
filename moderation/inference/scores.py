"""What a scorer returns: the probabilities of one file, with the views that they come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from moderation.decoding.fingerprints import HashedPicture, PdqHash
from moderation.decoding.images import Header
from moderation.decoding.plan import UntrustedReason
from moderation.decoding.preprocessing import Size
from moderation.decoding.views import EVERYTHING, Box, is_whole

#: A classifier's sha256 and its preprocessing version: ``manifest.key``.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Viewed:
    """The probability of one label in one view.

    Attributes:
        frame: index in the file, from 0.
        view: number of the view within the frame (``decoding.views``).
        size: (width, height) of the whole picture in pixels, upright.
        box: the view's place in the picture, as shares of width and height.
        near: whether the view is a tile that was computed only because the whole picture's score lies near the band.
    """

    value: float
    frame: int
    view: int
    size: Size = (0, 0)
    box: Box = EVERYTHING
    near: bool = False


@dataclass(frozen=True, slots=True)
class LabelScore:
    """The greatest probability of one label over a file's views. ``views`` has the greatest probability first."""

    views: tuple[Viewed, ...]

    @property
    def value(self) -> float:
        return self.views[0].value

    @property
    def frame(self) -> int:
        """Index in the file, from 0, of the frame that gave the score."""
        return self.views[0].frame

    @property
    def view(self) -> int:
        """Number of the view that gave the score (``decoding.views``)."""
        return self.views[0].view

    @property
    def whole(self) -> float:
        """The score that whole pictures alone would give."""
        return next(view.value for view in self.views if is_whole(view.view))


@dataclass(frozen=True, slots=True)
class ClassifierScores:
    """One classifier's scores of one file.

    Attributes:
        untrusted: why no route may rely on these scores, or None.
        measured: quality signals of the first picture, at this classifier's input size.
        views_scored: how many views were computed.
    """

    labels: Mapping[str, LabelScore]
    untrusted: UntrustedReason | None
    measured: Mapping[str, float]
    views_scored: int


@dataclass(frozen=True, slots=True)
class Scored:
    """One readable file's scores, by ``manifest.key``."""

    path: Path
    header: Header
    by_classifier: Mapping[Key, ClassifierScores]
    fingerprint: PdqHash | None = None
    hashes: tuple[HashedPicture, ...] = ()

    @property
    def scores(self) -> Mapping[Key, Mapping[str, LabelScore]]:
        """``scores[manifest.key][label]``."""
        return {key: found.labels for key, found in self.by_classifier.items()}

    @property
    def views_scored(self) -> int:
        """How many views all classifiers together computed."""
        return sum(found.views_scored for found in self.by_classifier.values())

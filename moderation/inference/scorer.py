"""Files -> scores. Knows no database: any runner may use it around the same decoding and classifiers."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from moderation.decoding.fingerprints import PdqHash
from moderation.decoding.images import DecodeLimits, Header, ImageRefused
from moderation.decoding.plan import WHOLE_PICTURES, UntrustedReason, ViewPlan
from moderation.decoding.preprocessing import Size
from moderation.decoding.sandbox import ClassifierInput, DecodedFile, RefusedFile, Sandbox
from moderation.decoding.views import EVERYTHING, WHOLE, Box, is_whole, view_number
from moderation.inference.classifier import BATCH, ClassifierSession
from moderation.inference.tensors import Float32Array, UInt8Array
from moderation.inference.tiling import TilePlan, plan_tiles, untrusted_reason

__all__ = ["WHOLE", "LabelScore", "Scored", "Scorer", "Viewed"]


#: A classifier's file and its preprocessing: ``manifest.key``.
Key = tuple[str, str]
#: Is told what has just been decoded, and names those whose score nobody needs.
Spares = Callable[[Sequence[DecodedFile]], Set[Path]]


def spare_none(_decoded: Sequence[DecodedFile]) -> Set[Path]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class Viewed:
    """The probability of one label in one view.

    Attributes:
        frame: index in the file, from 0.
        view: what of the frame (``views``).
        size: (width, height) of the whole picture in pixels, upright.
        box: the view's place in it, as shares of width and height.
        near: a part that is looked at only because the whole picture's score lies near the band.
    """

    value: float
    frame: int
    view: int
    size: Size = (0, 0)
    box: Box = EVERYTHING
    near: bool = False


@dataclass(frozen=True, slots=True)
class LabelScore:
    """The worst (greatest) probability of one label, and all views that it is the worst of, the worst first."""

    views: tuple[Viewed, ...]

    @property
    def value(self) -> float:
        return self.views[0].value

    @property
    def frame(self) -> int:
        """Index of the frame in the file, from 0."""
        return self.views[0].frame

    @property
    def view(self) -> int:
        """What of the frame: see ``views``."""
        return self.views[0].view

    @property
    def whole(self) -> float:
        """The greatest probability in a whole picture: what the score were if no part of one had been looked at."""
        return next(view.value for view in self.views if is_whole(view.view))


@dataclass(frozen=True, slots=True)
class ClassifierScores:
    """What one classifier says of a file.

    Attributes:
        untrusted: why its scores are not trusted, or None.
        measured: signals of the picture as this classifier sees it.
        looked: how many views were computed.
    """

    labels: Mapping[str, LabelScore]
    untrusted: UntrustedReason | None
    measured: Mapping[str, float]
    looked: int


@dataclass(frozen=True, slots=True)
class Scored:
    """One readable file, by ``manifest.key``; by none of them where its score was spared."""

    path: Path
    header: Header
    by_classifier: Mapping[Key, ClassifierScores]
    fingerprint: PdqHash | None = None

    @property
    def scores(self) -> Mapping[Key, Mapping[str, LabelScore]]:
        """``scores[manifest.key][label]``."""
        return {key: found.labels for key, found in self.by_classifier.items()}

    @property
    def looked(self) -> int:
        """How many views were computed, by all classifiers together."""
        return sum(found.looked for found in self.by_classifier.values())


class Scorer:
    """Scores files with several classifiers over one decode.

    Threads may share it: their files are decoded side by side and computed one batch after the other, on one core.
    """

    def __init__(
        self,
        classifiers: Sequence[ClassifierSession],
        *,
        limits: DecodeLimits | None = None,
        plan: ViewPlan = WHOLE_PICTURES,
        asked: Mapping[Key, Sequence[str]] | None = None,
    ) -> None:
        """``asked`` names, by ``manifest.key``, the labels that somebody goes by: else the positive one."""
        self.classifiers = tuple(classifiers)
        self._computing = threading.Lock()
        self.plan = plan
        self.asked = asked or {}
        rules = [each.manifest.preprocessing for each in self.classifiers]
        self.sandbox = Sandbox(limits=limits, preprocessings=rules, plan=self.plan)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the decode processes."""
        self.sandbox.close()

    def score(self, paths: Sequence[Path], *, spares: Spares = spare_none) -> Iterator[Scored | RefusedFile]:
        """Yield one outcome for each path, in order. A refused file is an outcome and disturbs no other.

        Between decode and network, ``spares`` names what is not computed.

        Raises:
            ModelOutputError: a network's output does not match its manifest.
            SandboxUnavailable: no decode process can be started.
        """
        for group in _groups(self.sandbox.decode(paths)):
            yield from self._score_group(group, spares=spares)

    def _score_group(
        self, group: Sequence[DecodedFile | RefusedFile], *, spares: Spares
    ) -> Iterator[Scored | RefusedFile]:
        decoded = [outcome for outcome in group if isinstance(outcome, DecodedFile)]
        spared = spares(decoded)
        wanted = [outcome for outcome in decoded if outcome.path not in spared]
        columns = [self._predict(wanted, index=index) for index in range(len(self.classifiers))]
        tables = iter(zip(*columns, strict=True))
        for outcome in group:
            if isinstance(outcome, RefusedFile):
                yield outcome
            elif outcome.path in spared:
                yield Scored(outcome.path, outcome.header, {}, outcome.fingerprint)
            else:
                yield self._scored(outcome, next(tables))

    def _predict(self, decoded: Sequence[DecodedFile], *, index: int) -> list[Float32Array]:
        """One array (pictures, labels) for each file, computed together."""
        if not decoded:
            return []
        looked = [each.inputs[index] for each in decoded]
        together = self._compute(np.concatenate([each.views for each in looked]), index=index)
        return np.split(together, np.cumsum([len(each.pictures) for each in looked])[:-1])

    def _compute(self, views: UInt8Array, *, index: int) -> Float32Array:
        with self._computing:
            return self.classifiers[index].predict(views)

    def _scored(self, decoded: DecodedFile, tables: Sequence[Float32Array]) -> Scored | RefusedFile:
        try:
            found = {
                classifier.manifest.key: self._look_closer(decoded, index=index, table=tables[index])
                for index, classifier in enumerate(self.classifiers)
            }
        except ImageRefused as refused:
            return RefusedFile(decoded.path, refused.reason, refused.detail)
        return Scored(decoded.path, decoded.header, found, decoded.fingerprint)

    def _look_closer(self, decoded: DecodedFile, *, index: int, table: Float32Array) -> ClassifierScores:
        """Score the parts that the first look asks for, and choose the worst view of each label."""
        classifier, looked = self.classifiers[index], decoded.inputs[index]
        again = self._second_look(looked, table, index=index)
        parts = np.empty((0, table.shape[1]), dtype=np.float32)
        if again.parts:
            views = self.sandbox.parts(decoded.path, preprocessing=index, wanted=again.by_picture(looked.pictures))
            parts = self._compute(views, index=index)
        unseen = looked.unseen or not again.all_of_them
        return ClassifierScores(
            {
                label: self._worst(looked, again, table[:, column], parts[:, column])
                for column, label in enumerate(classifier.manifest.labels)
            },
            untrusted_reason(looked.pictures, unseen=unseen, plan=self.plan),
            looked.measured,
            len(table) + len(parts),
        )

    def _second_look(self, looked: ClassifierInput, table: Float32Array, *, index: int) -> TilePlan:
        manifest = self.classifiers[index].manifest
        asked = self.asked.get(manifest.key, (manifest.positive_label,))
        rows = table[:, [manifest.labels.index(label) for label in asked]].tolist()
        near = [any(self.plan.is_near(value) for value in row) for row in rows]
        worst = [max(row) for row in rows]
        return plan_tiles(looked.pictures, worst=worst, near=near, plan=self.plan, rule=manifest.preprocessing)

    def _worst(self, looked: ClassifierInput, again: TilePlan, wholes: Float32Array, parts: Float32Array) -> LabelScore:
        """Of one label. Parts that only a score near the band asked for count where it is this label's."""
        seen = [
            Viewed(value, picture.frame, view_number(picture.appearance, part=WHOLE), picture.size)
            for value, picture in zip(wholes.tolist(), looked.pictures, strict=True)
        ]
        for value, part in zip(parts.tolist(), again.parts, strict=True):
            picture = looked.pictures[part.of]
            if not part.near or self.plan.is_near(seen[part.of].value):
                number = view_number(picture.appearance, part=part.number)
                seen.append(Viewed(value, picture.frame, number, picture.size, part.box, near=part.near))
        return LabelScore(tuple(sorted(seen, key=lambda each: -each.value)))


def _groups(outcomes: Iterator[DecodedFile | RefusedFile]) -> Iterator[list[DecodedFile | RefusedFile]]:
    """Collect outcomes until a batch of views is full, so that small files are computed together."""
    group: list[DecodedFile | RefusedFile] = []
    views = 0
    for outcome in outcomes:
        group.append(outcome)
        views += len(outcome.frames) if isinstance(outcome, DecodedFile) else 0
        if views >= BATCH:
            yield group
            group, views = [], 0
    if group:
        yield group

"""Files -> scores. Uses no database, so any runner can put it around the same decoding and classifiers."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from moderation.decoding.images import DecodeLimits, ImageRefused
from moderation.decoding.plan import WHOLE_PICTURES, ViewPlan
from moderation.decoding.sandbox import ClassifierInput, DecodedFile, RefusedFile, Sandbox
from moderation.decoding.views import WHOLE, view_number
from moderation.inference.classifier import BATCH, ClassifierSession
from moderation.inference.scores import ClassifierScores, Key, LabelScore, Scored, Viewed
from moderation.inference.tensors import Float32Array, UInt8Array
from moderation.inference.tiling import TilePlan, plan_tiles, untrusted_reason

__all__ = ["WHOLE", "ClassifierScores", "LabelScore", "Scored", "Scorer", "Viewed"]


class Scorer:
    """Scores files with several classifiers over one decode.

    Threads may share a scorer: their files are decoded side by side, and their batches are computed one after the other
    on one core.
    """

    def __init__(
        self,
        classifiers: Sequence[ClassifierSession],
        *,
        limits: DecodeLimits | None = None,
        plan: ViewPlan = WHOLE_PICTURES,
        asked: Mapping[Key, Sequence[str]] | None = None,
    ) -> None:
        """``asked``: the labels whose scores choose the tiles, by ``manifest.key``; by default the positive one."""
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

    def score(self, paths: Sequence[Path]) -> Iterator[Scored | RefusedFile]:
        """Decode and compute: yield one outcome for each path, in order. A refused file affects no other.

        Raises:
            ModelOutputError: a network's output does not match its manifest.
            SandboxUnavailable: no decode process can be started.
        """
        for group in self.decode(paths):
            computed = iter(self.compute([outcome for outcome in group if isinstance(outcome, DecodedFile)]))
            for outcome in group:
                yield outcome if isinstance(outcome, RefusedFile) else next(computed)

    def decode(self, paths: Sequence[Path], *, views: int = BATCH) -> Iterator[list[DecodedFile | RefusedFile]]:
        """Yield outcomes in the order of ``paths``, in groups of at least ``views`` decoded views.

        The last group may have fewer. The next files are decoded while the caller works on a group, so small files fill
        a batch together. ``views`` bounds the memory that a group takes.

        Raises:
            SandboxUnavailable: no decode process can be started.
        """
        return _groups(self.sandbox.decode(paths), views=views)

    def compute(self, decoded: Sequence[DecodedFile]) -> list[Scored | RefusedFile]:
        """Score decoded files; their views are computed together. Returns one outcome for each, in order.

        A file is refused if its tiles cannot be decoded although its whole pictures were.

        Raises:
            ModelOutputError: a network's output does not match its manifest.
            SandboxUnavailable: no decode process can be started.
        """
        columns = [self._predict(decoded, index=index) for index in range(len(self.classifiers))]
        return [self._scored(each, tables) for each, *tables in zip(decoded, *columns, strict=True)]

    def _predict(self, decoded: Sequence[DecodedFile], *, index: int) -> list[Float32Array]:
        """One array of shape (pictures, labels) for each file, computed together."""
        if not decoded:
            return []
        inputs = [each.inputs[index] for each in decoded]
        together = self._compute(np.concatenate([each.views for each in inputs]), index=index)
        return np.split(together, np.cumsum([len(each.pictures) for each in inputs])[:-1])

    def _compute(self, views: UInt8Array, *, index: int) -> Float32Array:
        with self._computing:
            return self.classifiers[index].predict(views)

    def _scored(self, decoded: DecodedFile, tables: Sequence[Float32Array]) -> Scored | RefusedFile:
        try:
            found = {
                classifier.manifest.key: self._with_tiles(decoded, index=index, table=tables[index])
                for index, classifier in enumerate(self.classifiers)
            }
        except ImageRefused as refused:
            return RefusedFile(decoded.path, refused.reason, refused.detail)
        return Scored(decoded.path, decoded.header, found, decoded.fingerprint, decoded.hashes)

    def _with_tiles(self, decoded: DecodedFile, *, index: int, table: Float32Array) -> ClassifierScores:
        """Score the tiles that the whole pictures' scores call for, and choose the greatest of each label."""
        classifier, inputs = self.classifiers[index], decoded.inputs[index]
        tiles = self._plan_tiles(inputs, table, index=index)
        parts = np.empty((0, table.shape[1]), dtype=np.float32)
        if tiles.parts:
            views = self.sandbox.parts(decoded.path, preprocessing=index, wanted=tiles.by_picture(inputs.pictures))
            parts = self._compute(views, index=index)
        unseen = inputs.unseen or not tiles.all_of_them
        return ClassifierScores(
            {
                label: self._label_score(inputs, tiles, table[:, column], parts[:, column])
                for column, label in enumerate(classifier.manifest.labels)
            },
            untrusted_reason(inputs.pictures, unseen=unseen, plan=self.plan),
            inputs.measured,
            len(table) + len(parts),
        )

    def _plan_tiles(self, inputs: ClassifierInput, table: Float32Array, *, index: int) -> TilePlan:
        manifest = self.classifiers[index].manifest
        asked = self.asked.get(manifest.key, (manifest.positive_label,))
        rows = table[:, [manifest.labels.index(label) for label in asked]].tolist()
        near = [any(self.plan.is_near(value) for value in row) for row in rows]
        worst = [max(row) for row in rows]
        return plan_tiles(inputs.pictures, worst=worst, near=near, plan=self.plan, rule=manifest.preprocessing)

    def _label_score(
        self, inputs: ClassifierInput, tiles: TilePlan, wholes: Float32Array, parts: Float32Array
    ) -> LabelScore:
        """One label's score. A tile with ``near`` counts only if this label's whole score lies near the band."""
        seen = [
            Viewed(value, picture.frame, view_number(picture.appearance, part=WHOLE), picture.size)
            for value, picture in zip(wholes.tolist(), inputs.pictures, strict=True)
        ]
        for value, part in zip(parts.tolist(), tiles.parts, strict=True):
            picture = inputs.pictures[part.of]
            if not part.near or self.plan.is_near(seen[part.of].value):
                number = view_number(picture.appearance, part=part.number)
                seen.append(Viewed(value, picture.frame, number, picture.size, part.box, near=part.near))
        return LabelScore(tuple(sorted(seen, key=lambda each: -each.value)))


def _groups(outcomes: Iterable[DecodedFile | RefusedFile], *, views: int) -> Iterator[list[DecodedFile | RefusedFile]]:
    """Collect outcomes until they hold ``views`` views."""
    group: list[DecodedFile | RefusedFile] = []
    held = 0
    for outcome in outcomes:
        group.append(outcome)
        held += len(outcome.frames) if isinstance(outcome, DecodedFile) else 0
        if held >= views:
            yield group
            group, held = [], 0
    if group:
        yield group

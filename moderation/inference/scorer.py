"""Files -> scores. Knows no database: any runner may use it around the same decoding and classifiers."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from moderation.inference.classifier import BATCH, Classifier
from moderation.inference.images import Header, Limits
from moderation.inference.sandbox import Decoded, Refused, Sandbox
from moderation.inference.tensors import Float32Array

#: The whole picture. Parts of a picture, when they are looked at one by one, count from 1.
WHOLE = 0


@dataclass(frozen=True, slots=True)
class LabelScore:
    """The worst (greatest) probability of one label, and where it was seen.

    Attributes:
        value: probability in [0, 1].
        frame: index of the frame in the file, from 0.
        view: ``WHOLE``, the only view so far.
    """

    value: float
    frame: int
    view: int = WHOLE


@dataclass(frozen=True, slots=True)
class Scored:
    """One readable file: ``scores[manifest.key][label]``."""

    path: Path
    header: Header
    scores: Mapping[tuple[str, str], Mapping[str, LabelScore]]


class Scorer:
    """Scores files with several classifiers over one decode.

    Threads may share it: their files are decoded side by side and computed one batch after the other, on one core.
    """

    def __init__(self, classifiers: Sequence[Classifier], *, limits: Limits | None = None) -> None:
        self.classifiers = tuple(classifiers)
        self._computing = threading.Lock()
        self.sandbox = Sandbox(limits=limits, preprocessings=[each.manifest.preprocessing for each in self.classifiers])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the decode processes."""
        self.sandbox.close()

    def score(self, paths: Sequence[Path]) -> Iterator[Scored | Refused]:
        """Yield one outcome for each path, in order. A refused file is an outcome and disturbs no other.

        Raises:
            ModelOutputError: a network's output does not match its manifest.
            SandboxUnavailable: no decode process can be started.
        """
        for group in _groups(self.sandbox.decode(paths)):
            yield from self._score_group(group)

    def _score_group(self, group: Sequence[Decoded | Refused]) -> Iterator[Scored | Refused]:
        decoded = [outcome for outcome in group if isinstance(outcome, Decoded)]
        columns = [self._predict(decoded, index=index) for index in range(len(self.classifiers))]
        tables = iter(zip(*columns, strict=True))
        for outcome in group:
            yield outcome if isinstance(outcome, Refused) else self._scored(outcome, next(tables))

    def _predict(self, decoded: Sequence[Decoded], *, index: int) -> list[Float32Array]:
        """One array (frames, labels) for each file, computed together."""
        if not decoded:
            return []
        views = np.concatenate([each.views[index] for each in decoded])
        with self._computing:
            together = self.classifiers[index].predict(views)
        ends = np.cumsum([len(each.frames) for each in decoded])[:-1]
        return np.split(together, ends)

    def _scored(self, decoded: Decoded, tables: Sequence[Float32Array]) -> Scored:
        pairs = zip((each.manifest for each in self.classifiers), tables, strict=True)
        scores = {
            manifest.key: _worst(table, labels=manifest.labels, frames=decoded.frames) for manifest, table in pairs
        }
        return Scored(decoded.path, decoded.header, scores)


def _groups(outcomes: Iterator[Decoded | Refused]) -> Iterator[list[Decoded | Refused]]:
    """Collect outcomes until a batch of views is full, so that small files are computed together."""
    group: list[Decoded | Refused] = []
    views = 0
    for outcome in outcomes:
        group.append(outcome)
        views += len(outcome.frames) if isinstance(outcome, Decoded) else 0
        if views >= BATCH:
            yield group
            group, views = [], 0
    if group:
        yield group


def _worst(table: Float32Array, *, labels: Sequence[str], frames: Sequence[int]) -> dict[str, LabelScore]:
    rows = table.argmax(axis=0)
    return {
        label: LabelScore(float(table[row, column]), frames[row])
        for column, (label, row) in enumerate(zip(labels, rows.tolist(), strict=True))
    }

"""What is seen of a chunk's files: each is scored once, for all policies; what is known already is not asked again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from moderation.decoding.fingerprints import PdqHash
from moderation.decoding.images import Header
from moderation.decoding.sandbox import DecodedFile, RefusedFile
from moderation.inference.scorer import Spares, spare_none
from moderation.models import Score, StoredFile
from moderation.screening.engine import Engine
from moderation.screening.hash_list_lookup import HashListLookup

#: Of one file: by classifier, then by label.
FileScores = dict[int, dict[str, Score]]


@dataclass
class ScoredFiles:
    """By file, but for ``views``.

    Attributes:
        scores: those that were known, and new ones.
        refusals: what can't be read, unless lists know it: that need not be readable.
        fingerprints: what those that were decoded just now are recognised by.
        views: how many views were computed.
    """

    files: dict[int, StoredFile]
    scores: dict[int, FileScores]
    refusals: dict[int, RefusedFile] = field(default_factory=dict)
    fingerprints: dict[int, PdqHash | None] = field(default_factory=dict)
    views: int = 0


def score_files(engine: Engine, claimed: Sequence[StoredFile], *, known: HashListLookup | None = None) -> ScoredFiles:
    """Score what is not known, and save these scores. Nothing is computed for what lists know."""
    seen = ScoredFiles({file.pk: file for file in claimed}, _known_scores(engine, claimed))
    missing = [
        file
        for file in claimed
        if not _is_complete(engine, seen.scores[file.pk]) and not (known and known.spares_decode(file.pk))
    ]
    new: list[Score] = []
    for file, outcome in engine.score(missing, spares=_spares(known, missing)):
        if isinstance(outcome, RefusedFile):
            seen.refusals[file.pk] = outcome
        else:
            _note_header(file, outcome.header)
            seen.fingerprints[file.pk] = outcome.fingerprint
            seen.views += outcome.looked
            new += [each for each in engine.scores_of(file, outcome) if not _has(seen.scores[file.pk], each)]
    for score in Score.objects.bulk_create(new):
        seen.scores[score.file_id].setdefault(score.classifier_id, {})[score.label] = score
    if known:
        seen.refusals = {file: refused for file, refused in seen.refusals.items() if not known.spares(file)}
    return seen


def _known_scores(engine: Engine, claimed: Sequence[StoredFile]) -> dict[int, FileScores]:
    scores: dict[int, FileScores] = {file.pk: {} for file in claimed}
    for score in Score.objects.by(*engine.classifiers.values()).filter(file__in=claimed):
        scores[score.file_id].setdefault(score.classifier_id, {})[score.label] = score
    return scores


def _is_complete(engine: Engine, scores: FileScores) -> bool:
    return all(
        label in scores.get(classifier, {}) for classifier in engine.classifiers for label in engine.labels(classifier)
    )


def _has(scores: FileScores, score: Score) -> bool:
    return score.label in scores.get(score.classifier_id, {})


def _spares(known: HashListLookup | None, files: Sequence[StoredFile]) -> Spares:
    """Looks up what has just been decoded, so that the network is not asked about what lists know."""
    if known is None:
        return spare_none
    by_path = {file.path: file.pk for file in files}

    def spares(decoded: Sequence[DecodedFile]) -> set[Path]:
        known.recognise({by_path[each.path]: each.fingerprint for each in decoded})
        return {each.path for each in decoded if known.spares(by_path[each.path])}

    return spares


def _note_header(file: StoredFile, header: Header) -> None:
    """Keep what the decoder found, where the header could not be read at the door or said less."""
    found = {"width": header.width, "height": header.height, "frames": header.frames, "format": header.format}
    if any(getattr(file, name) != value for name, value in found.items()):
        StoredFile.objects.filter(pk=file.pk).update(**found)

"""Scores of a chunk's files: each file is scored once, for all policies, and stored scores are reused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from moderation.decoding.fingerprints import HashedPicture, PdqHash
from moderation.decoding.images import Header
from moderation.decoding.sandbox import DecodedFile, RefusedFile
from moderation.inference.classifier import BATCH
from moderation.inference.scorer import Scored
from moderation.models import PictureHash, Score, StoredFile
from moderation.screening.engine import Engine
from moderation.screening.hash_list_lookup import HashListLookup

#: Scores of one file, by classifier, then by label.
FileScores = dict[int, dict[str, Score]]

#: Where pictures are compared with hash lists, this many views are decoded before one look-up for all of them. An
#: ordinary chunk has fewer. 128 views of 384 x 384 pixels take 57 MB, for each classifier and thread.
LOOKUP_VIEWS = 128


@dataclass
class ScoredFiles:
    """Scores and facts of a chunk's files, by file.

    Attributes:
        scores: stored ones and new ones.
        refusals: files that cannot be read, unless hash lists decide all about them.
        fingerprints: of the files that were decoded just now; ``hashes`` likewise.
        views: how many views were computed.
    """

    files: dict[int, StoredFile]
    scores: dict[int, FileScores]
    refusals: dict[int, RefusedFile] = field(default_factory=dict)
    fingerprints: dict[int, PdqHash | None] = field(default_factory=dict)
    hashes: dict[int, tuple[HashedPicture, ...]] = field(default_factory=dict)
    views: int = 0


def score_files(
    engine: Engine,
    files: Sequence[StoredFile],
    *,
    lookup: HashListLookup | None = None,
    refused: Mapping[int, RefusedFile] | None = None,
) -> ScoredFiles:
    """Score the files that lack a score, and save the new scores and the hashes of the pictures.

    Nothing is computed for files that hash lists decide, nor for those in ``refused``, by file: an earlier chunk of
    this run could not read them.
    """
    scored = ScoredFiles({file.pk: file for file in files}, _stored_scores(engine, files), refusals=dict(refused or {}))
    missing = [
        file
        for file in files
        if file.pk not in scored.refusals
        and not _is_complete(engine, scored.scores[file.pk])
        and not (lookup and lookup.decides_without_decoding(file.pk))
    ]
    _save(_score(engine, missing, scored=scored, lookup=lookup), scored=scored)
    _save_hashes(scored)
    if lookup:
        scored.refusals = {pk: each for pk, each in scored.refusals.items() if not lookup.decides_all(pk)}
    return scored


def _score(
    engine: Engine, files: Sequence[StoredFile], *, scored: ScoredFiles, lookup: HashListLookup | None
) -> list[Score]:
    """Decode ``files``, look them up in the hash lists, and compute the rest. Returns the new scores, unsaved."""
    new: list[Score] = []
    views = LOOKUP_VIEWS if lookup and lookup.compares_pictures else BATCH
    for group in engine.decode(files, views=views):
        decoded = {file.pk: each for file, each in group if isinstance(each, DecodedFile)}
        scored.refusals |= {file.pk: each for file, each in group if isinstance(each, RefusedFile)}
        decided: set[int] = set()
        if lookup:
            lookup.compare_pictures({pk: each.hashes for pk, each in decoded.items()})
            decided = {pk for pk in decoded if lookup.decides_all(pk)}
        for pk in decided:
            _note_facts(scored, pk, decoded[pk])
        undecided = [pk for pk in decoded if pk not in decided]
        for pk, outcome in zip(undecided, engine.compute([decoded[pk] for pk in undecided]), strict=True):
            if isinstance(outcome, RefusedFile):
                scored.refusals[pk] = outcome
            else:
                _note_facts(scored, pk, outcome)
                scored.views += outcome.views_scored
                new += engine.scores_of(scored.files[pk], outcome)
    return new


def _save(scores: Iterable[Score], *, scored: ScoredFiles) -> None:
    """Save the scores that are not stored yet, and add them to ``scored``."""
    new = [each for each in scores if each.label not in scored.scores[each.file_id].get(each.classifier_id, {})]
    for score in Score.objects.bulk_create(new):
        scored.scores[score.file_id].setdefault(score.classifier_id, {})[score.label] = score


def _save_hashes(scored: ScoredFiles) -> None:
    """Save the hashes of the files that were decoded just now, unless an earlier decode did."""
    new = [PictureHash.of(file, each) for file, hashes in scored.hashes.items() for each in hashes]
    PictureHash.objects.bulk_create(new, ignore_conflicts=True)


def _stored_scores(engine: Engine, files: Sequence[StoredFile]) -> dict[int, FileScores]:
    scores: dict[int, FileScores] = {file.pk: {} for file in files}
    for score in Score.objects.by(*engine.classifiers.values()).filter(file__in=files):
        scores[score.file_id].setdefault(score.classifier_id, {})[score.label] = score
    return scores


def _is_complete(engine: Engine, scores: FileScores) -> bool:
    return all(
        label in scores.get(classifier, {}) for classifier in engine.classifiers for label in engine.labels(classifier)
    )


def _note_facts(scored: ScoredFiles, file: int, outcome: DecodedFile | Scored) -> None:
    scored.fingerprints[file] = outcome.fingerprint
    scored.hashes[file] = outcome.hashes
    _save_header(scored.files[file], outcome.header)


def _save_header(file: StoredFile, header: Header) -> None:
    """Keep the decoder's facts where the header could not be read at intake, or said less."""
    found = {"width": header.width, "height": header.height, "frames": header.frames, "format": header.format}
    if any(getattr(file, name) != value for name, value in found.items()):
        StoredFile.objects.filter(pk=file.pk).update(**found)

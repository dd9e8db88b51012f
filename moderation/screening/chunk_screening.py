"""Screening one slice of uploads: from files to unsaved screenings and matches with hash lists."""

from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace

from moderation.decoding.images import ImageRefused
from moderation.decoding.sandbox import RefusedFile
from moderation.models import HashMatch, Screening, ScreeningRun, Upload
from moderation.models.fingerprints import clusters_of
from moderation.models.frames import ranked_frames
from moderation.screening import clusters, records
from moderation.screening.attempts import WATCH
from moderation.screening.chunk import Chunk, UploadSlice
from moderation.screening.engine import Engine
from moderation.screening.hash_list_lookup import HashListLookup, Pair, routed_pairs
from moderation.screening.router import Router
from moderation.screening.scored_files import ScoredFiles, score_files
from moderation.screening.walk import Unfinished

PairsOf = Callable[[Sequence[Upload]], Set[Pair]]


@dataclass(frozen=True, kw_only=True)
class ScreenedSlice:
    """The screening of one slice, unsaved. ``refusals`` is by file."""

    uploads: list[Upload]
    screenings: list[Screening]
    matches: list[HashMatch]
    refusals: dict[int, RefusedFile]
    views: int


class ChunkScreener:
    """Screens slices of uploads by one run's rulebook."""

    def __init__(self, engine: Engine, *, run: ScreeningRun, dry_run: bool) -> None:
        self.engine, self.run, self.dry_run = engine, run, dry_run
        self.policies = engine.rulebook.policies
        self.router = Router(engine.rulebook, run)

    def screen(self, part: UploadSlice, *, resumed: Unfinished | None, done: PairsOf | None = None) -> ScreenedSlice:
        """Screen the slice's uploads, without saving.

        Args:
            part: the slice; its files are locked.
            resumed: an earlier slice of the only file; if it could not read the file, nor is it read now.
            done: returns the (upload, policy) pairs that need no screening; by default those that are routed. Called
                after scoring, shortly before the commit.
        """
        routed = routed_pairs(part.uploads)
        lookup = HashListLookup(part.files, part.uploads, policies=self.policies, routed=routed)
        refused = {resumed.file: resumed.refusal} if resumed and resumed.refusal else {}
        scored = score_files(self.engine, part.files, lookup=lookup, refused=refused)
        readable = [upload for upload in part.uploads if upload.file_id not in scored.refusals]
        matches = lookup.matches(readable, run=self.run)
        skipped = {match.pair for match in matches} | (routed if done is None else done(readable))
        screenings = self._screenings(readable, scored, skipped=skipped)
        # Last, because nobody can contest an entry from here until the commit. Uploads whose entry was contested
        # meanwhile stay pending, and the walk comes back to them.
        left = lookup.contested_meanwhile()
        dropped = scored.refusals.keys() | left
        return ScreenedSlice(
            uploads=[upload for upload in part.uploads if upload.file_id not in left],
            screenings=[each for each in screenings if each.upload.file_id not in dropped],
            matches=[each for each in matches if each.upload.file_id not in dropped],
            refusals=scored.refusals,
            views=scored.views,
        )

    def _screenings(self, readable: Sequence[Upload], scored: ScoredFiles, *, skipped: Set[Pair]) -> list[Screening]:
        """Build the screenings of all pairs that are not ``skipped``.

        Files whose renditions cannot be made are added to ``scored.refusals``: nobody could review them.
        """
        screenings = self.router.screenings(readable, scores=scored.scores, skipped=skipped)
        cluster_of = self._clusters(scored)
        for screening in screenings:
            screening.duplicate_cluster = cluster_of.get(screening.upload.file_id)
        if not self.dry_run:
            scored.refusals |= self._render(screenings, scored)
        return screenings

    def _clusters(self, scored: ScoredFiles) -> dict[int, int]:
        """Return the near-duplicate cluster of each file, by file; new files join one. A dry run only looks up."""
        stored = clusters_of(scored.files)
        if self.dry_run:
            return stored
        new = {file: each for file, each in scored.fingerprints.items() if file not in stored}
        return stored | clusters.join(new, using=WATCH)

    def _render(self, screenings: Sequence[Screening], scored: ScoredFiles) -> dict[int, RefusedFile]:
        """Write the renditions that reviewers will see. Returns the files that cannot be rendered."""
        refusals: dict[int, RefusedFile] = {}
        for file_id, policy_id in {
            (s.upload.file_id, s.policy_id): None for s in screenings if records.needs_person(s)
        }:
            file = scored.files[file_id]
            scores = self.router.scores_for(policy_id, scored.scores[file_id])
            try:
                self.engine.render(file, frames=ranked_frames(scores.values()))
            except ImageRefused as refused:
                refusals[file.pk] = RefusedFile(file.path, refused.reason, refused.detail)
        return refusals


def save_rest(screened: ScreenedSlice, *, part: UploadSlice, quarantinable: Sequence[Upload]) -> Chunk:
    """Save everything except the screenings: matches, quarantine and statuses. Returns the chunk with its counts.

    ``quarantinable``: the uploads that are quarantined if their file cannot be read.
    """
    records.save_matches(screened.matches)
    quarantined = records.quarantine(screened.refusals, uploads=quarantinable)
    records.update_statuses(screened.uploads)
    counts = records.count(screened.screenings, screened.matches) + quarantined
    counts += Counter(uploads=quarantined.total(), views=screened.views)
    return finished_chunk(part, counts=counts, refusals=screened.refusals)


def finished_chunk(part: UploadSlice, *, counts: Counter[str], refusals: dict[int, RefusedFile]) -> Chunk:
    """The result of a chunk that worked on ``part``."""
    counts["files"] = len(part.claimed) - bool(part.unfinished)
    unfinished = part.unfinished and replace(part.unfinished, refusal=refusals.get(part.unfinished.file))
    return Chunk(last_file=part.claimed[-1].pk, unfinished=unfinished, counts=counts)

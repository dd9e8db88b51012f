"""One chunk: claim files, score each once, screen all their uploads, commit everything together.

What hash lists know (``known``) is routed by them instead.

The row locks are the claim: a killed process gives them back at once. This is the one place where slow work runs in
a transaction; a chunk lasts seconds.
"""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Exists

from moderation.decoding.images import ImageRefused
from moderation.decoding.sandbox import RefusedFile
from moderation.models import Screening, ScreeningRun, StoredFile, Upload
from moderation.models.fingerprints import clusters_of
from moderation.models.frames import ranked_frames
from moderation.models.uploads import StoredFileQuerySet, UploadQuerySet
from moderation.screening import clusters, records
from moderation.screening.attempts import WATCH, Attempts, suspects
from moderation.screening.engine import Engine
from moderation.screening.hash_list_lookup import HashListLookup, routed
from moderation.screening.newest_first import FRESH, first_fresh_file, strays
from moderation.screening.scored_files import ScoredFiles, score_files


@dataclass
class Chunk:
    """What one chunk did.

    ``counts``: files, uploads, approve, review, reject, audits, untrusted, matched, quarantined:<reason>, and views
    computed.
    """

    last_file: int = 0
    counts: Counter[str] = field(default_factory=Counter)


class Screener:
    """Does chunks for one worker, walking through the pending files in primary-key order, fresh ones first.

    ``since``: only what was received since then is screened.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        run: ScreeningRun,
        attempts: Attempts,
        dry_run: bool = False,
        since: datetime | None = None,
    ) -> None:
        self.engine, self.run, self.attempts, self.dry_run, self.since = engine, run, attempts, dry_run, since
        self.policies = [root.policy_id for root in engine.rulebook.roots]
        self.router = records.Router(engine.rulebook, run)
        self.after = 0
        self.fresh_after: int | None = None
        self.after_suspect = 0

    def wanted(self) -> UploadQuerySet:
        """The uploads that are to be screened."""
        return Upload.objects.pending().lacking(self.policies).received_since(self.since)

    def fresh_since(self) -> datetime | None:
        """What was received since then comes first; None: all in one walk, as what a dry run saw is wanted still."""
        return None if self.dry_run else self.since or self.run.started_at - FRESH

    def first_file(self) -> int:
        """Where the walk through the files may begin."""
        return Upload.objects.first_pending_file() or 0

    def next_chunk(self, size: int) -> Chunk:
        """Screen up to ``size`` files that nobody else holds; a chunk without files means that none is left."""
        fresh_since = self.fresh_since()
        if fresh_since is None:
            return self._next_of_all(size)
        chunk = self.next_fresh(size, since=fresh_since)
        return chunk if chunk.counts["files"] or self.since else self._next_of_all(size)

    def next_fresh(self, size: int, *, since: datetime) -> Chunk:
        """What has come in meanwhile is fresh, too: asked again at every chunk, at the price of two look-ups."""
        if self.fresh_after is None:
            self.fresh_after = first_fresh_file(since) - 1
        after, unsuspected = self.fresh_after, StoredFile.objects.exclude(Exists(suspects()))
        chunk = self._screen(unsuspected, first=after + 1, size=size)
        self.fresh_after = max(after, chunk.last_file)
        if not chunk.counts["files"] and (found := strays(self.wanted(), since=since, before=after + 1)):
            return self._screen(unsuspected.filter(pk__in=found), first=min(found), size=size)
        return chunk

    def _next_of_all(self, size: int) -> Chunk:
        start = max(self.after + 1, self.first_file())
        chunk = self._screen(StoredFile.objects.exclude(Exists(suspects())), first=start, size=size)
        if not chunk.counts["files"] and self.after and self.may_start_again():
            self.after = 0  # uploads of files passed already may have come in since
            return self._next_of_all(size)
        self.after = chunk.last_file
        return chunk

    def may_start_again(self) -> bool:
        """Whether the walk begins anew at its end: what it screens is not wanted any more, but in a dry run."""
        return not self.dry_run

    def next_suspect(self) -> Chunk:
        """Screen one file that a worker died with, alone; each once in a worker's life."""
        suspected = StoredFile.objects.filter(Exists(suspects()))
        chunk = self._screen(suspected, first=self.after_suspect + 1, size=1)
        self.after_suspect = max(self.after_suspect, chunk.last_file)
        return chunk

    def _screen(self, candidates: StoredFileQuerySet, *, first: int, size: int) -> Chunk:
        with transaction.atomic():
            claimed, uploads = self.claim(candidates, first=first, size=size)
            chunk = Chunk(last_file=claimed[-1].pk if claimed else 0)
            if uploads:
                self._begin(claimed)
                chunk.counts.update(self._work(claimed, uploads))
            chunk.counts["files"] = len(claimed)
            self._record(chunk)
        if not self.dry_run:
            self.attempts.clear(claimed)
        return chunk

    def claim(self, candidates: StoredFileQuerySet, *, first: int, size: int) -> tuple[list[StoredFile], list[Upload]]:
        """Lock up to ``size`` files from ``first`` on that nobody else holds, until the transaction ends.

        Returns them with their uploads to screen.
        """
        # Both sides are bounded: merging them, the database would else read all earlier uploads first.
        uploads = self.wanted().filter(file__gte=first)
        wanted = candidates.filter(pk__gte=first).of_uploads(uploads).order_by("pk")
        claimed = list(wanted.select_for_update(skip_locked=True, no_key=True, of=("self",))[:size])
        # Another worker may have committed between our snapshot and our lock: look again.
        return claimed, list(self.wanted().filter(file__in=claimed).order_by("pk"))

    def _begin(self, claimed: Sequence[StoredFile]) -> None:
        if not self.dry_run:
            self.attempts.begin(claimed)

    def _work(self, claimed: Sequence[StoredFile], uploads: Sequence[Upload]) -> Counter[str]:
        known = HashListLookup(claimed, uploads, policies=self.policies)
        seen = score_files(self.engine, claimed, known=known)
        readable = [upload for upload in uploads if upload.file_id not in seen.refusals]
        matches = known.matches(readable, run=self.run)
        screenings = self._screenings(readable, seen, done={match.pair for match in matches})
        # What was contested since it was looked up stays pending: the walk comes by again. Asked last, as nobody can
        # contest an entry from now on until we commit.
        left = known.contested_meanwhile()
        uploads = [upload for upload in uploads if upload.file_id not in left]
        dropped = seen.refusals.keys() | left
        screenings = [screening for screening in screenings if screening.upload.file_id not in dropped]
        matches = [match for match in matches if match.upload.file_id not in dropped]
        self.save(screenings)
        records.save_matches(matches)
        quarantined = self.quarantine(seen.refusals, uploads=uploads)
        records.settle_all(uploads)
        return records.count(screenings, matches) + quarantined + Counter(uploads=quarantined.total(), views=seen.views)

    def _screenings(
        self, readable: Sequence[Upload], seen: ScoredFiles, *, done: Set[tuple[int, int]]
    ) -> list[Screening]:
        """Unsaved ones of what is not ``done`` by a list; what can't be shown to people is refused."""
        screenings = self.router.screenings(readable, scores=seen.scores, done=self.done(readable) | done)
        cluster_of = self._clusters(seen)
        for screening in screenings:
            screening.duplicate_cluster = cluster_of.get(screening.upload.file_id)
        if not self.dry_run:
            seen.refusals |= self._render(screenings, seen)
        return screenings

    def save(self, screenings: Sequence[Screening]) -> None:
        records.save_screenings(screenings)

    def quarantine(self, refusals: dict[int, RefusedFile], *, uploads: Sequence[Upload]) -> Counter[str]:
        return records.quarantine(refusals, uploads=uploads)

    def done(self, uploads: Sequence[Upload]) -> set[tuple[int, int]]:
        """(upload, policy) that need no screening any more."""
        return routed(uploads)

    def _clusters(self, seen: ScoredFiles) -> dict[int, int]:
        """By file, the one that stands for all that are nearly the same picture."""
        known = clusters_of(seen.files)
        if self.dry_run:
            return known
        new = {file: each for file, each in seen.fingerprints.items() if file not in known}
        return known | clusters.join(new, using=WATCH)

    def _render(self, screenings: Sequence[Screening], seen: ScoredFiles) -> dict[int, RefusedFile]:
        """Make the renditions of what people will be asked about. What can't be shown is not asked."""
        refusals: dict[int, RefusedFile] = {}
        for screening in filter(records.needs_person, screenings):
            file = seen.files[screening.upload.file_id]
            ruling = self.router.ruling(screening.policy_id, seen.scores[file.pk])
            try:
                self.engine.render(file, shots=ranked_frames(ruling.values()))
            except ImageRefused as refused:
                refusals[file.pk] = RefusedFile(file.path, refused.reason, refused.detail)
        return refusals

    def _record(self, chunk: Chunk) -> None:
        """Add the chunk to its run in the same transaction, or leave no trace in a dry run."""
        if self.dry_run:
            transaction.set_rollback(True)
        elif chunk.counts["uploads"]:
            self.run.add(chunk.counts)

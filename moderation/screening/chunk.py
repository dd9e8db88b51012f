"""One chunk: claim files, do the run's work on them, and commit everything together.

The row locks are the claim: a killed process gives its files back at once. This is the one place where slow work runs
in a transaction; a chunk lasts seconds.

1. The walk says where to claim (``walk``).
2. Files are locked; locked ones are skipped.
3. The attempt is noted outside the transaction, so that it is known if the worker dies.
4. The strategy does the work: ``pending``, ``rescreening`` or ``shadow_scoring``.
5. The chunk's counts are added to its run, and the transaction commits.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from django.db import transaction

from moderation.models import ScreeningRun, StoredFile, Upload
from moderation.models.uploads import UploadQuerySet
from moderation.screening.attempts import Attempts
from moderation.screening.walk import Stretch, Unfinished, Walk


@dataclass(frozen=True)
class UploadSlice:
    """The uploads of one chunk, of which there is a maximum: a file may have any number.

    Attributes:
        claimed: the files that the slice passes; those after them are left for the next chunk.
        unfinished: the last of them, if it has more uploads.
    """

    claimed: list[StoredFile]
    uploads: list[Upload]
    unfinished: Unfinished | None = None

    @property
    def files(self) -> list[StoredFile]:
        """The files with an upload in the slice."""
        used = {upload.file_id for upload in self.uploads}
        return [file for file in self.claimed if file.pk in used]

    @classmethod
    def of(cls, files: Sequence[StoredFile], *, wanted: UploadQuerySet, most: int) -> "UploadSlice":
        """Read at most ``most`` uploads of ``files``, which are in the order of their ids."""
        # Only now that the files are locked: another worker may have committed between our claim's snapshot and lock.
        uploads = list(wanted.filter(file__in=files).order_by("file_id", "pk")[: most + 1])
        if len(uploads) <= most:
            return cls(list(files), sorted(uploads, key=lambda each: each.pk))
        *uploads, extra = uploads
        # The first upload too many may begin another file: then that file is left for the next chunk.
        kept = [file for file in files if file.pk <= uploads[-1].file_id]
        more = Unfinished(extra.file_id, uploads[-1].pk) if extra.file_id == uploads[-1].file_id else None
        return cls(kept, sorted(uploads, key=lambda each: each.pk), more)


@dataclass
class Chunk:
    """The result of one chunk.

    Attributes:
        last_file: the walk goes on after it; 0 if no file was claimed.
        unfinished: the file that has more uploads.
        counts: files (finished ones), uploads, approve, review, reject, audits, untrusted, matched,
            quarantined:<reason>, and views computed.
    """

    last_file: int = 0
    unfinished: Unfinished | None = None
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def is_empty(self) -> bool:
        """Whether no file was left to claim."""
        return not self.last_file


class Strategy(Protocol):
    """The work of a run on claimed files."""

    def work(self, files: Sequence[StoredFile], *, wanted: UploadQuerySet, resumed: Unfinished | None) -> Chunk:
        """Do the work on the ``wanted`` uploads of ``files`` and write its results.

        ``resumed``: what an earlier chunk left of the only file.
        """
        ...


class ChunkRunner:
    """Runs chunks for one worker; its threads share it."""

    def __init__(
        self, walk: Walk, strategy: Strategy, *, run: ScreeningRun, attempts: Attempts, dry_run: bool = False
    ) -> None:
        self.walk, self.strategy, self.run, self.attempts, self.dry_run = walk, strategy, run, attempts, dry_run

    def next_chunk(self, size: int) -> Chunk:
        """Work on up to ``size`` files that nobody else holds. An empty chunk means that none is left."""
        return self._first_of(self.walk.stretches(), size=size)

    def next_suspect(self) -> Chunk:
        """Work on one file that a worker died with, alone."""
        return self._first_of(self.walk.suspects(), size=1)

    def _first_of(self, stretches: Iterable[Stretch], *, size: int) -> Chunk:
        for stretch in stretches:
            chunk = self._chunk(stretch, size=size)
            stretch.cursor.after = max(stretch.cursor.after, chunk.last_file)
            if chunk.unfinished:
                self.walk.leave_unfinished(chunk.unfinished)
            if not chunk.is_empty:
                return chunk
        return Chunk()

    def _chunk(self, stretch: Stretch, *, size: int) -> Chunk:
        with transaction.atomic():
            wanted = self._wanted(stretch)
            files = lock_files(stretch, wanted=wanted, size=size)
            chunk = self._work(files, wanted=wanted, resumed=stretch.unfinished) if files else Chunk()
            self._record(chunk)
        if files and not self.dry_run:
            self.attempts.clear(files)
        return chunk

    def _wanted(self, stretch: Stretch) -> UploadQuerySet:
        wanted = self.walk.wanted()
        return wanted.filter(pk__gt=stretch.unfinished.upload) if stretch.unfinished else wanted

    def _work(self, files: Sequence[StoredFile], *, wanted: UploadQuerySet, resumed: Unfinished | None) -> Chunk:
        if not self.dry_run:
            self.attempts.begin(files)
        return self.strategy.work(files, wanted=wanted, resumed=resumed)

    def _record(self, chunk: Chunk) -> None:
        """Add the chunk to its run in the same transaction. A dry run rolls everything back."""
        if self.dry_run:
            transaction.set_rollback(True)
        elif chunk.counts["uploads"]:
            self.run.add(chunk.counts)


def lock_files(stretch: Stretch, *, wanted: UploadQuerySet, size: int) -> list[StoredFile]:
    """Lock up to ``size`` files that have a wanted upload and that nobody else holds, until the transaction ends."""
    # Both sides are bounded: otherwise the database would read all earlier uploads first to merge them.
    uploads = wanted.filter(file__gte=stretch.first)
    files = stretch.files.filter(pk__gte=stretch.first).of_uploads(uploads).order_by("pk")
    return list(files.select_for_update(skip_locked=True, no_key=True, of=("self",))[:size])

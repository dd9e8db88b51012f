"""The walk: which files a worker claims next, and in which order.

1. Files whose uploads did not all fit into an earlier chunk.
2. Fresh files, in the order of their ids, then strays (``newest_first``). Pending runs only.
3. All other files, in the order of their ids. A pending run starts again at the end, as long as it finds files.
4. Files that a worker died with, one by one (``suspects``).
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists

from moderation.decoding.sandbox import RefusedFile
from moderation.models import StoredFile
from moderation.models.uploads import StoredFileQuerySet, UploadQuerySet
from moderation.screening.attempts import suspects
from moderation.screening.newest_first import first_fresh_file, strays


@dataclass
class Cursor:
    """The last file that was passed."""

    after: int = 0


@dataclass(frozen=True)
class Unfinished:
    """A file whose uploads did not all fit into one chunk.

    Attributes:
        upload: the last upload that did; the rest has larger ids.
        refusal: why the file cannot be read, if it cannot.
    """

    file: int
    upload: int
    refusal: RefusedFile | None = None


@dataclass(frozen=True)
class Stretch:
    """Files to claim the next chunk from, by id from ``first`` on."""

    files: StoredFileQuerySet
    first: int
    cursor: Cursor = field(default_factory=Cursor)
    unfinished: Unfinished | None = None


class Walk:
    """One worker's way through the files; its threads share it."""

    def __init__(
        self,
        wanted: Callable[[], UploadQuerySet],
        *,
        first_file: Callable[[], int] = lambda: 0,
        fresh_since: datetime | None = None,
        only_fresh: bool = False,
        starts_again: bool = False,
    ) -> None:
        """Begin a walk.

        Args:
            wanted: the uploads to screen, at the time of the call.
            first_file: where the walk through all files may begin.
            fresh_since: uploads received since then come first; None takes all files in one pass.
            only_fresh: leave all other files out.
            starts_again: start again at the end, for uploads that came in meanwhile. Only where a chunk's uploads are
                not wanted any more after it; otherwise the walk would not end.
        """
        self.wanted, self.first_file = wanted, first_file
        self.fresh_since, self.only_fresh, self.starts_again = fresh_since, only_fresh, starts_again
        self._unfinished: deque[Unfinished] = deque()
        self._fresh: Cursor | None = None
        self._all, self._suspect = Cursor(), Cursor()

    def stretches(self) -> Iterator[Stretch]:
        """Yield where to claim the next chunk. Use the first stretch with a file that nobody else holds."""
        yield from self._unfinished_files()
        if self.fresh_since is not None:
            yield from self.fresh_files(self.fresh_since)
        if not self.only_fresh:
            yield from self._all_files()

    def suspects(self) -> Iterator[Stretch]:
        """Yield where to claim a file that a worker died with; each comes once in a worker's life."""
        yield from self._unfinished_files()
        yield Stretch(StoredFile.objects.filter(Exists(suspects())), self._suspect.after + 1, self._suspect)

    def leave_unfinished(self, unfinished: Unfinished) -> None:
        """Come back to a file before all others."""
        self._unfinished.append(unfinished)

    def _unfinished_files(self) -> Iterator[Stretch]:
        while self._unfinished:
            try:
                each = self._unfinished.popleft()
            except IndexError:  # another thread took it
                return
            # If another worker holds the file, that worker finishes it.
            yield Stretch(StoredFile.objects.filter(pk=each.file), each.file, unfinished=each)

    def fresh_files(self, since: datetime) -> Iterator[Stretch]:
        """Yield fresh files, then strays. Uploads that came in meanwhile are fresh too, so each chunk looks again."""
        if self._fresh is None:
            self._fresh = Cursor(first_fresh_file(since) - 1)
        first = self._fresh.after + 1
        yield Stretch(_unsuspected(), first, self._fresh)
        if found := strays(self.wanted(), since=since, before=first):
            yield Stretch(_unsuspected().filter(pk__in=found), min(found))

    def _all_files(self) -> Iterator[Stretch]:
        yield Stretch(_unsuspected(), max(self._all.after + 1, self.first_file()), self._all)
        if self.starts_again and self._all.after:
            self._all.after = 0
            yield Stretch(_unsuspected(), self.first_file(), self._all)


def _unsuspected() -> StoredFileQuerySet:
    return StoredFile.objects.exclude(Exists(suspects()))

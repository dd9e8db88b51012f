"""What hash lists decide about a chunk's files: those are routed without a score, and known bytes without a decode.

Lists are read anew for every chunk: an import, a disabled list or a contested entry counts from the next chunk on.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Exists, OuterRef

from moderation.decoding.fingerprints import HashedPicture, searches
from moderation.models import HashEntry, HashList, HashMatch, PictureHash, Screening, ScreeningRun, StoredFile, Upload
from moderation.models.hash_lists import HashEntryQuerySet

#: (upload, policy), or (file, policy): by their ids.
Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class ListHit:
    """An entry that matches a file. ``distance`` is in bits; 0 for the same bytes."""

    entry: HashEntry
    distance: int

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Sort key; the smallest decides: known-bad first, then the nearest, then the oldest entry."""
        return not self.entry.hash_list.is_bad, self.distance, self.entry.pk


def byte_hits(digests: Mapping[int, Iterable[str]], *, entries: HashEntryQuerySet) -> Iterator[tuple[int, ListHit]]:
    """Yield each of ``entries`` that has a digest of a file, with the file. ``digests`` is by file. One query."""
    # Two files can share an MD5 hash.
    wanted = [(digest, file) for file, found in digests.items() for digest in found if digest]
    files: dict[str, list[int]] = {}
    for digest, file in wanted:
        files.setdefault(digest, []).append(file)
    for entry in entries.filter(digest__in=files):
        if entry.hash_list.is_bad or entry.can_vouch:
            yield from ((file, ListHit(entry=entry, distance=0)) for file in files[entry.digest])


def picture_hits(
    hashes: Mapping[int, Iterable[HashedPicture]], *, entries: HashEntryQuerySet
) -> Iterator[tuple[int, ListHit]]:
    """Yield each of ``entries`` within its list's radius of a file's picture, with the file. ``hashes`` is by file.

    Every hash of a file is compared with known-bad entries; known-good ones only match a hash that can vouch for the
    file (``searches``). Two queries.
    """
    wanted = [(file, *search) for file, found in hashes.items() for search in searches(found).items()]
    near = HashEntry.near([pdq for _, pdq, _ in wanted])
    found = entries.in_bulk({each.pk for each in near})
    for each in near:
        file, _, vouches = wanted[each.query]
        entry = found.get(each.pk)
        if entry and each.distance <= entry.hash_list.radius and (entry.hash_list.is_bad or vouches):
            yield file, ListHit(entry=entry, distance=each.distance)


class HashListLookup:
    """The hits of one chunk.

    Attributes:
        hits: by (file, policy), the hit that decides.
        lists: the lists in use.
    """

    def __init__(
        self,
        files: Sequence[StoredFile],
        uploads: Sequence[Upload],
        *,
        policies: Collection[int],
        routed: Collection[Pair],
    ) -> None:
        """Look up everything that needs no decode. Takes one query if no list is in use.

        ``routed``: (upload, policy) pairs that a screening or a match has routed already.
        """
        self.hits: dict[Pair, ListHit] = {}
        self.lists = _lists_in_use(policies)
        self.picture_lists = [each for each in self.lists if each.has_pictures]  # type: ignore[attr-defined]  # annotated
        self.uploads, self.policies, self.routed = uploads, policies, routed
        self._compared: set[int] = set()
        if self.lists:
            self._look_up_bytes(files)
            self._look_up_stored_hashes(files)

    @property
    def compares_pictures(self) -> bool:
        """Whether a list in use has PDQ hashes, so that decoded files are worth a look-up."""
        return bool(self.picture_lists)

    @cached_property
    def undecided(self) -> set[Pair]:
        """(upload, policy) pairs that neither a screening nor a match has routed."""
        return {(upload.pk, policy) for upload in self.uploads for policy in self.policies}.difference(self.routed)

    def decides_all(self, file: int) -> bool:
        """Whether lists route all uploads of ``file`` under all policies, so that its score is not needed."""
        return bool(self.hits) and all(
            (upload.pk, policy) in self.undecided and (file, policy) in self.hits
            for upload in self.uploads
            if upload.file_id == file
            for policy in self.policies
        )

    def decides_without_decoding(self, file: int) -> bool:
        """Whether lists decide all, and no picture on a known-bad list could still overrule a known-good one."""
        return self.decides_all(file) and all(self._is_final(file, policy) for policy in self.policies)

    def _is_final(self, file: int, policy: int) -> bool:
        if self.hits[file, policy].entry.hash_list.is_bad or file in self._compared:
            return True
        return not any(each.is_bad and each.policy_id == policy for each in self.picture_lists)

    def compare_pictures(self, hashes: Mapping[int, Iterable[HashedPicture]]) -> None:
        """Look up PDQ hashes, and those of the mirror images, by file. A file may be looked up more than once."""
        self._compared |= hashes.keys()
        if self.compares_pictures:
            self._add(picture_hits(hashes, entries=self._enabled()))

    def matches(self, uploads: Iterable[Upload], *, run: ScreeningRun) -> list[HashMatch]:
        """Build the matches of ``uploads``, unsaved: one for each undecided (upload, policy) with a hit."""
        return [
            HashMatch(
                upload=upload,
                policy_id=policy,
                entry=hit.entry,
                run=run,
                distance=hit.distance,
                route=hit.entry.hash_list.route,
            )
            for upload in uploads
            for policy in self.policies
            if (upload.pk, policy) in self.undecided and (hit := self.hits.get((upload.file_id, policy)))
        ]

    def contested_meanwhile(self) -> set[int]:
        """Return the files with a hit that was contested or disabled since the look-up.

        From now until the transaction ends, the entries of all other hits are locked against that.
        """
        if not self.hits:
            return set()
        still_on = HashEntry.objects.lock_routing({hit.entry.pk for hit in self.hits.values()})
        return {file for (file, _), hit in self.hits.items() if hit.entry.pk not in still_on}

    def _look_up_bytes(self, files: Sequence[StoredFile]) -> None:
        digests = {file.pk: (file.sha256, file.md5, file.sha1) for file in files}
        self._add(byte_hits(digests, entries=self._enabled()))

    def _look_up_stored_hashes(self, files: Sequence[StoredFile]) -> None:
        """Look up the pictures of files that were decoded before."""
        stored: dict[int, list[HashedPicture]] = {}
        for each in PictureHash.objects.filter(file__in=files):
            stored.setdefault(each.file_id, []).append(each.hashed_picture())
        self.compare_pictures(stored)

    def _enabled(self) -> HashEntryQuerySet:
        return HashEntry.objects.routing().filter(hash_list__in=self.lists).select_related("hash_list")

    def _add(self, found: Iterable[tuple[int, ListHit]]) -> None:
        for file, hit in found:
            key = file, hit.entry.hash_list.policy_id
            if key not in self.hits or hit.rank < self.hits[key].rank:
                self.hits[key] = hit


def routed_pairs(uploads: Sequence[Upload]) -> set[Pair]:
    """Return the (upload, policy) pairs with a live screening or a live match."""
    screened = Screening.objects.live().filter(upload__in=uploads).values_list("upload_id", "policy_id")
    matched = HashMatch.objects.live().filter(upload__in=uploads).values_list("upload_id", "policy_id")
    return set(screened.union(matched))


def _lists_in_use(policies: Collection[int]) -> list[HashList]:
    pictures = HashEntry.objects.filter(hash_list=OuterRef("pk"), pdq__isnull=False)
    lists = HashList.objects.in_use().filter(policy__in=policies)
    return list(lists.annotate(has_pictures=Exists(pictures)))

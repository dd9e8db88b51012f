"""What hash lists know of a chunk's files: it is routed without the network, and bytes that are known without a decode.

Lists are read anew for every chunk: one that is imported, switched off or contested while a pre-screen runs counts from
the next chunk on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Exists, OuterRef

from moderation.decoding.fingerprints import PdqHash as Picture
from moderation.models import Fingerprint, HashEntry, HashList, HashMatch, Screening, ScreeningRun, StoredFile, Upload
from moderation.models.hash_lists import HashEntryQuerySet

#: (upload, policy), and (file, policy): by their ids.
Pair = tuple[int, int]
Found = Mapping[int, Picture | None]


@dataclass(frozen=True, kw_only=True)
class ListHit:
    """An entry that knows a file. ``distance`` in bits; 0 for the same bytes."""

    entry: HashEntry
    distance: int

    @property
    def rank(self) -> tuple[bool, int, int]:
        """The least one rules: known-bad, then the nearest, then the oldest."""
        return not self.entry.hash_list.is_bad, self.distance, self.entry.pk


class HashListLookup:
    """The hits of one chunk. Uploads that a policy has routed before are not asked about.

    Attributes:
        hits: by (file, policy), the one that rules.
    """

    def __init__(self, claimed: Sequence[StoredFile], uploads: Sequence[Upload], *, policies: Collection[int]) -> None:
        """Look up what can be known without a decode. Where no list is in use that takes one query."""
        self.hits: dict[Pair, ListHit] = {}
        self.lists = _in_use(policies)
        self.pictured = [each for each in self.lists if each.has_pictures]  # type: ignore[attr-defined]  # annotated
        self.uploads, self.policies = uploads, policies
        self._compared: set[int] = set()
        if self.lists:
            self._look_up_bytes(claimed)
            self._look_up_pictures(claimed)

    @cached_property
    def open(self) -> set[Pair]:
        """(upload, policy) that neither a screening nor a match has routed."""
        asked = {(upload.pk, policy) for upload in self.uploads for policy in self.policies}
        return asked - routed(self.uploads) if self.lists else set()

    def spares(self, file: int) -> bool:
        """Whether lists route all uploads of ``file`` under all policies: nobody needs its score."""
        return bool(self.hits) and all(
            (upload.pk, policy) in self.open and (file, policy) in self.hits
            for upload in self.uploads
            if upload.file_id == file
            for policy in self.policies
        )

    def spares_decode(self, file: int) -> bool:
        """The same, and no picture on a known-bad list could still overrule a known-good one."""
        return self.spares(file) and all(self._is_final(file, policy) for policy in self.policies)

    def _is_final(self, file: int, policy: int) -> bool:
        if self.hits[file, policy].entry.hash_list.is_bad or file in self._compared:
            return True
        return not any(each.is_bad and each.policy_id == policy for each in self.pictured)

    def recognise(self, found: Found) -> None:
        """Look up pictures, and their mirror images, by what was found in files. The same file may come twice."""
        self._compared |= found.keys()
        if not self.pictured:
            return
        asked = [(file, pdq) for file, each in found.items() if each and each.is_distinctive for pdq in each.both]
        near = HashEntry.near([pdq for _, pdq in asked])
        entries = self._entries(each.pk for each in near)
        for each in near:
            entry = entries.get(each.pk)
            if entry and each.distance <= entry.hash_list.radius:
                self._note(asked[each.query][0], ListHit(entry=entry, distance=each.distance))

    def matches(self, uploads: Sequence[Upload], *, run: ScreeningRun) -> list[HashMatch]:
        """Unsaved, one for each of ``uploads`` and policy that is open and known."""
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
            if (upload.pk, policy) in self.open and (hit := self.hits.get((upload.file_id, policy)))
        ]

    def contested_meanwhile(self) -> set[int]:
        """Files of which a hit was contested, or switched off, since it was looked up. None can be until we commit."""
        if not self.hits:
            return set()
        still_on = HashEntry.objects.lock_routing({hit.entry.pk for hit in self.hits.values()})
        return {file for (file, _), hit in self.hits.items() if hit.entry.pk not in still_on}

    def _look_up_bytes(self, claimed: Sequence[StoredFile]) -> None:
        by_sha256 = {file.sha256: file.pk for file in claimed}
        for entry in self._on().filter(sha256__in=by_sha256):
            self._note(by_sha256[entry.sha256], ListHit(entry=entry, distance=0))

    def _look_up_pictures(self, claimed: Sequence[StoredFile]) -> None:
        """Of files that were decoded before."""
        stored = Fingerprint.objects.filter(file__in=claimed).values_list("file_id", "pdq", "mirrored", "quality")
        self.recognise(
            {
                file: None if pdq is None else Picture(pdq, mirrored or pdq, quality)
                for file, pdq, mirrored, quality in stored
            }
        )

    def _entries(self, pks: Iterable[int]) -> dict[int, HashEntry]:
        return self._on().in_bulk(set(pks))

    def _on(self) -> HashEntryQuerySet:
        return HashEntry.objects.routing().filter(hash_list__in=self.lists).select_related("hash_list")

    def _note(self, file: int, hit: ListHit) -> None:
        key = file, hit.entry.hash_list.policy_id
        if key not in self.hits or hit.rank < self.hits[key].rank:
            self.hits[key] = hit


def routed(uploads: Sequence[Upload]) -> set[Pair]:
    """(upload, policy) with a live screening or a live match."""
    screened = Screening.objects.live().filter(upload__in=uploads).values_list("upload_id", "policy_id")
    matched = HashMatch.objects.live().filter(upload__in=uploads).values_list("upload_id", "policy_id")
    return set(screened.union(matched))


def _in_use(policies: Collection[int]) -> list[HashList]:
    pictures = HashEntry.objects.filter(hash_list=OuterRef("pk"), pdq__isnull=False)
    lists = HashList.objects.in_use().filter(policy__in=policies)
    return list(lists.annotate(has_pictures=Exists(pictures)))

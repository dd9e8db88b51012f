"""Check which hash lists match a file. Nothing is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from moderation.decode_limits import decode_limits
from moderation.decoding.fingerprints import HashedPicture
from moderation.decoding.sandbox import DecodedFile, RefusedFile, Sandbox
from moderation.decoding.views import Appearance
from moderation.inference import embedded
from moderation.intake.digests import Digests
from moderation.models import HashEntry, HashList, HashMatch
from moderation.screening.hash_list_lookup import byte_hits, picture_hits


@dataclass(frozen=True, kw_only=True)
class FileCheck:
    """The matches of one file with the lists in use, and what was compared.

    Attributes:
        hashes: of the file's pictures. Those that are not distinctive were not compared.
        frames: the number of frames in the file.
        unread: why no picture could be compared; only the bytes were.
    """

    path: Path
    matches: tuple[HashMatch, ...]
    hashes: tuple[HashedPicture, ...] = ()
    frames: int = 0
    unread: str = ""

    @property
    def compared(self) -> str:
        """What was compared, in words."""
        return "; ".join(["its bytes (sha256, MD5, SHA-1)", *self._pictures(is_distinctive=True)])

    @property
    def not_compared(self) -> str:
        """What was not compared, in words; empty if everything was."""
        if self.unread:
            return f"its picture ({self.unread})"
        seen = len({each.frame for each in self.hashes})
        frames = [f"{self.frames - seen} of its {self.frames} frames"] if seen < self.frames else []
        return "; ".join([*(f"{text}: too flat" for text in self._pictures(is_distinctive=False)), *frames])

    def as_json(self) -> dict[str, Any]:
        return {
            "file": str(self.path),
            "known": [
                {
                    "policy": match.entry.hash_list.policy.slug,
                    "list": match.entry.hash_list.name,
                    "kind": match.entry.hash_list.kind,
                    "algorithm": match.entry.algorithm,
                    "distance": match.distance,
                }
                for match in self.matches
            ],
            "pictures": [
                {
                    "frame": each.frame,
                    "appearance": Appearance(each.appearance).name.lower(),
                    "reading": each.reading,
                    "quality": each.hash.quality,
                    "compared": each.hash.is_distinctive,
                }
                for each in self.hashes
            ],
            "frames": self.frames,
            "unread": self.unread or None,
        }

    def _pictures(self, *, is_distinctive: bool) -> list[str]:
        chosen = [each for each in self.hashes if each.hash.is_distinctive == is_distinctive]
        by_picture = groupby(chosen, key=lambda each: (each.frame, each.appearance))
        return [
            f"frame {frame}, {Appearance(appearance).name.lower().replace('_', ' ')} "
            f"({', '.join(f'{each.reading} at quality {each.hash.quality}' for each in hashes)})"
            for (frame, appearance), hashes in by_picture
        ]


def check_files(paths: Sequence[Path]) -> Iterator[FileCheck]:
    """Check files in the order of `paths`. For each policy, the match that would route the file comes first.

    Raises:
        OSError: a file cannot be read.
        SandboxUnavailable: no decode process can be started.
    """
    manifest, _ = embedded.open_nsfw()  # any preprocessing will do: only the pictures' hashes are needed
    with Sandbox(limits=decode_limits(), preprocessings=[manifest.preprocessing]) as sandbox:
        for path, decoded in zip(paths, sandbox.decode(paths), strict=True):
            yield _check(path, decoded)


def _check(path: Path, decoded: DecodedFile | RefusedFile) -> FileCheck:
    if isinstance(decoded, RefusedFile):
        return FileCheck(path=path, matches=_unsaved_matches(path), unread=decoded.detail or decoded.reason)
    matches = _unsaved_matches(path, decoded.hashes)
    return FileCheck(path=path, matches=matches, hashes=decoded.hashes, frames=decoded.header.frames)


def _unsaved_matches(path: Path, hashes: Sequence[HashedPicture] = ()) -> tuple[HashMatch, ...]:
    """Return one match for each entry, by its nearest hash."""
    entries = HashEntry.objects.routing().filter(hash_list__in=HashList.objects.in_use())
    entries = entries.select_related("hash_list__policy")
    digests = asdict(Digests.of(path.read_bytes())).values()
    found = [*byte_hits({0: digests}, entries=entries), *picture_hits({0: hashes}, entries=entries)]
    hits = sorted((hit for _, hit in found), key=lambda hit: (hit.entry.hash_list.policy_id, hit.rank))
    nearest = {hit.entry.pk: hit for hit in reversed(hits)}
    return tuple(HashMatch(entry=hit.entry, distance=hit.distance) for hit in hits if nearest[hit.entry.pk] is hit)

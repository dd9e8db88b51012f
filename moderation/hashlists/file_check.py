"""Check which hash lists match a file. Nothing is stored."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moderation.decode_limits import decode_limits
from moderation.decoding.fingerprints import PdqHash
from moderation.decoding.sandbox import RefusedFile, Sandbox
from moderation.inference import embedded
from moderation.models import HashEntry, HashList, HashMatch
from moderation.models.fingerprints import Near
from moderation.screening.hash_list_lookup import ListHit


@dataclass(frozen=True, kw_only=True)
class FileCheck:
    """The matches of one file with the lists in use. `unread` says why its picture could not be compared."""

    path: Path
    matches: tuple[HashMatch, ...]
    unread: str = ""

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
            "unread": self.unread or None,
        }


def check_files(paths: Sequence[Path]) -> Iterator[FileCheck]:
    """Check files in the order of `paths`. For each policy, the match that would route the file comes first.

    Raises:
        OSError: a file cannot be read.
        SandboxUnavailable: no decode process can be started.
    """
    manifest, _ = embedded.open_nsfw()  # any preprocessing will do: only the picture's hash is needed
    with Sandbox(limits=decode_limits(), preprocessings=[manifest.preprocessing]) as sandbox:
        for path, decoded in zip(paths, sandbox.decode(paths), strict=True):
            refused = decoded if isinstance(decoded, RefusedFile) else None
            picture = None if isinstance(decoded, RefusedFile) else decoded.fingerprint
            yield FileCheck(
                path=path,
                matches=tuple(_unsaved_matches(path, picture)),
                unread=refused.detail or refused.reason if refused else "",
            )


def _unsaved_matches(path: Path, picture: PdqHash | None) -> list[HashMatch]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    entries = HashEntry.objects.routing().filter(hash_list__in=HashList.objects.in_use())
    entries = entries.select_related("hash_list__policy")
    found = [ListHit(entry=entry, distance=0) for entry in entries.filter(sha256=sha256)]
    if picture and picture.is_distinctive:
        near = {each.pk: each.distance for each in sorted(HashEntry.near(picture.both), key=_farthest_first)}
        hits = [ListHit(entry=entry, distance=near[entry.pk]) for entry in entries.filter(pk__in=near)]
        found += [hit for hit in hits if hit.distance <= hit.entry.hash_list.radius]
    found.sort(key=lambda hit: (hit.entry.hash_list.policy_id, hit.rank))
    return [HashMatch(entry=hit.entry, distance=hit.distance) for hit in found]


def _farthest_first(near: Near) -> int:
    """Sort key by which the nearer of a picture and its mirror image is kept."""
    return -near.distance

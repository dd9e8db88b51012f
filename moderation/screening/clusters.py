"""Which files are nearly the same picture: each joins the nearest that stands for others, or stands for itself.

That is a fact about files, so it is written outside the chunk's transaction and stays when that one is lost.
"""

from collections.abc import Iterable, Mapping

from django.db import connections, transaction
from django.db.models import F, Max

from moderation.decoding import fingerprints
from moderation.decoding.fingerprints import RADIUS, bits_apart
from moderation.models.fingerprints import Fingerprint

# One process after the other gives files their clusters: two near-duplicates that come at once meet there.
JOINING = 20_482

Found = Mapping[int, fingerprints.PdqHash | None]


def join(found: Found, *, using: str) -> dict[int, int]:
    """Note what was found in new files, and return by file the cluster that it is in.

    The look-up, which takes longest, holds nobody up; what others have added meanwhile is compared under the lock.
    ``using`` names a connection in autocommit.
    """
    if not found:
        return {}
    seen = Fingerprint.objects.using(using).aggregate(last=Max("pk"))["last"] or 0
    nearest = _nearest({file: each for file, each in found.items() if each and each.is_distinctive}, using=using)
    with transaction.atomic(using=using):
        _take_turns(using)
        newer = Fingerprint.objects.using(using).filter(pk__gt=seen, cluster=F("file")).exclude(keys=[])
        added = [(file, int.from_bytes(pdq)) for file, pdq in newer.values_list("file_id", "pdq") if pdq]
        rows = [_row(file, each, nearest=nearest.get(file, []), added=added) for file, each in sorted(found.items())]
        Fingerprint.objects.using(using).bulk_create(rows)
    return {row.file_id: row.cluster_id for row in rows}


def _nearest(found: Mapping[int, fingerprints.PdqHash], *, using: str) -> dict[int, list[tuple[int, int]]]:
    """By file, what stands for others within the radius: (distance, file). A mirror image is the same picture."""
    asked = [(file, pdq) for file, each in found.items() for pdq in each.both]
    near: dict[int, list[tuple[int, int]]] = {}
    for each in Fingerprint.near([pdq for _, pdq in asked], using=using):
        near.setdefault(asked[each.query][0], []).append((each.distance, each.pk))
    return near


def _row(
    file: int,
    found: fingerprints.PdqHash | None,
    *,
    nearest: Iterable[tuple[int, int]],
    added: list[tuple[int, int]],
) -> Fingerprint:
    """The file's row; where it stands for itself, those after it are compared with it as well.

    ``added`` are hashes as numbers: each is compared with every file of its chunk.
    """
    if found is None or not found.is_distinctive:
        return Fingerprint.of(file, found, cluster_id=file)
    pdq, mirrored = map(int.from_bytes, found.both)
    newer = ((min(bits_apart(pdq, other), bits_apart(mirrored, other)), of) for of, other in added)
    near = [*nearest, *((bits, of) for bits, of in newer if bits <= RADIUS)]
    if not near:
        added.append((file, pdq))
    return Fingerprint.of(file, found, cluster_id=min(near)[1] if near else file)


def _take_turns(using: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [JOINING])

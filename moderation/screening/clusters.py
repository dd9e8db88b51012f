"""Near-duplicate clusters: each new file joins the nearest cluster within the radius, or begins its own.

A file's cluster is a fact about the file, so it is written outside the chunk's transaction and stays if that is lost.
"""

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models import F, Max

from moderation.decoding import fingerprints
from moderation.decoding.fingerprints import RADIUS, bits_apart
from moderation.locks import lock_cluster_joining
from moderation.models.fingerprints import Fingerprint

Found = Mapping[int, fingerprints.PdqHash | None]


def join(found: Found, *, using: str) -> dict[int, int]:
    """Save the fingerprints of new files, and return the cluster of each, by file.

    The look-up, which takes longest, runs without the lock. Files that others added meanwhile are compared under it.
    ``using`` names a connection in autocommit.
    """
    if not found:
        return {}
    seen = Fingerprint.objects.using(using).aggregate(last=Max("pk"))["last"] or 0
    nearest = _nearest({file: each for file, each in found.items() if each and each.is_distinctive}, using=using)
    with transaction.atomic(using=using):
        lock_cluster_joining(using=using)
        newer = Fingerprint.objects.using(using).filter(pk__gt=seen, cluster=F("file")).exclude(keys=[])
        added = [(file, int.from_bytes(pdq)) for file, pdq in newer.values_list("file_id", "pdq") if pdq]
        rows = [_row(file, each, nearest=nearest.get(file, []), added=added) for file, each in sorted(found.items())]
        Fingerprint.objects.using(using).bulk_create(rows)
    return {row.file_id: row.cluster_id for row in rows}


def _nearest(found: Mapping[int, fingerprints.PdqHash], *, using: str) -> dict[int, list[tuple[int, int]]]:
    """Return (distance, first file) of the clusters within the radius, by file. A mirror image is the same picture."""
    queries = [(file, pdq) for file, each in found.items() for pdq in each.both]
    near: dict[int, list[tuple[int, int]]] = {}
    for each in Fingerprint.near([pdq for _, pdq in queries], using=using):
        near.setdefault(queries[each.query][0], []).append((each.distance, each.pk))
    return near


def _row(
    file: int,
    found: fingerprints.PdqHash | None,
    *,
    nearest: Iterable[tuple[int, int]],
    added: list[tuple[int, int]],
) -> Fingerprint:
    """Build the file's row. A file that begins a cluster is added to ``added``, so that later files can join it.

    ``added`` has (file, hash as a number) of the clusters since the look-up: each file of the chunk is compared with
    them.
    """
    if found is None or not found.is_distinctive:
        return Fingerprint.of(file, found, cluster_id=file)
    pdq, mirrored = map(int.from_bytes, found.both)
    newer = ((min(bits_apart(pdq, other), bits_apart(mirrored, other)), of) for of, other in added)
    near = [*nearest, *((bits, of) for bits, of in newer if bits <= RADIUS)]
    if not near:
        added.append((file, pdq))
    return Fingerprint.of(file, found, cluster_id=min(near)[1] if near else file)

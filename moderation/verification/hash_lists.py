"""Hash lists, and what they decided."""

from collections.abc import Iterator

from django.db.models import F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from moderation.decoding.fingerprints import distance
from moderation.models import Fingerprint, HashEntry, HashMatch, HashOpinion
from moderation.verification.findings import Finding


def matches_fit_their_entries() -> Iterator[Finding]:
    """The route is that of the list's kind, the policy the list's; the file is as far from the entry as is noted."""
    matches = HashMatch.objects.select_related("entry__hash_list", "upload__file__fingerprint")
    for match in matches.iterator():
        if match.route != match.entry.hash_list.route:
            yield f"match {match.pk}", f"{match.route} by a list that is {match.entry.hash_list.get_kind_display()}"
        if match.policy_id != match.entry.hash_list.policy_id:
            yield f"match {match.pk}", f"under policy {match.policy_id}, by a list of another one"
        if (found := _distance(match)) != match.distance:
            yield f"match {match.pk}", f"{match.distance} bits are noted, {found} differ"


def _distance(match: HashMatch) -> int | None:
    """In how many bits file and entry differ; None where they have nothing in common."""
    entry, file = match.entry, match.upload.file
    if entry.pdq is None:
        return 0 if file.sha256 == entry.sha256 else None
    stored: Fingerprint | None = getattr(file, "fingerprint", None)
    if stored is None:
        return None
    return min(distance(entry.pdq, pdq) for pdq in (stored.pdq, stored.mirrored) if pdq)


def contested_entries_decide_nothing() -> Iterator[Finding]:
    live = HashMatch.objects.live().filter(entry__standing=HashEntry.Standing.CONTESTED)
    for match in live.select_related("upload", "entry").iterator():
        yield f"match {match.pk}", f"{match.upload} is still routed by entry {match.entry_id}, which is contested"


def entries_stand_as_was_said() -> Iterator[Finding]:
    last = HashOpinion.objects.filter(entry=OuterRef("pk")).order_by("-pk").values("said")[:1]
    entries = HashEntry.objects.annotate(said=Coalesce(Subquery(last), Value("unconfirmed")))
    for entry in entries.exclude(standing=F("said")).iterator():
        yield f"entry {entry.pk}", f"{entry.standing}, what was said last is {entry.said}"  # type: ignore[attr-defined]

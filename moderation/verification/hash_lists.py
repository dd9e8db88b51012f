"""Rules about hash lists and the uploads that they route."""

from collections.abc import Iterator

from django.db.models import F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from moderation.decoding.fingerprints import distance, searches
from moderation.models import EntryReview, HashEntry, HashMatch
from moderation.verification.findings import Finding


def matches_fit_their_entries() -> Iterator[Finding]:
    """A match has the route of its list's kind, its list's policy, and the distance between its file and its entry."""
    matches = HashMatch.objects.select_related("entry__hash_list", "upload__file").prefetch_related(
        "upload__file__picture_hashes"
    )
    for match in matches.iterator(chunk_size=2_000):
        if match.route != match.entry.hash_list.route:
            yield f"match {match.pk}", f"{match.route} by a list that is {match.entry.hash_list.get_kind_display()}"
        if match.policy_id != match.entry.hash_list.policy_id:
            yield f"match {match.pk}", f"under policy {match.policy_id}, by a list of another policy"
        if (found := _distance(match)) != match.distance:
            yield f"match {match.pk}", f"{match.distance} bits are recorded, {found} differ"


def _distance(match: HashMatch) -> int | None:
    """Return by how many bits file and entry differ; None if they cannot be compared."""
    entry, file = match.entry, match.upload.file
    if entry.pdq is None:
        return 0 if getattr(file, entry.algorithm) == entry.digest else None
    hashes = [each.hashed_picture() for each in file.picture_hashes.all()]
    return min((distance(entry.pdq, pdq) for pdq in searches(hashes)), default=None)


def contested_entries_decide_nothing() -> Iterator[Finding]:
    live = HashMatch.objects.live().filter(entry__review_state=HashEntry.ReviewState.CONTESTED)
    for match in live.select_related("upload", "entry").iterator():
        yield f"match {match.pk}", f"{match.upload} is still routed by entry {match.entry_id}, which is contested"


def entries_have_the_state_of_their_review() -> Iterator[Finding]:
    latest = EntryReview.objects.filter(entry=OuterRef("pk")).order_by("-pk").values("state")[:1]
    entries = HashEntry.objects.annotate(reviewed=Coalesce(Subquery(latest), Value("unconfirmed")))
    for entry in entries.exclude(review_state=F("reviewed")).iterator():
        yield f"entry {entry.pk}", f"{entry.review_state}, its latest review is {entry.reviewed}"  # type: ignore[attr-defined]

"""What the pages of a list and of an entry share: matches, changes and their pages."""

from typing import Any

from django.shortcuts import get_object_or_404

from moderation.hashlists.counts import with_counts
from moderation.models import HashEntry, HashList
from moderation.models.hash_matches import HashMatchQuerySet
from reviewqueue.pagination import ListPage, numbered_page
from reviewqueue.permissions import ReviewerRequest
from reviewqueue.visibility import shown_to

CHANGES = 20
ROUTED_STAYS = "Uploads that it has routed keep their routes."


def get_list_or_404(pk: int) -> HashList:
    """Return the list, annotated with its counts."""
    return get_object_or_404(with_counts(HashList.objects.select_related("policy", "by")), pk=pk)


def get_entry_or_404(list_pk: int, pk: int) -> HashEntry:
    """Return the entry of that list."""
    return get_object_or_404(HashEntry.objects.select_related("hash_list__policy"), hash_list=list_pk, pk=pk)


def matches_page(request: ReviewerRequest, matches: HashMatchQuerySet) -> ListPage:
    """Return a page of matches: live ones first, then the newest; without those hidden from this person."""
    shown = shown_to(request.user, matches).with_list().select_related("upload")
    return numbered_page(request, shown.order_by("superseded", "-pk"), name="matches")


def latest_changes(row: HashList | HashEntry) -> Any:
    """Return the latest changes of a list or an entry, the newest first."""
    return row.events.order_by("-pgh_id")[:CHANGES]  # type: ignore[union-attr]

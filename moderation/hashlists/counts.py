"""The number of entries of each list, and of uploads that it matched recently."""

from datetime import timedelta

from django.db.models import OuterRef
from django.db.models.functions import Now

from moderation.bounded_count import BoundedCount
from moderation.models import HashEntry, HashMatch
from moderation.models.hash_lists import HashListQuerySet

LATELY = timedelta(days=28)


def with_counts(lists: HashListQuerySet) -> HashListQuerySet:
    """Annotate `held`, the number of entries, and `matched`, the uploads matched in 28 days, withdrawn or not.

    Both are bounded counts: a list may hold a million entries.
    """
    entries = HashEntry.objects.filter(hash_list=OuterRef("pk"))
    # Uses hashmatch_created_idx.
    matches = HashMatch.objects.filter(created_at__gte=Now() - LATELY, entry__hash_list=OuterRef("pk"))
    return lists.annotate(held=BoundedCount(entries), matched=BoundedCount(matches))

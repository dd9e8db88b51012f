"""How much a list holds, and how much it has routed lately."""

from datetime import timedelta

from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce, Now

from moderation.models import HashEntry, HashMatch
from moderation.models.hash_lists import HashListQuerySet

LATELY = timedelta(days=28)


def with_counts(lists: HashListQuerySet) -> HashListQuerySet:
    """Annotated with ``held``, its entries, and ``matched``, the uploads of the last 28 days, withdrawn ones too."""
    entries = HashEntry.objects.filter(hash_list=OuterRef("pk")).order_by().values("hash_list")
    # By hashmatch_created_idx.
    lately = HashMatch.objects.filter(created_at__gte=Now() - LATELY, entry__hash_list=OuterRef("pk"))
    matches = lately.order_by().values("entry__hash_list")
    return lists.annotate(
        held=Coalesce(Subquery(entries.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0),
        matched=Coalesce(Subquery(matches.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0),
    )

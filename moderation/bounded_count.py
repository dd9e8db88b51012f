"""Counts for pages, at a cost that does not grow with the table: they stop at a limit."""

from typing import Any

from django.db.models import IntegerField, QuerySet, Subquery

# A page shows "10,000+" beyond this.
COUNT_LIMIT = 10_000


def bounded_count(rows: QuerySet[Any], *, limit: int = COUNT_LIMIT) -> int:
    """Count ``rows`` exactly up to ``limit``; return ``limit`` + 1 where there are more."""
    return _limited(rows, limit=limit).count()


class BoundedCount(Subquery):
    """``bounded_count`` as an annotation, of rows that refer to the outer query with OuterRef."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"

    def __init__(self, rows: QuerySet[Any]) -> None:
        super().__init__(_limited(rows, limit=COUNT_LIMIT), output_field=IntegerField())


def count_text(number: int) -> str:
    """Format a bounded count: 9,876, or 10,000+ where it stopped at the limit."""
    return f"{number:,}" if number <= COUNT_LIMIT else f"{COUNT_LIMIT:,}+"


def _limited(rows: QuerySet[Any], *, limit: int) -> QuerySet[Any, Any]:
    return rows.order_by().values("pk")[: limit + 1]

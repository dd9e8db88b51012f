"""A list as a file: what an import takes again, in the order in which its entries came."""

from collections.abc import Iterator

from moderation.hashlists import as_csv, threatexchange
from moderation.hashlists.importing import Format
from moderation.hashlists.rows import HashRow
from moderation.models import HashEntry, HashList

MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "threatexchange": "application/json"}
ENDINGS: dict[Format, str] = {"csv": "csv", "threatexchange": "json"}


def export(hash_list: HashList, *, format: Format) -> Iterator[str]:  # noqa: A002  (as the command calls it)
    """Pieces of text; all entries, also those that route nothing, each with how it stands."""
    rows = map(HashRow.of, HashEntry.objects.filter(hash_list=hash_list).order_by("pk").iterator(chunk_size=2_000))
    return as_csv.write(rows) if format == "csv" else threatexchange.write(rows, kind=hash_list.kind)

"""Write a list as a file that an import accepts, in the order in which its entries were added."""

from collections.abc import Iterator

from moderation.hashlists import as_csv, threatexchange
from moderation.hashlists.importing import Format
from moderation.hashlists.rows import HashRow
from moderation.models import HashEntry, HashList

MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "threatexchange": "application/json"}
ENDINGS: dict[Format, str] = {"csv": "csv", "threatexchange": "json"}


def export(hash_list: HashList, *, format: Format) -> Iterator[str]:  # noqa: A002  (the command's option)
    """Yield the file's text in pieces: every entry with its review state, including those that route nothing."""
    entries = HashEntry.objects.filter(hash_list=hash_list).order_by("pk").iterator(chunk_size=2_000)
    rows = map(HashRow.from_entry, entries)
    return as_csv.write(rows) if format == "csv" else threatexchange.write(rows, kind=hash_list.kind)

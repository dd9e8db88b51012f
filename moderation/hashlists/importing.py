"""Import a file into a list: all of it or nothing, in batches."""

import codecs
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Literal

import pghistory
from django.db import connection, transaction

from moderation.formatting import thousands
from moderation.hashlists import as_csv, threatexchange
from moderation.hashlists.row_reader import RowReader
from moderation.hashlists.rows import HashRow, ListNotAccepted, Unparsed
from moderation.locks import try_lock_import
from moderation.models import HashEntry, HashList, User

Format = Literal["csv", "threatexchange"]
FORMATS: tuple[Format, ...] = ("csv", "threatexchange")
BATCH = 2_000
#: The fields of an entry that a later import may change.
CONTENT = ("quality", "enabled", "expires_at", "label", "note", "reference", "who", "why")
#: The fields that COPY writes; the others have defaults in the database.
COPIED = (
    "hash_list", "algorithm", "digest", "pdq", "keys", *CONTENT, "standing_in_file", "added_by", "review_state",
)  # fmt: skip


@dataclass(kw_only=True)
class Imported:
    """The number of rows by result. An entry that equals its row is unchanged and is not written.

    `left_out` is by reason, for rows that uploads are not compared with.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def left_out_text(self) -> str:
        """The rows that were left out, in a sentence; empty if none were."""
        total = self.new + self.changed + self.unchanged + self.left_out.total()
        reasons = "; ".join(f"{reason}: {thousands(count)}" for reason, count in self.left_out.most_common())
        rows = f"Left out {thousands(self.left_out.total())} of {thousands(total)} rows. By reason: {reasons}."
        return rows if self.left_out else ""

    def __str__(self) -> str:
        return f"{self.new:,} new, {self.changed:,} changed, {self.unchanged:,} unchanged"

    def as_json(self) -> dict[str, Any]:
        rows = {"new": self.new, "changed": self.changed, "unchanged": self.unchanged}
        return {**rows, "left_out": dict(self.left_out)}


def format_of(name: str) -> Format:
    """Return the format that a file's name suggests."""
    return "threatexchange" if name.lower().endswith((".json", ".jsonl")) else "csv"


def read(file: BinaryIO, *, format: Format, kind: str, algorithm: str = "") -> RowReader:  # noqa: A002
    """Return a reader of the rows of `file`, for a list of this kind. `file` must be seekable.

    `algorithm` is that of all hashes of a CSV file that does not name it.
    """
    return RowReader(_unparsed(file, format=format, kind=kind, algorithm=algorithm), kind=kind)


def _unparsed(file: BinaryIO, *, format: Format, kind: str, algorithm: str) -> Iterator[Unparsed]:  # noqa: A002
    text = io.TextIOWrapper(file, encoding=_encoding(file), newline="")
    try:
        if format == "csv":
            yield from as_csv.read(text, algorithm=algorithm)
        else:
            yield from threatexchange.read(text, kind=kind)
    except UnicodeError as error:
        raise ListNotAccepted(
            "this is not text in UTF-8, nor in UTF-16 with a byte order mark: it has a byte that is not allowed there. "
            "Save it as UTF-8"
        ) from error
    finally:
        text.detach()  # the caller opened the file, and closes it


def _encoding(file: BinaryIO) -> str:
    """Return the encoding by the byte order mark. Spreadsheets write UTF-16 as "Unicode text"."""
    mark = file.read(2)
    file.seek(0)
    return "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def import_rows(
    hash_list: HashList, reader: RowReader, *, by: User | None, why: str, dry_run: bool = False
) -> Imported:
    """Add new entries and change those that differ. Nothing is removed from the list.

    Raises:
        ListNotAccepted: `reader` raised it, or another import into the list is running. Nothing is imported.
    """
    importer = _Importer(hash_list=hash_list, by=by, why=why)
    with pghistory.context(why=why, by=by.pk if by else None), transaction.atomic():
        if not try_lock_import(hash_list.pk):
            raise ListNotAccepted(f"another import into {hash_list} is running. Nothing was imported. Try again later")
        _check_constraints_at_once()
        rows = iter(reader)
        while batch := list(islice(rows, BATCH)):
            importer.add(batch)
        importer.imported.left_out = reader.left_out
        if dry_run:
            transaction.set_rollback(True)
        else:
            hash_list.change(f"imported: {importer.imported}", by=by, why=why)
    return importer.imported


def _check_constraints_at_once() -> None:
    """Make deferred constraints immediate: PostgreSQL would go through all deferred checks again with each row.

    This statement also carries pghistory's context to the database, which COPY alone does not; each row's audit
    trigger would search for the context otherwise, at the same cost.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@dataclass(kw_only=True)
class _Importer:
    """One import: its list, author and reason, and the counts so far."""

    hash_list: HashList
    by: User | None
    why: str
    imported: Imported = field(default_factory=Imported)

    def add(self, rows: Sequence[HashRow]) -> None:
        existing = self._existing(rows)
        new: dict[tuple[str, str], HashEntry] = {}
        changed: dict[int, HashEntry] = {}
        for row in rows:
            entry = existing.get(row.key) or new.get(row.key)
            if entry is None:
                new[row.key] = self._new_entry(row)
                self.imported.new += 1
            elif _update(entry, row):
                changed |= {entry.pk: entry} if entry.pk else {}
                self.imported.changed += 1
            else:
                self.imported.unchanged += 1
        _copy(new.values())
        HashEntry.objects.bulk_update(changed.values(), [*CONTENT, "keys"], batch_size=500)

    def _existing(self, rows: Sequence[HashRow]) -> dict[tuple[str, str], HashEntry]:
        on_list = HashEntry.objects.filter(hash_list=self.hash_list)
        pictures = on_list.filter(pdq__in=[bytes.fromhex(row.hash) for row in rows if row.algorithm == "pdq"])
        # The planner cannot see that no value of a long array is empty, which the partial index requires.
        files = on_list.exclude(digest="").filter(digest__in=[row.hash for row in rows if row.algorithm != "pdq"])
        return {(entry.algorithm, entry.hash): entry for entry in (*pictures, *files)}

    def _new_entry(self, row: HashRow) -> HashEntry:
        entry = HashEntry(hash_list=self.hash_list, algorithm=row.algorithm, added_by=self.by)
        entry.set_hash(row.hash)
        entry.who, entry.why = str(self.by or ""), self.why
        if row.standing != HashEntry.ReviewState.UNCONFIRMED:
            entry.standing_in_file = row.standing
        _set(entry, row.content)
        return entry


def _copy(entries: Iterable[HashEntry]) -> None:
    """Write new entries with COPY. For a million rows, building INSERTs takes longer than running them."""
    fields = [field for field in HashEntry._meta.concrete_fields if field.name in COPIED]
    sql = f'COPY "{HashEntry._meta.db_table}" ({", ".join(map(str, (field.column for field in fields)))}) FROM STDIN'
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        for entry in entries:
            copy.write_row([field.get_prep_value(getattr(entry, field.attname)) for field in fields])


def _update(entry: HashEntry, row: HashRow) -> bool:
    """Set the fields in which `entry` differs from `row`; return whether there are any."""
    existing = HashRow.from_entry(entry).content
    differing = {name: value for name, value in row.content.items() if existing[name] != value}
    _set(entry, differing)
    return bool(differing)


def _set(entry: HashEntry, content: dict[str, Any]) -> None:
    """Set fields from a row. A name in the file is no account here, even if it is spelt the same."""
    for name, value in content.items():
        setattr(entry, name, f"{value}{HashEntry.FROM_FILE}" if name == "who" and value else value)
    entry.set_keys()

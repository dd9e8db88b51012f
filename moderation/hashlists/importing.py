"""Import a file into a list: all of it or nothing, in batches."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Literal

import pghistory
from django.db import connection, transaction

from moderation.hashlists import as_csv, threatexchange
from moderation.hashlists.rows import HashRow, ListNotAccepted
from moderation.locks import try_lock_import
from moderation.models import EntryReview, HashEntry, HashList, User

Format = Literal["csv", "threatexchange"]
FORMATS: tuple[Format, ...] = ("csv", "threatexchange")
BATCH = 2_000
#: The fields of an entry that a later import may change.
CONTENT = ("quality", "enabled", "expires_at", "label", "note", "reference", "who", "why")
#: The fields that COPY writes; the others have defaults in the database.
COPIED = ("hash_list", "algorithm", "sha256", "pdq", "keys", *CONTENT, "review_state")


@dataclass(kw_only=True)
class Imported:
    """The number of rows by result. An entry that equals its row is unchanged and is not written."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __str__(self) -> str:
        return f"{self.new:,} new, {self.changed:,} changed, {self.unchanged:,} unchanged"

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def format_of(name: str) -> Format:
    """Return the format that a file's name suggests."""
    return "threatexchange" if name.lower().endswith((".json", ".jsonl")) else "csv"


def read(file: BinaryIO, *, format: Format, kind: str) -> Iterator[HashRow]:  # noqa: A002  (the command's option)
    """Yield the rows of `file`, for a list of this kind.

    Raises:
        ListNotAccepted: with the place in the file and the problem.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield from as_csv.read(text) if format == "csv" else threatexchange.read(text, kind=kind)
    except UnicodeDecodeError as error:
        raise ListNotAccepted("this is not text in UTF-8: it has a byte that UTF-8 does not allow there") from error
    finally:
        text.detach()  # the caller opened the file, and closes it


def import_rows(
    hash_list: HashList, rows: Iterable[HashRow], *, by: User | None, why: str, dry_run: bool = False
) -> Imported:
    """Add new entries and change those that differ. Nothing is removed from the list.

    Raises:
        ListNotAccepted: `rows` raised it, or another import into the list is running. Nothing is imported.
    """
    importer = _Importer(hash_list=hash_list, by=by, why=why)
    with pghistory.context(why=why, by=by.pk if by else None), transaction.atomic():
        if not try_lock_import(hash_list.pk):
            raise ListNotAccepted(f"another import into {hash_list} is running. Nothing was imported. Try again later")
        _check_constraints_at_once()
        rows = iter(rows)
        while batch := list(islice(rows, BATCH)):
            importer.add(batch)
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
        self._record_reviews([row for row in rows if row.key in new])
        HashEntry.objects.bulk_update(changed.values(), [*CONTENT, "keys"], batch_size=500)

    def _existing(self, rows: Sequence[HashRow]) -> dict[tuple[str, str], HashEntry]:
        on_list = HashEntry.objects.filter(hash_list=self.hash_list)
        pictures = on_list.filter(pdq__in=[bytes.fromhex(row.hash) for row in rows if row.algorithm == "pdq"])
        # The planner cannot see that no value of a long array is empty, which the partial index requires.
        files = on_list.exclude(sha256="").filter(sha256__in=[row.hash for row in rows if row.algorithm == "sha256"])
        return {(entry.algorithm, entry.hash): entry for entry in (*pictures, *files)}

    def _new_entry(self, row: HashRow) -> HashEntry:
        who_and_why = {"who": str(self.by or ""), "why": self.why}
        entry = HashEntry(hash_list=self.hash_list, algorithm=row.algorithm, review_state=row.review_state)
        if row.algorithm == HashEntry.Algorithm.PDQ:
            entry.pdq = bytes.fromhex(row.hash)
        else:
            entry.sha256 = row.hash
        _set(entry, who_and_why | row.content)
        return entry

    def _record_reviews(self, rows: Iterable[HashRow]) -> None:
        """Record the source's review state of new entries. Only people here change that of an existing one."""
        reviewed = [row for row in rows if row.review_state != HashEntry.ReviewState.UNCONFIRMED]
        EntryReview.objects.bulk_create(
            EntryReview(entry=entry, state=entry.review_state, by=self.by, why=f"as imported: {self.why}"[:500])
            for entry in self._existing(reviewed).values()
        )


def _copy(entries: Iterable[HashEntry]) -> None:
    """Write new entries with COPY. For a million rows, building INSERTs takes longer than running them."""
    fields = [field for field in HashEntry._meta.concrete_fields if field.name in COPIED]
    sql = f'COPY "{HashEntry._meta.db_table}" ({", ".join(map(str, (field.column for field in fields)))}) FROM STDIN'
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        for entry in entries:
            copy.write_row([field.get_prep_value(getattr(entry, field.attname)) for field in fields])


def _update(entry: HashEntry, row: HashRow) -> bool:
    """Set the fields in which `entry` differs from `row`; return whether there are any."""
    differing = {name: value for name, value in row.content.items() if getattr(entry, name) != value}
    _set(entry, differing)
    return bool(differing)


def _set(entry: HashEntry, content: dict[str, Any]) -> None:
    for name, value in content.items():
        setattr(entry, name, value)
    entry.set_keys()

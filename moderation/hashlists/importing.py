"""Bringing a file into a list: all of it or nothing, a batch at a time."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Literal

import pghistory
from django.db import connection, transaction

from moderation.hashlists import as_csv, threatexchange
from moderation.hashlists.rows import HashRow, ListNotAccepted
from moderation.models import HashEntry, HashList, HashOpinion, User

Format = Literal["csv", "threatexchange"]
FORMATS: tuple[Format, ...] = ("csv", "threatexchange")
BATCH = 2_000
# Advisory locks of lists that are imported into: (this, list id).
IMPORTING = 20_485


@dataclass(kw_only=True)
class Imported:
    """What became of a file's rows. A row that is there already as it stands is unchanged, and is not written."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __str__(self) -> str:
        return f"{self.new:,} new, {self.changed:,} changed, {self.unchanged:,} unchanged"

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def format_of(name: str) -> Format:
    """By a file's name."""
    return "threatexchange" if name.lower().endswith((".json", ".jsonl")) else "csv"


def read(file: BinaryIO, *, format: Format, kind: str) -> Iterator[HashRow]:  # noqa: A002  (as the command calls it)
    """Raises NotAccepted: what is wrong with the file, and where."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield from as_csv.read(text) if format == "csv" else threatexchange.read(text, kind=kind)
    except UnicodeDecodeError as error:
        raise ListNotAccepted("this is no text in UTF-8: a byte in it means nothing there") from error
    finally:
        text.detach()  # the file is its opener's to close


def import_rows(
    hash_list: HashList, rows: Iterable[HashRow], *, by: User | None, why: str, dry_run: bool = False
) -> Imported:
    """Add what is new and change what differs; nothing is taken off the list.

    Raises:
        NotAccepted: by what makes ``rows``, or because another import into the list is at work. Nothing is imported.
    """
    said = _Said(by=by, why=why)
    with pghistory.context(why=why, by=by.pk if by else None), transaction.atomic():
        _alone(hash_list)
        _check_at_once()
        rows = iter(rows)
        while batch := list(islice(rows, BATCH)):
            said.take(batch, hash_list=hash_list)
        if dry_run:
            transaction.set_rollback(True)
        else:
            hash_list.change(f"imported: {said.imported}", by=by, why=why)
    return said.imported


def _alone(hash_list: HashList) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [IMPORTING, hash_list.pk % 2**31])
        if not cursor.fetchone()[0]:
            raise ListNotAccepted(f"another import into {hash_list} is at work. Nothing was imported. Try again later")


def _check_at_once() -> None:
    """Let no check wait for the commit: those that wait are gone through again with each row.

    Also tells the database the context, which COPY alone would not; where there is none, each row's audit fails to
    find it, and that is what goes through them.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@dataclass(kw_only=True)
class _Said:
    """One import: who does it, why, and what has become of the rows so far."""

    by: User | None
    why: str
    imported: Imported = field(default_factory=Imported)

    def take(self, rows: Sequence[HashRow], *, hash_list: HashList) -> None:
        known = _known(rows, hash_list=hash_list)
        new: dict[tuple[str, str], HashEntry] = {}
        changed: dict[int, HashEntry] = {}
        for row in rows:
            entry = known.get(row.key) or new.get(row.key)
            if entry is None:
                new[row.key] = self._entry(row, hash_list=hash_list)
                self.imported.new += 1
            elif _change(entry, row):
                changed |= {entry.pk: entry} if entry.pk else {}
                self.imported.changed += 1
            else:
                self.imported.unchanged += 1
        _copy(new.values())
        self._note_opinions([row for row in rows if row.key in new], hash_list=hash_list)
        HashEntry.objects.bulk_update(changed.values(), [*CONTENT, "keys"], batch_size=500)

    def _entry(self, row: HashRow, *, hash_list: HashList) -> HashEntry:
        who_and_why = {"who": str(self.by or ""), "why": self.why}
        entry = HashEntry(hash_list=hash_list, algorithm=row.algorithm, standing=row.standing)
        if row.algorithm == HashEntry.Algorithm.PDQ:
            entry.pdq = bytes.fromhex(row.hash)
        else:
            entry.sha256 = row.hash
        _set(entry, who_and_why | row.content)
        return entry

    def _note_opinions(self, rows: Iterable[HashRow], *, hash_list: HashList) -> None:
        """How a new entry stands, as its source says; how one that is there stands, only people here say."""
        said = [row for row in rows if row.standing != HashEntry.Standing.UNCONFIRMED]
        HashOpinion.objects.bulk_create(
            HashOpinion(entry=entry, said=entry.standing, by=self.by, why=f"as imported: {self.why}"[:500])
            for entry in _known(said, hash_list=hash_list).values()
        )


CONTENT = ("quality", "enabled", "expires_at", "label", "note", "reference", "who", "why")
WRITTEN = ("hash_list", "algorithm", "sha256", "pdq", "keys", *CONTENT, "standing")


def _copy(entries: Iterable[HashEntry]) -> None:
    """Write new ones with COPY: to make INSERTs of a million rows takes longer than to carry them out."""
    fields = [field for field in HashEntry._meta.concrete_fields if field.name in WRITTEN]
    sql = f'COPY "{HashEntry._meta.db_table}" ({", ".join(map(str, (field.column for field in fields)))}) FROM STDIN'
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        for entry in entries:
            copy.write_row([field.get_prep_value(getattr(entry, field.attname)) for field in fields])


def _known(rows: Sequence[HashRow], *, hash_list: HashList) -> dict[tuple[str, str], HashEntry]:
    on_list = HashEntry.objects.filter(hash_list=hash_list)
    pictures = on_list.filter(pdq__in=[bytes.fromhex(row.hash) for row in rows if row.algorithm == "pdq"])
    # The database does not see by itself that no value of a long array is empty, as the index asks for.
    files = on_list.exclude(sha256="").filter(sha256__in=[row.hash for row in rows if row.algorithm == "sha256"])
    return {(entry.algorithm, entry.hash): entry for entry in (*pictures, *files)}


def _change(entry: HashEntry, row: HashRow) -> bool:
    """Whether the row says something else than the entry does, which then says it, too."""
    differing = {name: value for name, value in row.content.items() if getattr(entry, name) != value}
    _set(entry, differing)
    return bool(differing)


def _set(entry: HashEntry, content: dict[str, Any]) -> None:
    for name, value in content.items():
        setattr(entry, name, value)
    entry.set_keys()

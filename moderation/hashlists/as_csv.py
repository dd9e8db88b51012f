"""Hash lists as CSV: a header, then one line for each entry."""

import csv
from collections.abc import Iterable, Iterator
from typing import TextIO

from moderation.csv_cells import defused, restored
from moderation.hashlists.rows import HashRow, ListNotAccepted

REQUIRED = ("algorithm", "hash")
COLUMNS = (*REQUIRED, "quality", "enabled", "expires_at", "label", "note", "reference", "who", "why", "standing")


def read(text: TextIO) -> Iterator[HashRow]:
    """Yield the rows in the order of the file. `text` must be opened with newline="".

    Raises:
        ListNotAccepted: with the line number and the problem.
    """
    lines = csv.reader(text)
    try:
        columns = _header(next(lines, []))
        for fields in lines:
            if any(field.strip() for field in fields):
                line = lines.line_num
                yield HashRow.read(_by_column(fields, columns=columns, line=line), where=f"line {line}")
    except csv.Error as error:
        raise ListNotAccepted(f"line {lines.line_num}: this is not CSV ({error})") from error


def _header(fields: list[str]) -> list[str]:
    columns = [field.strip().lower() for field in fields]
    unknown = [name for name in columns if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in columns]
    if unknown or missing or len(set(columns)) < len(columns):
        found = ", ".join(name[:40] for name in columns) or "nothing"
        raise ListNotAccepted(
            f"line 1: found the columns {found}; accepted are {', '.join(COLUMNS)}, each once and in any order. "
            f"{' and '.join(REQUIRED).capitalize()} are required"
        )
    return columns


def _by_column(fields: list[str], *, columns: list[str], line: int) -> dict[str, str]:
    if len(fields) != len(columns):
        raise ListNotAccepted(
            f"line {line}: found {len(fields)} fields; {len(columns)} are accepted, one for each column"
        )
    return dict(zip(columns, map(restored, fields), strict=True))


def write(rows: Iterable[HashRow]) -> Iterator[str]:
    """Yield lines of text. Reading them gives the same rows again."""
    writer = csv.writer(_Echo())  # its line ends, CR LF, are the ones that it quotes within a text
    yield writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow(_fields(row))


def _fields(row: HashRow) -> list[str]:
    values = {name: getattr(row, name) for name in COLUMNS if name != "standing"}
    values["enabled"] = "true" if row.enabled else "false"
    values["expires_at"] = f"{row.expires_at:%Y-%m-%dT%H:%M:%SZ}" if row.expires_at else ""
    values["standing"] = row.review_state
    return ["" if values[name] is None else defused(str(values[name])) for name in COLUMNS]


class _Echo:
    """A file whose `write` returns its argument, so that csv.writer hands back each line."""

    def write(self, line: str) -> str:
        return line

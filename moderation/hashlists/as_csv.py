"""Hash lists as CSV: a header, then a line for each entry."""

import csv
from collections.abc import Iterable, Iterator
from typing import TextIO

from moderation.hashlists.rows import HashRow, ListNotAccepted

REQUIRED = ("algorithm", "hash")
COLUMNS = (*REQUIRED, "quality", "enabled", "expires_at", "label", "note", "reference", "who", "why", "standing")


def read(text: TextIO) -> Iterator[HashRow]:
    """The rows, in the order of the file. ``text`` keeps line ends as they are (newline="").

    Raises:
        NotAccepted: what is wrong, with the number of the line.
    """
    lines = csv.reader(text)
    try:
        names = _header(next(lines, []))
        for fields in lines:
            if any(field.strip() for field in fields):
                yield HashRow.read(_named(fields, names=names, line=lines.line_num), where=f"line {lines.line_num}")
    except csv.Error as error:
        raise ListNotAccepted(f"line {lines.line_num}: this is no CSV ({error})") from error


def _header(fields: list[str]) -> list[str]:
    names = [field.strip().lower() for field in fields]
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in names]
    if unknown or missing or len(set(names)) < len(names):
        found = ", ".join(name[:40] for name in names) or "nothing"
        raise ListNotAccepted(
            f"line 1: found the columns {found}; accepted are {', '.join(COLUMNS)}, each once and in any order. "
            f"{' and '.join(REQUIRED).capitalize()} are needed"
        )
    return names


def _named(fields: list[str], *, names: list[str], line: int) -> dict[str, str]:
    if len(fields) != len(names):
        raise ListNotAccepted(f"line {line}: found {len(fields)} fields; {len(names)} are accepted, as many as columns")
    return dict(zip(names, fields, strict=True))


def write(rows: Iterable[HashRow]) -> Iterator[str]:
    """Lines of text. Reading them gives the same rows again."""
    echo = csv.writer(_Echo())  # its line ends, CR LF, are what it quotes within a text
    yield echo.writerow(COLUMNS)
    for row in rows:
        yield echo.writerow(_fields(row))


def _fields(row: HashRow) -> list[str]:
    said = {name: getattr(row, name) for name in COLUMNS}
    said["enabled"] = "true" if row.enabled else "false"
    said["expires_at"] = f"{row.expires_at:%Y-%m-%dT%H:%M:%SZ}" if row.expires_at else ""
    return ["" if value is None else str(value) for value in said.values()]


class _Echo:
    """A file whose ``write`` gives back what it is given: so lines can be sent on one by one."""

    def write(self, line: str) -> str:
        return line

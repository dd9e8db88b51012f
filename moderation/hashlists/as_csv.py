"""Hash lists as CSV: a header, then one line for each entry. Lists of bare hashes, one a line, are read as well."""

import csv
import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TextIO

from moderation.csv_cells import defused, restored
from moderation.hashlists.kinds import algorithms_of_length
from moderation.hashlists.masking import masked
from moderation.hashlists.rows import HashRow, ListNotAccepted, Unparsed

REQUIRED = ("algorithm", "hash")
COLUMNS = (*REQUIRED, "quality", "enabled", "expires_at", "label", "note", "reference", "who", "why", "standing")


def read(text: TextIO, *, algorithm: str = "") -> Iterator[Unparsed]:
    """Yield the rows in the order of the file. `text` must be opened with newline="".

    `algorithm` is that of all hashes, if the file does not name it.

    Raises:
        ListNotAccepted: with the line number and the problem.
    """
    first = text.readline()
    lines = csv.reader(chain([first], text), delimiter=_delimiter(first))
    try:
        head = next(lines, [])
        columns = _bare_columns(head, algorithm=algorithm) if _is_bare(head) else _header(head, algorithm=algorithm)
        for fields in chain([head], lines) if _is_bare(head) else lines:
            if any(field.strip() for field in fields):
                yield f"line {lines.line_num}", partial(_row, fields, columns=columns, algorithm=algorithm)
    except csv.Error as error:
        raise ListNotAccepted(f"line {lines.line_num}: this is not CSV ({error})") from error


def _delimiter(first: str) -> str:
    """Return the delimiter of a header. Spreadsheets write semicolons or tabs in some countries and formats."""
    return max(",;\t", key=first.count)


def _is_bare(head: list[str]) -> bool:
    """Whether the first line is a hash instead of a header."""
    return len(head) == 1 and bool(re.fullmatch(r"\s*[0-9A-Fa-f]{16,}\s*", head[0]))


def _bare_columns(head: list[str], *, algorithm: str) -> list[str]:
    if not algorithm:
        try:
            _algorithm_of(head[0].strip())
        except ListNotAccepted as problem:  # the same for every line
            raise ListNotAccepted(f"line 1: {problem}") from problem
    return ["hash"]


def _header(fields: list[str], *, algorithm: str) -> list[str]:
    columns = [field.strip().lower() for field in fields]
    unknown = [name for name in columns if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in columns and not (name == "algorithm" and algorithm)]
    if unknown or missing or len(set(columns)) < len(columns):
        found = ", ".join(masked(name)[:40] for name in columns) or "nothing"
        raise ListNotAccepted(
            f"line 1: found the columns {found}; accepted are {', '.join(COLUMNS)}, each once and in any order. "
            f"{' and '.join(REQUIRED).capitalize()} are required"
        )
    return columns


def _row(fields: list[str], *, columns: list[str], algorithm: str) -> HashRow:
    if len(fields) != len(columns):
        raise ListNotAccepted(f"found {len(fields)} fields; {len(columns)} are accepted, one for each column")
    texts = dict(zip(columns, map(restored, fields), strict=True))
    if "algorithm" not in texts:
        texts["algorithm"] = algorithm or _algorithm_of(texts["hash"].strip())
    return HashRow.read(texts)


def _algorithm_of(text: str) -> str:
    """Return the algorithm of a bare hash. 64 digits do not tell it."""
    possible = algorithms_of_length(len(text))
    if len(possible) == 1:
        return possible[0]
    raise ListNotAccepted(
        f"found a hash of {len(text)} characters and no algorithm; "
        + ("pdq and sha256 have as many digits" if possible else "no accepted algorithm has as many digits")
        + ". Name the algorithm of all hashes: --algorithm, or the field Algorithm on the list's page"
    )


def write(rows: Iterable[HashRow]) -> Iterator[str]:
    """Yield lines of text. Reading them gives the same rows again."""
    writer = csv.writer(_Echo())  # its line ends, CR LF, are the ones that it quotes within a text
    yield writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow(_fields(row))


def _fields(row: HashRow) -> list[str]:
    values = {name: getattr(row, name) for name in COLUMNS}
    values["enabled"] = "true" if row.enabled else "false"
    values["expires_at"] = f"{row.expires_at:%Y-%m-%dT%H:%M:%SZ}" if row.expires_at else ""
    return ["" if values[name] is None else defused(str(values[name])) for name in COLUMNS]


class _Echo:
    """A file whose `write` returns its argument, so that csv.writer hands back each line."""

    def write(self, line: str) -> str:
        return line

"""Read a CSV file of images that the operator has labelled."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from moderation.classifiers.errors import AdoptionRefused

_HEADER = ("path", "label")
_VIOLATING, _BENIGN = ("violating", "1"), ("benign", "0")


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One image and whether a person found it violating."""

    path: Path
    violating: bool


def read_labelled(path: Path, *, labels: Sequence[str], positive: str) -> list[LabelledImage]:
    """Read lines of ``path,label`` below that header; relative paths start at the CSV file's folder.

    A label is one of the classifier's, or violating, benign, 1 or 0.

    Raises:
        AdoptionRefused: the file cannot be read or a line is wrong; the message has the line's number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AdoptionRefused(f"{path} cannot be read: {error}. Give a CSV file in UTF-8.") from error
    rows = list(_rows(path, text=text, labels=labels, positive=positive))
    if {row.violating for row in rows} != {True, False}:
        found = f"{sum(row.violating for row in rows)} violating of {len(rows)}"
        raise AdoptionRefused(f"{path} has {found}. Give violating and benign images; both are needed.")
    return rows


def _rows(path: Path, *, text: str, labels: Sequence[str], positive: str) -> Iterator[LabelledImage]:
    reader = csv.reader(text.splitlines(), strict=True)
    seen: dict[Path, int] = {}
    try:
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if reader.line_num == 1:
                _check_header(row, where=where)
            elif row:
                found = _row(row, where=where, folder=path.parent, labels=labels, positive=positive)
                if found.path in seen:
                    raise AdoptionRefused(
                        f"{where}: {row[0]} is already on line {seen[found.path]}. Remove one of them."
                    )
                seen[found.path] = reader.line_num
                yield found
    except csv.Error as error:
        raise AdoptionRefused(f"{path}, line {reader.line_num}: {error}. Lines of path,label are accepted.") from error


def _check_header(row: Sequence[str], *, where: str) -> None:
    if tuple(cell.strip().lower() for cell in row) != _HEADER:
        raise AdoptionRefused(f"{where}: found {','.join(row)!r}; the first line must be path,label.")


def _row(row: Sequence[str], *, where: str, folder: Path, labels: Sequence[str], positive: str) -> LabelledImage:
    if len(row) != 2:
        raise AdoptionRefused(f"{where}: found {len(row)} columns; two are accepted, path,label.")
    file, label = folder / row[0].strip(), row[1].strip()
    if not file.is_file():
        raise AdoptionRefused(f"{where}: there is no file {file}. Relative paths start at {folder.resolve()}.")
    if label not in (*labels, *_VIOLATING, *_BENIGN):
        accepted = ", ".join((*labels, *_VIOLATING, *_BENIGN))
        raise AdoptionRefused(f"{where}: found label {label!r}; accepted are {accepted}.")
    return LabelledImage(file, label == positive or label in _VIOLATING)

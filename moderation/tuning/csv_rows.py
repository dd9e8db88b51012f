"""Read labelled rows from a CSV file. Its size is not limited: wrong rows are counted, and only the first are named."""

import csv
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from moderation.formatting import counted

COLUMNS = ("id", "label", "score")
# As pandas, scikit-learn and spreadsheets write them, in any case.
LABELS = {"1": 1, "1.0": 1, "true": 1, "violating": 1, "0": 0, "0.0": 0, "false": 0, "benign": 0}
# The most wrong rows that a message names.
NAMED = 20


class UnreadableTable(Exception):
    """The file is not a table of id, label and score. The message says why, or names the first wrong rows by line."""


@dataclass(frozen=True)
class LabelledRows:
    """Rows with known truth: ``violating`` (1 or 0) and ``scores`` in [0, 1], both of shape (rows,)."""

    violating: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


def read_rows(path: Path) -> LabelledRows:
    """Read a CSV file with the columns id, label and score; other columns are ignored.

    A label is 1, true or violating; or 0, false or benign. The case of headings and labels, and spaces around a cell,
    do not matter.

    Raises:
        UnreadableTable: the file cannot be read, a column is missing or there twice, or rows are wrong.
    """
    labels, scores, wrong = array("b"), array("d"), _WrongRows()
    for row in _rows(path):
        if isinstance(row, str):
            wrong.add(row)
        else:
            labels.append(row[0])
            scores.append(row[1])
    wrong.refuse()
    if not labels:
        raise UnreadableTable(f"{path.name}: there is no row below the header. Write one row for each upload.")
    return LabelledRows(violating=np.array(labels, dtype=np.int64), scores=np.array(scores, dtype=np.float64))


@dataclass
class _WrongRows:
    named: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, message: str) -> None:
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(message)

    def refuse(self) -> None:
        if more := self.count - len(self.named):
            self.named.append(f"And {counted(more, 'more wrong row')}.")
        if self.named:
            raise UnreadableTable("\n".join(self.named))


# The label and score of a row, or the message about it.
ParsedRow = tuple[int, float] | str


def _rows(path: Path) -> Iterator[ParsedRow]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            try:
                header = next(reader, [])
                label, score = _places(header, name=path.name)
                for cells in filter(None, reader):
                    yield _parsed(
                        _cell(cells, label), _cell(cells, score), where=f"{path.name}, line {reader.line_num}"
                    )
            except csv.Error as error:
                raise UnreadableTable(f"{path.name}, line {reader.line_num}: not readable as CSV: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableTable(f"{path} cannot be read as a CSV file in UTF-8: {reason}.") from error


def _places(header: Sequence[str], *, name: str) -> tuple[int, int]:
    """Return where the columns label and score are."""
    found = [cell.strip().lower() for cell in header]
    if lacking := " and no column ".join(column for column in COLUMNS if column not in found):
        heading = ", ".join(cell.strip() for cell in header) or "nothing"
        raise UnreadableTable(f"{name}, line 1: no column {lacking}. Found: {heading}. Needed: id, label, score.")
    for column in COLUMNS:
        if found.count(column) > 1:
            raise UnreadableTable(
                f"{name}, line 1: {found.count(column)} columns are called {column}, and only one can be meant. Rename "
                "or remove the others."
            )
    return found.index("label"), found.index("score")


def _cell(cells: Sequence[str], place: int) -> str | None:
    return cells[place].strip() if place < len(cells) else None


def _parsed(label: str | None, score: str | None, *, where: str) -> ParsedRow:
    violating, probability = LABELS.get((label or "").lower()), _number(score)
    problems = []
    if violating is None:
        problems.append(f"label is {_quoted(label)}; write 1 (violating) or 0 (benign)")
    if probability is None or not 0 <= probability <= 1:
        problems.append(f"score is {_quoted(score)}; write a number from 0 to 1")
    if problems or violating is None or probability is None:
        return f"{where}: {', and '.join(problems)}."
    return violating, probability


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _quoted(text: str | None) -> str:
    return "missing" if text is None else repr(text[:40])

"""A list's texts come from anybody, and its CSV is opened in spreadsheets."""

import csv
import io

import pytest

from moderation.hashlists import as_csv, importing
from moderation.hashlists.rows import HashRow

FORMULAS = ["=cmd|'/c calc'!A1", "+1", "-1+2", "@SUM(A1)", "'=already quoted"]


def rows(formula: str) -> list[HashRow]:
    return [HashRow(algorithm="sha256", hash="0f" * 32, label=formula, note=formula, reference=formula)]


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_an_exported_list_is_a_formula(formula: str) -> None:
    lines = csv.reader(io.StringIO("".join(as_csv.write(rows(formula))), newline=""))
    cells = [cell for line in lines for cell in line]
    assert f"'{formula}" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("formula", FORMULAS)
def test_an_exported_list_is_imported_as_it_was(formula: str) -> None:
    written = "".join(as_csv.write(rows(formula))).encode()
    (row,) = importing.read(io.BytesIO(written), format="csv", kind="known_bad")
    assert (row.label, row.note, row.reference) == (formula, formula, formula)

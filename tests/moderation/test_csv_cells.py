import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moderation.csv_cells import defused, restored


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "''=1"])
def test_a_formula_becomes_a_text(text: str) -> None:
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "0f0f", "a=b", "'quoted'", "2026-03-01", "ann@example.org"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert defused(text) == restored(text) == text


@given(st.text())
@example("'=1")
@example("''@")
def test_every_text_comes_back(text: str) -> None:
    assert restored(defused(text)) == text


@given(st.text())
def test_no_cell_begins_as_a_formula(text: str) -> None:
    assert not defused(text).startswith(("=", "+", "-", "@", "\t", "\r"))

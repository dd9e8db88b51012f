"""Cells of CSV files that people open in a spreadsheet, which would run a text that begins as a formula does."""

import re

# Excel, LibreOffice and Google Sheets read a cell that begins so as a formula. A leading apostrophe makes it a text.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def defused(text: str) -> str:
    """Return `text` for a cell, with an apostrophe before what would be a formula; `restored` takes it away.

    A text that has such apostrophes itself gets one more, so that each text comes back as it was.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def restored(cell: str) -> str:
    """Return the text that `defused` made into `cell`. Other cells stay as they are."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell

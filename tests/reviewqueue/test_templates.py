"""The form of every template: short lines, and partials that say what they need."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "templates"
TEMPLATES = sorted(FOLDER.rglob("*.html"))
PARTIALS = [path for path in TEMPLATES if path.name.startswith("_")]
LONGEST_LINE = 139


def name(path: Path) -> str:
    return str(path.relative_to(FOLDER))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_lines_are_short(path: Path) -> None:
    lines = enumerate(path.read_text().splitlines(), start=1)
    assert [number for number, line in lines if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("path", PARTIALS, ids=name)
def test_a_partial_says_what_it_needs_and_what_its_root_is(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert re.fullmatch(r"\{# Needs: .+ Root: .+ #\}", first)


@pytest.mark.parametrize("path", PARTIALS, ids=name)
def test_a_partial_has_the_root_id_that_it_names(path: Path) -> None:
    text = path.read_text()
    root = re.search(r"Root: #([a-z-]+)", text.splitlines()[0])
    assert root is None or f'id="{root[1]}' in text

"""docs/architecture.md names every room, table, lock and module with SQL, so that it cannot fall behind the code."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import ForeignKey, ManyToManyField

from moderation.locks import Lock
from tests.docs.markdown import ROOT, blocks, code_spans, section, tracked

PAGE = ROOT / "docs" / "architecture.md"
SQL = re.compile(r"\bcursor\(\)|\.raw\(|\bRawSQL\b")
ENTRY = re.compile(r"^  (?P<table>[A-Z]\w+)(?P<tracked> \*)? *(?P<keys>.*)$")


def rooms(package: str) -> list[str]:
    """The packages and modules directly below ``package``."""
    below = (ROOT / package).iterdir()
    packages = [path for path in below if (path / "__init__.py").is_file() and path.name != "__pycache__"]
    modules = [path for path in (ROOT / package).glob("*.py") if path.name != "__init__.py"]
    return [f"{package}/{path.name}{'/' if path.is_dir() else ''}" for path in [*packages, *modules]]


@pytest.mark.parametrize("package", ["moderation", "reviewqueue"])
def test_every_room_has_a_line(package: str) -> None:
    named = code_spans(section(PAGE, "The rooms"))
    assert set(rooms(package)) - set(named) == set()


def test_every_folder_beside_the_product_has_a_line() -> None:
    folders = {f"{name.split('/')[0]}/" for name in tracked() if "/" in name and not name.startswith(".")}
    named = code_spans(section(PAGE, "Beside the product"))
    assert folders - set(named) - {"moderation/", "reviewqueue/"} == set()


def listed_tables() -> dict[str, tuple[bool, dict[str, str]]]:
    """By table: whether it has an event table, and the target of each foreign key."""
    text = next(block.text for block in blocks(PAGE) if "IdempotentAnswer" in block.text)
    joined = re.sub(r",\n\s+", ", ", text)
    found = (ENTRY.match(line) for line in joined.splitlines())
    return {
        entry["table"]: (bool(entry["tracked"]), dict(re.findall(r"(\w+) -> (\w+)", entry["keys"])))
        for entry in found
        if entry
    }


def test_the_tables_are_those_of_the_models() -> None:
    models = list(apps.get_app_config("moderation").get_models())
    tables = [model for model in models if not hasattr(model, "pgh_tracked_model")]
    tracked = {model.pgh_tracked_model for model in models if hasattr(model, "pgh_tracked_model")}
    assert listed_tables() == {
        model.__name__: (
            model in tracked,
            {
                field.name: field.related_model.__name__
                for field in [*model._meta.fields, *model._meta.many_to_many]
                if isinstance(field, ForeignKey | ManyToManyField)
            },
        )
        for model in tables
    }


def test_the_modules_with_sql_are_those_that_are_listed() -> None:
    sources = [path for package in ("moderation", "reviewqueue") for path in (ROOT / package).rglob("*.py")]
    with_sql = {path.relative_to(ROOT).as_posix() for path in sources if is_sql(path)}
    listed = {span for span in code_spans(section(PAGE, "Where SQL lives")) if span.endswith(".py")}
    assert with_sql - listed == set()
    assert {name for name in listed - with_sql if not name.endswith("_sql.py")} == {"moderation/review/consensus.py"}


def is_sql(path: Path) -> bool:
    return "migrations" not in path.parts and bool(SQL.search(path.read_text(encoding="utf-8")))


def test_every_advisory_lock_has_its_place() -> None:
    named = code_spans(section(PAGE, "Locks, and their order"))
    assert {f"Lock.{lock.name}" for lock in Lock} - set(named) == set()


def steps() -> list[str]:
    """The numbered steps and the table rows of the section on changes, each in one line."""
    text = re.sub(r"\n {3}", " ", section(PAGE, "Where a change goes"))
    return [line for line in text.splitlines() if re.match(r"\d+\. |\| \*\*", line)]


@pytest.mark.parametrize("step", steps())
def test_the_names_in_each_step_are_in_its_files(step: str) -> None:
    spans = code_spans(step)
    texts = [(ROOT / span).read_text(encoding="utf-8") for span in spans if (ROOT / span).is_file()]
    names = [span.removesuffix("()") for span in spans if re.fullmatch(r"@?[A-Za-z_]\w*(\(\))?", span)]
    assert {name for name in names if not any(name.strip("@") in text for text in texts)} - {"tune", "verify"} == set()

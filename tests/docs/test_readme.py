"""The tables of README.md agree with the settings and with the commands."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import load_command_class

from tests.docs.markdown import ROOT, code_spans, section, table_rows

README = ROOT / "README.md"
SETTINGS = ROOT / "moderation" / "settings.py"


def settings_read() -> Iterator[tuple[str, ast.expr | None]]:
    """The environment variables that the settings read, with their defaults."""
    for node in ast.walk(ast.parse(SETTINGS.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).startswith("env.")
            and isinstance(node.args[0], ast.Constant)
        ):
            default = next((each.value for each in node.keywords if each.arg == "default"), None)
            yield node.args[0].value, default


def test_the_settings_are_those_that_are_read() -> None:
    listed = {code_spans(row[0])[0] for row in table_rows(section(README, "Settings"))}
    assert listed == {name for name, _ in settings_read()}


# Defaults that are not one value of the setting itself.
DESCRIBED = {"DATA_DIR", "DATABASE_POOL_SIZE"}
DEFAULTS = [
    (name, default.value)
    for name, default in settings_read()
    if isinstance(default, ast.Constant) and name not in DESCRIBED
]


@pytest.mark.parametrize(("name", "default"), DEFAULTS)
def test_the_defaults_are_those_of_the_settings(name: str, default: object) -> None:
    rows = {code_spans(row[0])[0]: row for row in table_rows(section(README, "Settings"))}
    assert code_spans(rows[name][1]) == [str(default)]


def test_every_command_has_a_row() -> None:
    rows = table_rows(section(README, "Commands"))
    listed = {span.split()[0] for row in rows for span in code_spans(row[0])}
    assert not {path.stem for path in commands() if path.stem != "__init__"} - listed


def test_every_action_in_a_row_exists() -> None:
    for row in table_rows(section(README, "Commands")):
        first, *others = code_spans(row[0])
        name, *words = first.split()
        known = {path.stem for path in commands()} | actions_of(name)
        assert {span.split()[0] for span in others} | {word for word in words if word.islower()} <= known, row[0]


def actions_of(name: str) -> set[str]:
    parser = load_command_class("moderation", name).create_parser("manage.py", name)
    return {choice for action in parser._actions for choice in action.choices or () if isinstance(choice, str)}


def commands() -> list[Path]:
    return list((ROOT / "moderation" / "management" / "commands").glob("*.py"))

"""Examples in the documentation work: blocks parse, commands exist and accept the arguments that are shown."""

import csv
import importlib.util
import io
import json
import re
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import BaseCommand, get_commands, load_command_class

from tests.docs.markdown import PAGES, ROOT, Block, Command, blocks, code_spans, commands, page_name, prose

# Blocks that nothing here executes or parses, by their tag.
UNCHECKED_TAGS = {
    "text": "diagrams, formulas and the output of commands",
    "nginx": "the configuration of another program",
    "yaml": "the configuration of other programs; nothing that is installed reads YAML",
    "html": "parts of templates, whose tags need a context",
}
# Programs of shell examples that are not ours.
UNCHECKED_PROGRAMS = {
    "cd": "the shell",
    "export": "the shell",
    "git": "needs a repository and the network",
    "cp": "writes to the system's folders",
    "install": "writes to the system's folders",
    "systemctl": "needs systemd",
    "rm": "removes files",
    "pg_dump": "needs a server",
    "pg_restore": "needs a server",
    "rsync": "needs another machine",
    "curl": "test_api_examples.py calls the test client instead",
}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
EVERY_BLOCK = [block for page in PAGES for block in blocks(page)]
EVERY_COMMAND = [command for page in PAGES for command in commands(page)]


def check_json(text: str) -> None:
    json.loads(text)


def check_python(text: str) -> None:
    """It runs: examples import and define, and do nothing else."""
    exec(compile(text, "example", "exec"), {"__name__": "example"})


def check_csv(text: str) -> None:
    header, *rows = csv.reader(io.StringIO(text))
    assert rows
    assert {len(row) for row in rows} == {len(header)}


def check_shell(text: str) -> None:
    """Its commands are checked one by one; here, that there are any."""
    assert text.strip()


CHECKS: dict[str, Callable[[str], None]] = {
    "json": check_json,
    "python": check_python,
    "csv": check_csv,
    "sh": check_shell,
}


@pytest.mark.parametrize("block", EVERY_BLOCK, ids=str)
def test_every_block_names_its_language_and_parses(block: Block) -> None:
    assert block.tag in CHECKS.keys() | UNCHECKED_TAGS.keys()
    CHECKS.get(block.tag, str)(block.text)


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=str)
def test_every_command_exists_and_accepts_its_arguments(command: Command) -> None:
    program, *arguments = without_settings(command.words)
    if program.endswith("python") and arguments[0] == "manage.py":
        program, *arguments = arguments
    if program == "manage.py":
        parse(arguments)
    elif program == "make":
        check_make(arguments)
    elif program.endswith("python"):
        check_python_program(arguments)
    else:
        assert program in UNCHECKED_PROGRAMS


def without_settings(words: tuple[str, ...]) -> list[str]:
    """Drop the environment variables before a command."""
    first = next(number for number, word in enumerate(words) if not re.match(r"[A-Z_]+=", word))
    return list(words[first:])


def parse(arguments: list[str]) -> None:
    name, *rest = [PLACEHOLDERS.get(word, word) for word in arguments]
    command = load_command_class(get_commands()[name], name)
    assert isinstance(command, BaseCommand)
    command.create_parser("manage.py", name).parse_args(rest)


# Values that stand for any, where an argument's type asks for a number or a day.
PLACEHOLDERS = {"…": "0.5", "N": "1", "UPLOAD": "1", "DAY": "2026-01-31"}


def check_make(arguments: list[str]) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.MULTILINE))
    for word in arguments:
        name, is_variable, _ = word.partition("=")
        assert re.search(rf"\$\({name}\b", MAKEFILE) or f"{name}:" in MAKEFILE if is_variable else word in targets


def check_python_program(arguments: list[str]) -> None:
    if arguments[0] != "-m":
        assert (ROOT / arguments[0]).is_file()
    elif arguments[1] == "pytest":
        assert all((ROOT / word).exists() for word in arguments if word.startswith("tests/"))
    else:
        check_module(arguments[1], options=[word for word in arguments if word.startswith("--")])


def check_module(name: str, *, options: list[str]) -> None:
    """The module can be run, and names the options that the example gives."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    if spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{name}.__main__")
    if name.split(".", maxsplit=1)[0] in {"benchmarks", "moderation", "tests"}:
        source = (ROOT / spec.origin).read_text(encoding="utf-8")
        assert all(f'"{option}"' in source for option in options), options


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_command_that_the_prose_names_exists(page: Path) -> None:
    """Only names and options are compared: the prose shortens the rest."""
    for span in (span for line in prose(page) for span in code_spans(line)):
        words = span.split()
        if words[0] == "manage.py" and len(words) > 1 and words[1].isidentifier():
            command = load_command_class(get_commands()[words[1]], words[1])
            known = options_of(command.create_parser("manage.py", words[1]))
            assert {word.split("=")[0] for word in words if word.startswith("--")} <= known, span
        elif words[0] == "make":
            check_make([word for word in words[1:] if re.match(r"[a-z][\w-]*$", word)])


def options_of(parser: ArgumentParser) -> set[str]:
    """Return the options of a command and of its actions."""
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action.choices, dict):
            found |= {option for inner in action.choices.values() for option in options_of(inner)}
    return found

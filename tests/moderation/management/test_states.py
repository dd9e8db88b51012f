"""Every command in every state of its surroundings: one line that says what to do, and nothing left behind."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.db import connection
from psycopg import sql
from pytest_django import DjangoDbBlocker

from moderation.management.command_line import run
from moderation.management.preparation import ONLY_READING, is_among, is_product_command
from tests.database_owner import as_owner

# The least arguments of each action of each command; a command without an entry takes none.
ARGUMENTS = {
    "certificate": ["issue", "list"],
    "classifiers": [
        "list", "score open_nsfw README.md", "import README.md --name other",
        "activate open_nsfw --policy adult --low 0.2 --high 0.8 --why tried", "deactivate --policy adult --why tried",
        "shadow open_nsfw --policy adult", "check open_nsfw --output elsewhere",
        "quantize open_nsfw --calibrate demo --name small", "retire open_nsfw",
    ],
    "gold": ["results", "rate 0.1", "mark 1 --truth benign --why seen", "retire 1 --why seen"],
    "hashlists": [
        "list", "create partners --policy adult --kind known-bad --by ada --why shared", "export partners",
        "import README.md --list partners --by ada --why shared", "enable partners --by ada --why shared",
        "disable partners --by ada --why shared", "expire partners --at never --by ada --why shared", "check README.md",
    ],
    "ingest": ["demo"],
    "prescreen": ["", "report"],
    "serve": ["--port 9"],
    "token": ["list", "issue robot --source app", "revoke robot"],
}  # fmt: skip
# Controls the server itself, so it needs neither a database nor tables.
OWN_RULES = {"pg"}


def product_commands() -> Iterator[str]:
    yield from (name for name in sorted(get_commands()) if is_product_command(name) and name not in OWN_RULES)


CALLS = [f"{name} {rest}".strip() for name in product_commands() for rest in ARGUMENTS.get(name, [""])]


@contextmanager
def database(**changed: object) -> Iterator[None]:
    """Connect with other settings, then as before."""
    before = {name: connection.settings_dict[name] for name in changed}
    connection.close()
    connection.settings_dict.update(changed)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


@pytest.fixture(scope="module")
def reachable(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The server, without a test's own database: nothing here writes."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def empty_database(reachable: None) -> Iterator[str]:
    """A database without tables, as before the first `migrate`."""
    name = f"empty_{os.getpid()}"
    execute("CREATE DATABASE {} TEMPLATE template0", name)
    yield name
    execute("DROP DATABASE {} WITH (FORCE)", name)


def execute(statement: str, name: str) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))


def outcome(capsys: pytest.CaptureFixture[str], call: str) -> tuple[int | str | None, str, str]:
    """The exit status, standard output and standard error of a call."""
    capsys.readouterr()
    try:
        status: int | str | None = run(["manage.py", *call.split()])
    except SystemExit as end:
        status = end.code
    return status, *capsys.readouterr()


def assert_refused_in_a_line(capsys: pytest.CaptureFixture[str], call: str, *, says: str) -> None:
    status, out, err = outcome(capsys, call)
    assert (status, out) == (1, ""), err
    assert err.count("\n") == 1, err
    assert says in err
    assert list(settings.DATA_DIR.iterdir()) == []


@pytest.mark.parametrize("call", CALLS)
def test_before_migrate_every_command_says_to_migrate(call: str, empty_database: str, capsys) -> None:
    with database(NAME=empty_database):
        assert_refused_in_a_line(capsys, call, says="Run 'manage.py migrate'")


@pytest.mark.parametrize("call", CALLS)
def test_without_a_server_every_command_says_so(call: str, reachable: None, capsys) -> None:
    with database(HOST="127.0.0.1", PORT=1):
        assert_refused_in_a_line(capsys, call, says="The database cannot be reached")


# One test for many calls: the database is flushed after each of these tests.
@pytest.mark.django_db(transaction=True)
def test_a_read_only_database_refuses_every_command_that_changes_something(capsys) -> None:
    with read_only():
        for call in CALLS:
            if not reads_only(call):
                assert_refused_in_a_line(capsys, call, says="The database is read-only")


@pytest.mark.django_db(transaction=True)
def test_a_read_only_database_can_be_read_by_every_command_that_only_reads(capsys) -> None:
    with read_only():
        for call in filter(reads_only, CALLS):
            status, _, err = outcome(capsys, call)
            assert status in {0, 1}, call
            assert "read-only" not in err, call


def read_only() -> AbstractContextManager[None]:
    options = connection.settings_dict["OPTIONS"]
    return database(OPTIONS={**options, "options": f"{options['options']} -c default_transaction_read_only=on"})


def reads_only(call: str) -> bool:
    return is_among(["manage.py", *call.split()], ONLY_READING)


@pytest.mark.parametrize("call", CALLS)
def test_an_unwritable_data_folder_is_named_by_every_command(call: str, settings, tmp_path: Path, capsys) -> None:
    settings.DATA_DIR = tmp_path / "file" / "data"
    (tmp_path / "file").write_text("not a folder")
    status, out, err = outcome(capsys, call)
    assert (status, out) == (1, "")
    assert err.startswith(f"DATA_DIR {settings.DATA_DIR} cannot be written (Not a directory). Nothing was changed.")
    assert err.count("\n") == 1

"""A database of another version is refused with a message, by every command, and stays as it is."""

from collections.abc import Iterator

import pytest
from django.db import connection

from moderation.database_state import NotMigrated, OtherVersionsDatabase, check_migrated, check_version
from moderation.readiness import checks
from tests.database_owner import as_owner
from tests.processes import start_command

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = "0001_whole_record"


def run(sql: str, *parameters: str) -> list[tuple[str, ...]]:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def recorded() -> list[tuple[str, ...]]:
    return run("SELECT name FROM django_migrations WHERE app = 'moderation' ORDER BY name")


@pytest.fixture
def of_another_version() -> Iterator[None]:
    """The database records another first migration in the place of this version's."""
    before = recorded()
    run("UPDATE django_migrations SET name = %s WHERE app = 'moderation'", OTHER)
    yield
    run("DELETE FROM django_migrations WHERE app = 'moderation'")
    for (name,) in before:
        run("INSERT INTO django_migrations (app, name, applied) VALUES ('moderation', %s, now())", name)


def test_a_database_of_this_version_is_accepted() -> None:
    check_version()
    check_migrated()


def test_a_database_without_tables_is_no_other_versions_and_not_migrated() -> None:
    run("ALTER TABLE django_migrations RENAME TO elsewhere")
    try:
        check_version()
        with pytest.raises(NotMigrated, match=r"nothing was changed\. Run 'manage\.py migrate'"):
            check_migrated()
    finally:
        run("ALTER TABLE elsewhere RENAME TO django_migrations")


def test_a_database_whose_first_migrate_was_interrupted_is_not_migrated() -> None:
    role = connection.settings_dict["USER"]
    run(f'REVOKE SELECT ON django_migrations FROM "{role}"')
    try:
        with pytest.raises(NotMigrated):
            check_migrated()
    finally:
        run(f'GRANT SELECT ON django_migrations TO "{role}"')


def test_a_database_of_another_version_is_refused_with_its_migrations_and_a_way_out(of_another_version: None) -> None:
    with pytest.raises(OtherVersionsDatabase, match=rf"{OTHER}.*Nothing was changed.*make clean.*DATABASE_URL"):
        check_version()


@pytest.mark.parametrize("command", [["migrate"], ["serve", "--port", "1"], ["prescreen"], ["verify"]])
def test_every_command_ends_with_the_message_instead_of_a_traceback(
    of_another_version: None, command: list[str]
) -> None:
    process = start_command(*command)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert err.startswith("Another version of Second Look made this database")
    assert "Traceback" not in err
    assert recorded() == [(OTHER,)]


def test_it_is_not_ready(of_another_version: None) -> None:
    (found,) = [check for check in checks() if check.name == "migrations"]
    assert (found.ok, found.detail) == (False, "the database is another version's; see 'manage.py migrate'")

"""Recognise a database that commands cannot use, before one fails on it: another version's, not migrated, read-only."""

from pathlib import Path

from django.db import connection

MIGRATIONS = Path(__file__).parent / "migrations"


class DatabaseUnusable(Exception):
    """The database is not one that this version can use. Nothing was changed."""


class OtherVersionsDatabase(DatabaseUnusable):
    """The database has migrations of this application that this version does not have."""


class NotMigrated(DatabaseUnusable):
    """The database lacks migrations of this version."""


class ReadOnlyDatabase(DatabaseUnusable):
    """The server refuses to write: a standby, or one that is configured so."""


def check_version() -> None:
    """Compare the migrations that the database records with those of this version, in two statements.

    Raises:
        OtherVersionsDatabase: the database records a migration that this version does not have.
    """
    if unknown := _recorded() - _own():
        raise OtherVersionsDatabase(
            f"Another version of Second Look made this database: it has the migrations {', '.join(sorted(unknown))}, "
            "which this version does not have. This version cannot use it. Nothing was changed. If you do not need "
            "its data: run 'make clean' for the private database, or give DATABASE_URL a new, empty database. "
            "Otherwise go back to the version that made it."
        )


def check_migrated() -> None:
    """Check that the database records all migrations of this application, in two statements.

    Raises:
        NotMigrated: it lacks one, or is empty.
    """
    if _own() - _recorded():
        raise NotMigrated(
            "The database is not prepared for this version yet, so nothing was changed. Run 'manage.py migrate', then "
            "run the command again."
        )


def check_writable() -> None:
    """Check that the server accepts changes, in one statement.

    Raises:
        ReadOnlyDatabase: it does not.
    """
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        if cursor.fetchone()[0] == "on":
            raise ReadOnlyDatabase(
                "The database is read-only, so nothing was changed. Connect to the primary server, or lift "
                "default_transaction_read_only, and run the command again."
            )


def _own() -> set[str]:
    return {path.stem for path in MIGRATIONS.glob("0*.py")}


def _recorded() -> set[str]:
    """Return the names of the recorded migrations; none before the first `migrate` has ended and granted the rights."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(to_regclass('django_migrations'), 'SELECT')")
        if not cursor.fetchone()[0]:
            return set()
        cursor.execute("SELECT name FROM django_migrations WHERE app = 'moderation'")
        return {name for (name,) in cursor.fetchall()}

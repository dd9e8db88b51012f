"""Recognise a database that another version of the program made, before a command fails on it with a traceback."""

from pathlib import Path

from django.db import DatabaseError, connection

MIGRATIONS = Path(__file__).parent / "migrations"


class OtherVersionsDatabase(Exception):
    """The database has migrations of this application that this version does not have. Nothing is changed."""


def check_migration_history() -> None:
    """Compare the migrations that the database records with those of this version, in two statements.

    Does nothing if the database is empty or cannot be reached: the command itself then says what to do.

    Raises:
        OtherVersionsDatabase: the database records a migration that this version does not have.
    """
    try:
        recorded = _recorded()
    except DatabaseError:
        return
    unknown = recorded - {path.stem for path in MIGRATIONS.glob("0*.py")}
    if unknown:
        raise OtherVersionsDatabase(
            f"Another version of Second Look made this database: it has the migrations {', '.join(sorted(unknown))}, "
            "which this version does not have. This version cannot use it. Nothing was changed. If you do not need "
            "its data: run 'make clean' for the private database, or give DATABASE_URL a new, empty database. "
            "Otherwise go back to the version that made it."
        )


def _recorded() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return set()
        cursor.execute("SELECT name FROM django_migrations WHERE app = 'moderation'")
        return {name for (name,) in cursor.fetchall()}

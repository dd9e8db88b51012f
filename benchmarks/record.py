"""Write large records by SQL into a throw-away database, each row copied from one that the product made."""

import os
import time
from collections.abc import Callable


def set_up(url: str, *, data: str) -> None:
    """Set Django up with an empty database, and make one real row of each kind to copy."""
    start_django(url, data=data)
    make_templates()


def start_django(url: str, *, data: str) -> None:
    """Set Django up for the database at ``url``, and migrate it."""
    import django  # noqa: PLC0415 (the database is started first)
    from django.core.management import call_command  # noqa: PLC0415

    os.environ |= {"DATABASE_URL": url, "DATA_DIR": data, "SECRET_KEY": "for a benchmark " * 4}
    os.environ["DJANGO_SETTINGS_MODULE"] = "moderation.settings"
    django.setup()
    call_command("migrate", verbosity=0)


def make_templates() -> None:
    """Make one real row of each kind, and keep each in a table of its own to copy from."""
    from moderation.review import claiming, deciding  # noqa: PLC0415
    from moderation.review.claims import Claim  # noqa: PLC0415
    from tests.factories import make_task, make_user  # noqa: PLC0415

    task = make_task(score=0.5)
    claiming.claim_for(task, moderator=make_user("mo"))
    deciding.decide(task, "benign", claim=Claim.from_task(task))
    for table in ("storedfile", "upload", "screening", "reviewtask", "decision"):
        execute(f"CREATE TABLE template_{table} AS SELECT * FROM moderation_{table}")
        do_without_checks(f"moderation_{table}")


def do_without_checks(table: str) -> None:
    """Disable the triggers and drop the foreign keys of a table that only this module writes to."""
    execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    keys = f"SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype = 'f'"
    for (name,) in execute(keys):
        execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')


def copy(table: str, source: str, **changes: str) -> None:
    """Insert the template's row once for each row of ``source``, with ``changes``."""
    rows = execute(f"SELECT attname FROM pg_attribute WHERE attrelid = 'template_{table}'::regclass AND attnum > 0")
    names = [name for (name,) in rows]
    values = ", ".join(changes.get(name, f'template."{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    execute(f"INSERT INTO moderation_{table} ({columns}) SELECT {values} FROM template_{table} template, {source}")


def execute(sql: str) -> list[tuple[str, ...]]:
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(sql)
        found = cursor.fetchall() if cursor.description else []
        cursor.execute("RESET statement_timeout")
    return found


def timed(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started

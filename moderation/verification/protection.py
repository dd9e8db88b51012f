"""The rule that the database still protects the record: every trigger of the models is installed and enabled."""

from collections.abc import Iterator
from typing import NamedTuple

import pgtrigger
from django.db import connection

from moderation.verification.findings import Finding

ENABLED = ("O", "A")  # in ordinary sessions; "D" is disabled, "R" fires for replication alone
TRIGGERS = """
    SELECT relation.relname, trigger.tgname, trigger.tgenabled, function.prosrc FROM pg_trigger trigger
    JOIN pg_class relation ON relation.oid = trigger.tgrelid
    JOIN pg_proc function ON function.oid = trigger.tgfoid
    WHERE NOT trigger.tgisinternal AND pg_table_is_visible(relation.oid)
"""


class InstalledTrigger(NamedTuple):
    enabled: str
    source: str


def triggers_are_installed_and_enabled() -> Iterator[Finding]:
    found = _installed_triggers()
    for model, trigger in pgtrigger.registered():
        wanted = trigger.compile(model)
        installed = found.get((model._meta.db_table, trigger.get_pgid(model)))
        where = f"trigger {trigger.name} of {model._meta.db_table}"
        if installed is None:
            yield where, "is missing; 'manage.py pgtrigger install' installs it"
        elif installed.enabled not in ENABLED:
            yield where, "is disabled; 'manage.py pgtrigger enable' enables it"
        elif installed.source not in wanted.install_sql:
            yield where, "does something other than this version's; 'manage.py pgtrigger install' installs it"


def _installed_triggers() -> dict[tuple[str, str], InstalledTrigger]:
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS)
        return {(table, name): InstalledTrigger(enabled, source) for table, name, enabled, source in cursor.fetchall()}


def owner_serves() -> bool:
    """Whether this connection's role owns the record, and so could disable its triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableowner = current_user FROM pg_tables WHERE tablename = 'moderation_decision'")
        return bool(cursor.fetchone()[0])

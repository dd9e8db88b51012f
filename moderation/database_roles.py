"""The rights of the serving role: what the product does to each table, and nothing else.

The tables belong to another role, the owner, which migrates them. So whoever controls the product's connection can
neither disable a trigger nor change, delete or truncate what is append-only.
"""

from collections.abc import Iterator

import pgtrigger
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model

# pgtrigger lets any session ignore triggers by setting a variable. Here only the owner of this function can, for the
# tests and for repairs; the rest is pgtrigger's own function.
ONLY_THE_OWNER_IGNORES_TRIGGERS = """
CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name name) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    ignored text[] := nullif(current_setting('pgtrigger.ignore', true), '');
BEGIN
    IF ignored IS NULL THEN
        RETURN false;
    END IF;
    RETURN trigger_name = ANY(ignored) AND current_user = (
        SELECT pg_get_userbyid(proowner) FROM pg_proc
        WHERE oid = 'public._pgtrigger_should_ignore(name)'::regprocedure
    );
END $$
"""


def grant_rights(role: str) -> None:
    """Give `role` the rights that the product needs on every table, and withdraw all others. Costs one round trip.

    Raises:
        django.db.ProgrammingError: the role does not exist, or the current one does not own the tables.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(";\n".join([*_statements(connection.ops.quote_name(role)), ONLY_THE_OWNER_IGNORES_TRIGGERS]))


def _statements(role: str) -> Iterator[str]:
    everywhere = "IN SCHEMA public"
    yield f"GRANT USAGE ON SCHEMA public TO {role}"
    yield f"REVOKE ALL ON ALL TABLES {everywhere} FROM {role}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES {everywhere} TO {role}"
    yield f"GRANT USAGE ON ALL SEQUENCES {everywhere} TO {role}"
    yield f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}"
    for model, triggers in _triggers_by_model().items():
        yield from _restrictions(model, triggers=triggers, role=role)


def _triggers_by_model() -> dict[type[Model], dict[str, pgtrigger.Trigger]]:
    """Return the triggers of each model, by name."""
    found: dict[type[Model], dict[str, pgtrigger.Trigger]] = {model: {} for model in apps.get_models()}
    for model, trigger in pgtrigger.registered():
        found[model][str(trigger.name)] = trigger
    return found


def _restrictions(model: type[Model], *, triggers: dict[str, pgtrigger.Trigger], role: str) -> Iterator[str]:
    """Withdraw the rights that the model's triggers refuse to everybody."""
    table = connection.ops.quote_name(model._meta.db_table)
    if "append_only" in triggers:
        yield f"REVOKE UPDATE, DELETE ON {table} FROM {role}"
    if "never_deleted" in triggers:
        yield f"REVOKE DELETE ON {table} FROM {role}"
    for trigger in triggers.values():
        if isinstance(trigger, pgtrigger.ReadOnly):
            columns = ", ".join(_changing_columns(model, trigger=trigger))
            yield f"REVOKE UPDATE ON {table} FROM {role}"
            yield f"GRANT UPDATE ({columns}) ON {table} TO {role}"


def _changing_columns(model: type[Model], *, trigger: pgtrigger.ReadOnly) -> Iterator[str]:
    for name in trigger.exclude or ():
        yield connection.ops.quote_name(str(model._meta.get_field(name).column))  # type: ignore[union-attr]

"""The rule that tracked rows equal their newest audit rows."""

from collections.abc import Iterator

import pghistory.models
from django.apps import apps
from django.db import connection
from django.db.models import Model

from moderation.verification.findings import Finding


def changes_have_their_audit_row() -> Iterator[Finding]:
    """Each tracked row equals its newest event. A row that is tracked from its insert on has at least one event."""
    for event in apps.get_models():
        if issubclass(event, pghistory.models.Event) and event._meta.app_label == "moderation":
            yield from _rows_that_differ(event)


def _rows_that_differ(event: type[Model]) -> Iterator[Finding]:
    model: type[Model] = event.pgh_tracked_model  # type: ignore[attr-defined]
    names = {f.column for f in model._meta.concrete_fields} & {f.column for f in event._meta.concrete_fields}
    columns = sorted(name for name in names if name)
    row = ", ".join(f't."{name}"' for name in columns)
    last = ", ".join(f'e."{name}"' for name in columns)
    unrecorded = _changed_without_event(model)
    sql = f"""
        SELECT t."{model._meta.pk.column}", e.pgh_id IS NULL FROM "{model._meta.db_table}" t
        LEFT JOIN LATERAL (
            SELECT * FROM "{event._meta.db_table}" e WHERE e.pgh_obj_id = t."{model._meta.pk.column}"
            ORDER BY e.pgh_id DESC LIMIT 1
        ) e ON true
        WHERE (e.pgh_id IS NULL AND {unrecorded}) OR (e.pgh_id IS NOT NULL AND ({row}) IS DISTINCT FROM ({last}))
    """  # noqa: S608  (names come from the models)
    with connection.cursor() as cursor:
        cursor.execute(sql)
        for pk, missing in cursor.fetchall():
            yield f"{model._meta.verbose_name} {pk}", "no audit row" if missing else "differs from its newest audit row"


def _changed_without_event(model: type[Model]) -> str:
    """Return, as SQL, when a row without any event is a problem.

    It always is, except for models whose insert is not recorded: there the row must have changed.
    """
    changed = {
        "Screening": "t.superseded",
        "Effect": "t.cancelled_at IS NOT NULL",
        "LedgerRow": "false",  # the recount checks the counts of a row without an event
        "Fingerprint": "false",  # the row does not show whether it was in another cluster before
        "HashMatch": "t.superseded",
    }
    return changed.get(model.__name__, "true")

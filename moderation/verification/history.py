"""Rules about the history: tracked rows, and people's groups and permissions, agree with their newest events."""

from collections.abc import Iterator

import pghistory.models
from django.apps import apps
from django.db import connection
from django.db.models import Model

from moderation.models import GroupPermission, UserGroup, UserPermission
from moderation.verification.findings import Finding

#: The proxy of each many-to-many table whose rows are tracked, and its two keys.
MEMBERSHIPS: dict[type[Model], tuple[str, str]] = {
    UserGroup: ("user_id", "group_id"),
    UserPermission: ("user_id", "permission_id"),
    GroupPermission: ("group_id", "permission_id"),
}


def changes_have_their_audit_row() -> Iterator[Finding]:
    """Each tracked row equals its newest event. A row that is tracked from its insert on has at least one event."""
    for event in apps.get_models():
        if _is_event_of_moderation(event) and event.pgh_tracked_model not in MEMBERSHIPS:  # type: ignore[attr-defined]
            yield from _rows_that_differ(event)


def memberships_have_their_event() -> Iterator[Finding]:
    """Each row of a many-to-many table was inserted by its newest event, and no other newest event is an insert."""
    for event in apps.get_models():
        if _is_event_of_moderation(event) and event.pgh_tracked_model in MEMBERSHIPS:  # type: ignore[attr-defined]
            yield from _memberships_that_differ(event)


def _is_event_of_moderation(model: type[Model]) -> bool:
    return issubclass(model, pghistory.models.Event) and model._meta.app_label == "moderation"


def _memberships_that_differ(event: type[Model]) -> Iterator[Finding]:
    model: type[Model] = event.pgh_tracked_model  # type: ignore[attr-defined]
    keys = ", ".join(MEMBERSHIPS[model])
    sql = f"""
        SELECT {keys}, t.id IS NULL FROM "{model._meta.db_table}" t
        FULL JOIN (
            SELECT * FROM (
                SELECT DISTINCT ON ({keys}) {keys}, pgh_label FROM "{event._meta.db_table}"
                ORDER BY {keys}, pgh_id DESC
            ) newest WHERE pgh_label = 'insert'
        ) e USING ({keys})
        WHERE t.id IS NULL OR e.pgh_label IS NULL
    """  # noqa: S608  (names come from the models)
    with connection.cursor() as cursor:
        cursor.execute(sql)
        for one, other, removed in cursor.fetchall():
            first, second = (key.removesuffix("_id") for key in MEMBERSHIPS[model])
            found = "was removed without an event" if removed else "was added without an event"
            yield f"{first} {one} and {second} {other}", found


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

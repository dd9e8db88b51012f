"""History and protection of tables, enforced by the database: tracked, append-only, immutable, never deleted.

An event table records the changes of one model. It is append-only as well: the record of changes cannot be changed.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import pghistory
import pgtrigger
from django.db.models import Model

ModelClass = TypeVar("ModelClass", bound=type[Model])


def append_only() -> pgtrigger.Trigger:
    return _refuse("append_only", pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate)


def never_deleted() -> pgtrigger.Trigger:
    return _refuse("never_deleted", pgtrigger.Delete | pgtrigger.Truncate)


def _refuse(name: str, operation: pgtrigger.Operation) -> pgtrigger.Trigger:
    """Refuse whole statements: TRUNCATE fires no trigger for rows."""
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=operation,
        func=f"RAISE EXCEPTION 'Cannot {str(operation).lower()} rows of table %', TG_TABLE_NAME;",
    )


def immutable_except(*fields: str) -> pgtrigger.ReadOnly:
    return pgtrigger.ReadOnly(name="immutable_except_" + "_".join(fields), exclude=list(fields))


def tracked(*, exclude: list[str] | None = None) -> Callable[[ModelClass], ModelClass]:
    """Record every insert and update in the model's event table. The database does so, also for `.update()`."""
    return _track(pghistory.InsertEvent(), pghistory.UpdateEvent(), exclude=exclude)


def tracked_changes(*, exclude: list[str] | None = None) -> Callable[[ModelClass], ModelClass]:
    """Record updates only, for rows that are immutable except for some fields: the row itself records its insert."""
    return _track(pghistory.UpdateEvent(), exclude=exclude)


def tracked_membership() -> Callable[[ModelClass], ModelClass]:
    """Record every insert and delete of a many-to-many table, for a proxy of its model. Such rows never change."""
    # The row's own number says nothing: the events of one pair of keys are its history.
    return _track(pghistory.InsertEvent(), pghistory.DeleteEvent(), obj_field=None, app_label="moderation")


def _track(*events: Any, **options: Any) -> Callable[[ModelClass], ModelClass]:
    track: Any = pghistory.track(*events, meta={"triggers": [append_only()]}, **options)
    return track  # type: ignore[no-any-return]

"""History and protection of tables, enforced by the database: tracked, append-only, immutable, never deleted."""

from collections.abc import Callable
from typing import Any, TypeVar

import pghistory
import pgtrigger
from django.db.models import Model

ModelClass = TypeVar("ModelClass", bound=type[Model])


def tracked(*, exclude: list[str] | None = None) -> Callable[[ModelClass], ModelClass]:
    """Record every insert and update in the model's event table. The database does so, also for `.update()`."""
    track: Any = pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), exclude=exclude)
    return track  # type: ignore[no-any-return]


def tracked_changes(*, exclude: list[str] | None = None) -> Callable[[ModelClass], ModelClass]:
    """Record updates only, for rows that are immutable except for some fields: the row itself records its insert."""
    track: Any = pghistory.track(pghistory.UpdateEvent(), exclude=exclude)
    return track  # type: ignore[no-any-return]


def append_only() -> pgtrigger.Protect:
    return pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


def never_deleted() -> pgtrigger.Protect:
    return pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete)


def immutable_except(*fields: str) -> pgtrigger.ReadOnly:
    return pgtrigger.ReadOnly(name="immutable_except_" + "_".join(fields), exclude=list(fields))

"""How a table keeps its own history: tracked when rows change, protected when they never do."""

from collections.abc import Callable
from typing import Any, TypeVar

import pghistory
import pgtrigger
from django.db.models import Model

ModelClass = TypeVar("ModelClass", bound=type[Model])


def tracked(*, exclude: list[str] | None = None) -> Callable[[ModelClass], ModelClass]:
    """Every insert and change is written to the table's event table by the database, ``.update()`` too."""
    track: Any = pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), exclude=exclude)
    return track  # type: ignore[no-any-return]


def tracked_changes(*, exclude: list[str] | None = None) -> Callable[[ModelClass], ModelClass]:
    """Only changes: for rows that are immutable but for one field, whose insert is its own audit."""
    track: Any = pghistory.track(pghistory.UpdateEvent(), exclude=exclude)
    return track  # type: ignore[no-any-return]


def append_only() -> pgtrigger.Protect:
    return pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


def never_deleted() -> pgtrigger.Protect:
    return pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete)


def immutable_but_for(*fields: str) -> pgtrigger.ReadOnly:
    return pgtrigger.ReadOnly(name="immutable_but_for_" + "_".join(fields), exclude=list(fields))

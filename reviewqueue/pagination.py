"""Pages of lists whose rows are never counted: a page only knows whether another one follows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, QueryDict

ROWS_PER_PAGE = 25
# An offset costs as much as the rows that it passes over.
LAST_PAGE = 1000

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """One page of a list. ``earlier`` and ``later`` are the query strings of its neighbours, empty without one."""

    rows: list[Any]
    number: int
    earlier: str
    later: str

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def has_other_pages(self) -> bool:
        return bool(self.earlier or self.later)


def numbered_page(request: HttpRequest, rows: QuerySet[Any], *, name: str = "page", size: int = 0) -> ListPage:
    """Return the page of ``rows`` whose number the address gives as ``name``; the first where it gives none."""
    size = size or ROWS_PER_PAGE
    number = _number(request.GET.get(name, ""))
    found = list(rows[(number - 1) * size : number * size + 1])
    if not found and number > 1:
        number, found = 1, list(rows[: size + 1])
    has_later = len(found) > size and number < LAST_PAGE
    return ListPage(
        rows=found[:size],
        number=number,
        earlier=_query(request.GET, name, number - 1) if number > 1 else "",
        later=_query(request.GET, name, number + 1) if has_later else "",
    )


def newest_first(rows: "QuerySet[Row]", *, before: int | None, size: int) -> tuple[list[Row], int | None]:
    """Return the newest ``size`` rows below the primary key ``before``, and the ``before`` of the next page.

    The second value is None on the last page. An index finds each page, however far down the list it is.
    """
    below = rows if before is None else rows.filter(pk__lt=before)
    found = list(below.order_by("-pk")[: size + 1])
    return found[:size], found[size - 1].pk if len(found) > size else None


def _number(text: str) -> int:
    """Return the page number in ``text``, from 1 to LAST_PAGE; 1 where it is not a number."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(LAST_PAGE)):
        return 1
    return min(max(int(text), 1), LAST_PAGE)


def _query(current: QueryDict, name: str, number: int) -> str:
    changed = current.copy()
    changed[name] = str(number)
    return f"?{changed.urlencode()}"

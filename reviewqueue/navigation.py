"""The header of every page: its links and counts."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from moderation.bounded_count import bounded_count
from moderation.models import Upload, User
from moderation.review.queue_counts import QueueCounts
from reviewqueue.access import right_for


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A link of the header. ``waiting`` is a bounded count of the page's work."""

    label: str
    url: str
    current: bool
    waiting: int = 0


# The label of each page and its name.
PAGES = [
    ("Review", "review"),
    ("Quarantine", "quarantine"),
    ("Appeals", "objections"),
    ("Thresholds", "thresholds"),
    ("Uploads", "uploads"),
    ("Send in", "send"),
    ("Hash lists", "hash_lists"),
    ("Runs", "runs"),
]


def allowed_pages(user: User) -> list[tuple[str, str]]:
    """Return label and name of the pages that ``user`` may open, in the header's order."""
    return [page for page in PAGES if user.has_perm(f"moderation.{right_for(page[1], method='GET')}")]


class Navigation:
    """The header's content. It is queried only where a page shows it: a partial costs nothing."""

    def __init__(self, request: HttpRequest, user: User) -> None:
        self._request = request
        self._user = user

    @cached_property
    def counts(self) -> QueueCounts:
        return QueueCounts.for_user(self._user)

    @cached_property
    def entries(self) -> list[Entry]:
        """The links to the pages that this person may open."""
        return [self._entry(label, name) for label, name in allowed_pages(self._user)]

    def _entry(self, label: str, name: str) -> Entry:
        waiting = bounded_count(Upload.objects.quarantined()) if name == "quarantine" else 0
        return Entry(label=label, url=reverse(name), current=name == self._current, waiting=waiting)

    @cached_property
    def _current(self) -> str:
        """The name of the page shown, or of the page above it: the longest address that the path begins with."""
        path = self._request.path
        above = [
            name
            for _, name in PAGES
            if path == reverse(name) or (reverse(name) != "/" and path.startswith(reverse(name)))
        ]
        return max(above, key=lambda name: len(reverse(name)), default="")


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: ``nav``, the header of a signed-in person."""
    user = getattr(request, "user", None)
    return {"nav": Navigation(request, user)} if isinstance(user, User) else {}

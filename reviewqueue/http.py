"""The HTTP boundary: what every page needs."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from moderation.models import Upload, User
from moderation.models.waiting import QueueCounts


@dataclass(frozen=True, kw_only=True)
class Entry:
    label: str
    url: str
    current: bool
    waiting: int = 0


# Label, name of the page, and who may open it.
PAGES = [
    ("Review", "review", "review_uploads"),
    ("Quarantine", "quarantine", "lead_reviews"),
    ("Thresholds", "thresholds", "see_thresholds"),
    ("Uploads", "uploads", "see_uploads"),
    ("Upload", "send", "send_uploads"),
]


class Navigation:
    """The header's content, looked up only where a page shows it: a partial costs no query."""

    def __init__(self, request: HttpRequest, user: User) -> None:
        self._request = request
        self._user = user

    @cached_property
    def counts(self) -> QueueCounts:
        return QueueCounts.of(self._user)

    @cached_property
    def entries(self) -> list[Entry]:
        return [
            self._entry(label, name)
            for label, name, permission in PAGES
            if self._user.has_perm(f"moderation.{permission}") and _exists(name)
        ]

    def _entry(self, label: str, name: str) -> Entry:
        waiting = Upload.objects.quarantined().count() if name == "quarantine" else 0
        return Entry(label=label, url=reverse(name), current=self._is_current(name), waiting=waiting)

    def _is_current(self, name: str) -> bool:
        """Whether the page shown is the entry's own, or lies below it."""
        match, url = self._request.resolver_match, reverse(name)
        return match is not None and (match.url_name == name or (url != "/" and self._request.path.startswith(url)))


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: ``nav`` for the header of a person who is signed in."""
    user = getattr(request, "user", None)
    return {"nav": Navigation(request, user)} if isinstance(user, User) else {}


def _exists(name: str) -> bool:
    try:
        return bool(reverse(name))
    except NoReverseMatch:
        return False

"""The page that a person lands on after signing in.

Nobody is given an upload by signing in. People whose only work is the queue land there, and it serves the first upload
at once; for all others it waits until they press the button, so that an admin who looks at thresholds holds nothing.
"""

from django.core.exceptions import PermissionDenied
from django.urls import reverse

from moderation.models import Objection, Upload, User
from reviewqueue.navigation import allowed_pages


def landing_url(user: User) -> str:
    """Return the address of the page where the person's work is.

    Raises:
        PermissionDenied: they may open no page.
    """
    pages = [name for _, name in allowed_pages(user)]
    if not pages:
        raise PermissionDenied("The account is in no group that may open a page.")
    return reverse(_landing_page(user, pages=pages))


def only_reviews(user: User) -> bool:
    """Return whether the queue is all of the person's work."""
    return [name for _, name in allowed_pages(user)] == ["review"]


def _landing_page(user: User, *, pages: list[str]) -> str:
    """Admins land on the thresholds, leads where something waits for them, operators on the runs."""
    if user.has_perm("moderation.publish_thresholds"):
        return "thresholds"
    if user.is_lead:
        return _lead_page()
    return "runs" if "runs" in pages else pages[0]


def _lead_page() -> str:
    if Upload.objects.quarantined().exists():
        return "quarantine"
    return "objections" if Objection.objects.waiting().exists() else "review"

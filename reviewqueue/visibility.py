"""Hides score, route and coin of an image that waits for a verdict from people who may be asked for that verdict.

People who know the score tend to agree with it, and the route alone would reveal that a task is an audit. Uploads of
the same bytes have the same score, so they are hidden together.
"""

from typing import TypeVar

from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.expressions import Combinable

from moderation.models import HashMatch, ReviewTask, Screening, Upload, User
from moderation.models.hash_matches import HashMatchQuerySet
from moderation.models.screenings import ScreeningQuerySet
from moderation.models.uploads import UploadQuerySet

Rows = TypeVar("Rows", ScreeningQuerySet, HashMatchQuerySet)


def hidden_from(viewer: User) -> Combinable:
    """An annotation of Upload: whether its screening is hidden from ``viewer``."""
    if not viewer.has_perm("moderation.review_uploads"):
        return Value(value=False)
    return Exists(ReviewTask.objects.undecided().filter(upload__file=OuterRef("file")))


def shown_to(viewer: User, rows: Rows) -> Rows:
    """Screenings or matches, without those of bytes that wait for a verdict of ``viewer``."""
    return rows.exclude(_bytes_wait()) if viewer.has_perm("moderation.review_uploads") else rows


def hidden_among(viewer: User, rows: Rows) -> Rows:
    """The screenings or matches that ``shown_to`` leaves out."""
    return rows.filter(_bytes_wait()) if viewer.has_perm("moderation.review_uploads") else rows.none()


def _bytes_wait() -> Exists:
    return Exists(ReviewTask.objects.undecided().filter(upload__file=OuterRef("upload__file")))


def as_seen_by(viewer: User) -> UploadQuerySet:
    """All uploads, annotated with ``hidden``."""
    return Upload.objects.annotate(hidden=hidden_from(viewer))


def with_status(uploads: UploadQuerySet, status: str) -> UploadQuerySet:
    """Filter uploads from as_seen_by() by the status that the page shows; hidden ones show as in review."""
    hidden = {"hidden": True}
    if status == Upload.Status.IN_REVIEW:
        return uploads.filter(Q(status=status) | Q(**hidden))
    return uploads.filter(status=status).exclude(**hidden)


def with_route(uploads: UploadQuerySet, route: str) -> UploadQuerySet:
    """Filter uploads from as_seen_by() by the route of a live screening or match, without hidden ones."""
    hidden = {"hidden": True}
    taken = Q(Exists(Screening.objects.live().filter(upload=OuterRef("pk"), route=route)))
    taken |= Q(Exists(HashMatch.objects.live().filter(upload=OuterRef("pk"), route=route)))
    return uploads.filter(taken).exclude(**hidden)

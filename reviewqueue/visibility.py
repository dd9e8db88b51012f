"""Hides what is known of an image from people who may be asked for a verdict on it, as if nothing were decided.

People who know the score tend to agree with it, and the route alone would reveal that a task is an audit. Uploads of
the same bytes have the same score, so they are hidden together: while a task on them is undecided, while a verdict can
be undone within its grace period, and while one of them is a gold item that the person has not met.
"""

from typing import TypeVar

from django.db.models import BooleanField, Case, Exists, ExpressionWrapper, F, OuterRef, Q, Value, When
from django.db.models.expressions import Combinable
from django.shortcuts import get_object_or_404

from moderation.models import HashMatch, Objection, Screening, Upload, User
from moderation.models.hash_matches import HashMatchQuerySet
from moderation.models.objections import ObjectionQuerySet
from moderation.models.screenings import ScreeningQuerySet
from moderation.models.uploads import UploadQuerySet
from moderation.review.acquaintance import known_to, verdict_is_open

Rows = TypeVar("Rows", ScreeningQuerySet, HashMatchQuerySet)


def hidden_from(viewer: User) -> Combinable:
    """An annotation of Upload: whether its screening is hidden from ``viewer``."""
    if not viewer.has_perm("moderation.review_uploads"):
        return Value(value=False)
    return ExpressionWrapper(verdict_is_open(viewer), output_field=BooleanField())


def shown_to(viewer: User, rows: Rows) -> Rows:
    """Screenings or matches, without those of bytes that ``viewer`` may be asked about."""
    return rows.exclude(_hidden(viewer)) if viewer.has_perm("moderation.review_uploads") else rows


def hidden_among(viewer: User, rows: Rows) -> Rows:
    """The screenings or matches that ``shown_to`` leaves out."""
    return rows.filter(_hidden(viewer)) if viewer.has_perm("moderation.review_uploads") else rows.none()


def shown_or_404(viewer: User, pk: int) -> Upload:
    """Return the upload if ``viewer`` may open a page about it; whether it exists is not told otherwise.

    People who see all uploads open those that they cannot be asked about. Others open what they decided or saw
    unblurred: numbers can be counted, so a number alone opens nothing.

    Raises:
        Http404: the same one for each reason.
    """
    known = known_to(viewer)
    if viewer.has_perm("moderation.see_uploads"):
        known |= ~verdict_is_open(viewer)
    return get_object_or_404(Upload.objects.filter(known), pk=pk)


def objections_as_seen_by(viewer: User) -> ObjectionQuerySet:
    """All reports and appeals with their answers, annotated with ``hidden``: they wait, and ``viewer`` may be asked.

    Whoever raised one sees it: they are not asked about it.
    """
    rows = Objection.objects.with_answer()
    if not viewer.has_perm("moderation.review_uploads"):
        return rows.annotate(hidden=Value(value=False))
    return rows.annotate(hidden=Case(When(raised_by=viewer, then=Value(value=False)), default=F("waits")))


def _hidden(viewer: User) -> Q:
    return verdict_is_open(viewer, file="upload__file")


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

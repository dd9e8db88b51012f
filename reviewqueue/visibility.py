"""What a person who may still be asked must not see: score, route and coin of an image that waits for a verdict.

Whoever knows the score agrees with it. An audit is worse still: its route alone would tell that it is one. Uploads
of the same bytes have the same score, so that they are hidden together.
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
    """Whether an upload's screening is hidden from ``viewer``, as an annotation of Upload."""
    if not viewer.has_perm("moderation.review_uploads"):
        return Value(value=False)
    return Exists(ReviewTask.objects.undecided().filter(upload__file=OuterRef("file")))


def shown_to(viewer: User, rows: Rows) -> Rows:
    """Screenings or matches, without those of bytes that wait for a verdict which ``viewer`` may be asked for."""
    if not viewer.has_perm("moderation.review_uploads"):
        return rows
    return rows.exclude(Exists(ReviewTask.objects.undecided().filter(upload__file=OuterRef("upload__file"))))


def as_seen_by(viewer: User) -> UploadQuerySet:
    return Upload.objects.annotate(hidden=hidden_from(viewer))


def with_status(uploads: UploadQuerySet, status: str) -> UploadQuerySet:
    """By the status that is shown: what is hidden shows as in review. For uploads from as_seen_by()."""
    hidden = {"hidden": True}
    if status == Upload.Status.IN_REVIEW:
        return uploads.filter(Q(status=status) | Q(**hidden))
    return uploads.filter(status=status).exclude(**hidden)


def with_route(uploads: UploadQuerySet, route: str) -> UploadQuerySet:
    """By the route of a live screening or match, leaving out what is hidden. For uploads from as_seen_by()."""
    hidden = {"hidden": True}
    taken = Q(Exists(Screening.objects.live().filter(upload=OuterRef("pk"), route=route)))
    taken |= Q(Exists(HashMatch.objects.live().filter(upload=OuterRef("pk"), route=route)))
    return uploads.filter(taken).exclude(**hidden)

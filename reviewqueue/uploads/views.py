"""Uploads: the list, and one upload with its whole record. No page here shows an image."""

from urllib.parse import urlencode

from django.db.models import Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from moderation.models import ClusterReview, Decision, EntryReview, HashMatch, Objection, Screening, Upload
from moderation.models.effects import status_in_force
from moderation.models.uploads import UploadQuerySet
from moderation.review.acquaintance import known_to
from reviewqueue.pagination import newest_first
from reviewqueue.permissions import ReviewerRequest, can_see_uploads
from reviewqueue.uploads.forms import UploadFilter
from reviewqueue.uploads.history import shown_matches, shown_screenings, timeline
from reviewqueue.visibility import as_seen_by

PAGE = 50


@require_GET
@can_see_uploads
def uploads(request: ReviewerRequest) -> HttpResponse:
    """List uploads, newest first. ``before`` is the last upload of the page before."""
    form = UploadFilter(request.GET)
    form.is_valid()
    screenings = Prefetch("screenings", queryset=Screening.objects.live().select_related("policy"), to_attr="live")
    matches = Prefetch("hash_matches", queryset=HashMatch.objects.live(), to_attr="known")
    narrowed = form.narrow(as_seen_by(request.user)).select_related("file").prefetch_related(screenings, matches)
    page, before = newest_first(narrowed, before=form.cleaned_data.get("before") or None, size=PAGE)
    context = {"form": form, "uploads": page, "older": _older_query(form, before=before) if before else ""}
    return render(request, "reviewqueue/uploads/uploads.html", context)


@require_GET
@can_see_uploads
def upload(request: ReviewerRequest, pk: int) -> HttpResponse:
    """Show one upload with its whole record."""
    shown = get_object_or_404(_with_record(as_seen_by(request.user)), pk=pk)
    hidden: bool = shown.hidden  # type: ignore[attr-defined]  # annotated by as_seen_by()
    context = {
        "upload": shown,
        "status_in_force": Upload.Status(status_in_force(shown)),
        "screenings": shown_screenings(shown, hidden=hidden),
        "matches": shown_matches(shown, hidden=hidden),
        "reviewed": None if hidden else _reviewed_upload(shown),
        "is_known": not hidden and Upload.objects.filter(known_to(request.user), pk=pk).exists(),
        "events": timeline(shown, hidden=hidden),
    }
    return render(request, "reviewqueue/uploads/upload.html", context)


def _older_query(form: UploadFilter, *, before: int) -> str:
    """Return the query string of the next page: the same filters, below ``before``."""
    kept = {name: value for name, value in form.cleaned_data.items() if value and name != "before"}
    return "?" + urlencode({**kept, "before": before})


def _with_record(uploads: UploadQuerySet) -> UploadQuerySet:
    """Prefetch everything that the page of one upload shows."""
    decisions = Decision.objects.order_by("pk").select_related("reviewer", "superseded_by")
    screenings = Screening.objects.order_by("pk").select_related("policy", "policy_version", "classifier", "epoch")
    reviews = EntryReview.objects.select_related("by").order_by("pk")
    return uploads.select_related("file", "community", "received_by").prefetch_related(
        Prefetch("decisions", queryset=decisions),
        Prefetch("screenings", queryset=screenings),
        Prefetch("hash_matches", queryset=HashMatch.objects.with_list().order_by("pk")),
        Prefetch("hash_matches__entry_reviews", queryset=reviews),
        Prefetch("objections", queryset=Objection.objects.select_related("raised_by", "token")),
        "effects",
    )


def _reviewed_upload(upload: Upload) -> int | None:
    """Return the upload that people review for this one and its near-duplicates; None without any."""
    shared = {"screening__followers__isnull": False, "screening__followers__withdrawn_at": None}
    mine = Q(screening__upload=upload) | Q(screening__followers__upload=upload)
    reviews = ClusterReview.objects.filter(mine, **shared).order_by("-pk")
    return reviews.values_list("screening__upload", flat=True).first()

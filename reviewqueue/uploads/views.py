"""Uploads: the list, and one upload with all that is recorded of it. No image is shown here."""

from urllib.parse import urlencode

from django.db.models import Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from moderation.models import ClusterReview, Decision, HashMatch, HashOpinion, Objection, Screening, Upload
from moderation.models.effects import status_in_force
from reviewqueue.permissions import ReviewerRequest, can_see_uploads
from reviewqueue.uploads.forms import UploadFilter
from reviewqueue.uploads.history import shown_matches, shown_screenings, timeline
from reviewqueue.visibility import as_seen_by

PAGE = 50


@require_GET
@can_see_uploads
def uploads(request: ReviewerRequest) -> HttpResponse:
    """Newest first, a page at a time; ``before`` is the last upload of the page before."""
    form = UploadFilter(request.GET)
    form.is_valid()
    live = Prefetch("screenings", queryset=Screening.objects.live().select_related("policy"), to_attr="live")
    known = Prefetch("hash_matches", queryset=HashMatch.objects.live(), to_attr="known")
    found = form.narrow(as_seen_by(request.user)).select_related("file").prefetch_related(live, known).order_by("-pk")
    page = list(found[: PAGE + 1])
    context = {"form": form, "uploads": page[:PAGE], "older": older(form, page) if len(page) > PAGE else ""}
    return render(request, "reviewqueue/uploads/uploads.html", context)


def older(form: UploadFilter, page: list[Upload]) -> str:
    kept = {name: value for name, value in form.cleaned_data.items() if value and name != "before"}
    return "?" + urlencode({**kept, "before": page[PAGE - 1].pk})


@require_GET
@can_see_uploads
def upload(request: ReviewerRequest, pk: int) -> HttpResponse:
    decisions = Decision.objects.order_by("pk").select_related("reviewer", "superseded_by")
    screenings = Screening.objects.order_by("pk").select_related("policy", "policy_version", "classifier", "epoch")
    whole = (
        as_seen_by(request.user)
        .select_related("file", "community", "received_by")
        .prefetch_related(
            Prefetch("decisions", queryset=decisions),
            Prefetch("screenings", queryset=screenings),
            Prefetch("hash_matches", queryset=HashMatch.objects.with_list().order_by("pk")),
            Prefetch("hash_matches__opinions", queryset=HashOpinion.objects.select_related("by").order_by("pk")),
            Prefetch("objections", queryset=Objection.objects.select_related("raised_by", "token")),
            "effects",
        )
    )
    found = get_object_or_404(whole, pk=pk)
    hidden: bool = found.hidden  # type: ignore[attr-defined]  # annotated by as_seen_by()
    context = {
        "upload": found,
        "status_in_force": Upload.Status(status_in_force(found)),
        "screenings": shown_screenings(found, hidden=hidden),
        "matches": shown_matches(found, hidden=hidden),
        "looked_at": looked_at_for(found),
        "events": timeline(found, hidden=hidden),
    }
    return render(request, "reviewqueue/uploads/upload.html", context)


def looked_at_for(upload: Upload) -> int | None:
    """The upload that people look at for this one and its near-duplicates, if there are any."""
    shared = {"screening__followers__isnull": False, "screening__followers__withdrawn_at": None}
    mine = Q(screening__upload=upload) | Q(screening__followers__upload=upload)
    looks = ClusterReview.objects.filter(mine, **shared).order_by("-pk")
    return looks.values_list("screening__upload", flat=True).first()

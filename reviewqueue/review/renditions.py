"""The pictures that people see, and the reveal that comes before the clear one."""

import mimetypes
import uuid
from pathlib import Path

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from moderation import storage
from moderation.models import Claim, ClaimLost, ReviewTask
from reviewqueue.permissions import ReviewerRequest, can_review
from reviewqueue.review.context import rendition_of
from reviewqueue.review.forms import NO_TOKEN, claim_of
from reviewqueue.review.views import show_lost, varies_by_htmx

VARIANTS = ("blurred", "clear")


@require_POST
@varies_by_htmx
@can_review
def reveal(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Record the exposure; from now on the clear rendition is served to this claim."""
    task = get_object_or_404(ReviewTask.objects.with_upload(), pk=pk)
    try:
        task.reveal(claim=claim_of(request, request.user))
    except ClaimLost as lost:
        return show_lost(request, str(lost))
    if request.htmx:
        return HttpResponse(status=204)
    picture = request.POST.get("picture", "")
    return HttpResponseRedirect(f"/?revealed&picture={picture}" if picture.isdecimal() else "/?revealed", status=303)


@require_GET
@can_review
def rendition(request: ReviewerRequest, pk: int, variant: str, number: int = 1) -> HttpResponseBase:
    """A picture of the strip, to the holder of a live claim alone; a clear one only after the exposure is recorded."""
    if variant not in VARIANTS:
        raise Http404(f"{variant!r} is no rendition; there are {' and '.join(VARIANTS)}.")
    task = get_object_or_404(ReviewTask.objects.with_upload(), pk=pk)
    claim = Claim(moderator=request.user, token=_token(request.GET.get("token", "")))
    seen = (
        task.is_revealed_to(claim) if variant == "clear" else ReviewTask.objects.filter(pk=pk).held_by(claim).exists()
    )
    if not seen:
        raise PermissionDenied("No live claim, or not revealed.")
    return send(rendition_of(task, variant=variant, number=number))


def send(path: Path) -> HttpResponseBase:
    """The file itself, or a word to nginx where it lies; never kept by a cache."""
    media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    answer: HttpResponseBase
    if prefix := settings.RENDITIONS_ACCEL_PREFIX:
        inside = path.relative_to(storage.renditions_folder())
        answer = HttpResponse(headers={"X-Accel-Redirect": f"{prefix}{inside}"}, content_type=media_type)
    else:
        try:
            answer = FileResponse(path.open("rb"), content_type=media_type)
        except FileNotFoundError as error:
            raise Http404(f"{path.name} is not in storage.") from error
    answer["Cache-Control"] = "no-store, private"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer


def _token(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return NO_TOKEN

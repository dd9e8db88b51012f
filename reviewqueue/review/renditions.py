"""The pictures of a claimed task, and the reveal that must come before a clear one."""

import uuid

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from moderation.models import ReviewTask
from moderation.review import claiming
from moderation.review.claims import Claim, ClaimLost
from reviewqueue.htmx import varies_by_htmx
from reviewqueue.permissions import ReviewerRequest, can_review
from reviewqueue.picture_strip import PictureStrip
from reviewqueue.rendition_files import check_variant_or_404, serve_rendition
from reviewqueue.review.answers import render_claim_lost, render_missing
from reviewqueue.review.context import rendition_path_or_404


@require_POST
@varies_by_htmx
@can_review
def reveal(request: ReviewerRequest, token: uuid.UUID) -> HttpResponseBase:
    """Record the exposure. From now on this claim gets the clear rendition."""
    claim = Claim(moderator=request.user, token=token)
    try:
        task = claiming.get_claimed(claim)
        if PictureStrip.of(task) is None:
            claiming.check_held(task, claim=claim)
            return render_missing(request)
        claiming.reveal(task, claim=claim)
    except ClaimLost as lost:
        return render_claim_lost(request, str(lost))
    if request.htmx:
        return HttpResponse(status=204)
    picture = request.POST.get("picture", "")
    return HttpResponseRedirect(f"/?revealed&picture={picture}" if picture.isdecimal() else "/?revealed", status=303)


@require_GET
@can_review
def rendition(request: ReviewerRequest, token: uuid.UUID, number: int, variant: str) -> HttpResponseBase:
    """Serve a picture of the strip to the holder of a live claim; a clear one only after the exposure is recorded."""
    check_variant_or_404(variant)
    task = _get_visible_task_or_403(Claim(moderator=request.user, token=token), variant=variant)
    return serve_rendition(rendition_path_or_404(task, variant=variant, number=number))


def _get_visible_task_or_403(claim: Claim, *, variant: str) -> ReviewTask:
    """Return the claim's task.

    Raises:
        PermissionDenied: the claim does not hold, or a clear picture is not revealed to it.
    """
    task = ReviewTask.objects.held_by(claim.moderator, token=claim.token).with_upload().first()
    if task is None or (variant == "clear" and not claiming.is_revealed(task, claim=claim)):
        raise PermissionDenied("No live claim, or not revealed.")
    return task

"""The pictures of a claimed task, and the reveal that must come before a clear one."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from moderation.models import ReviewTask
from moderation.review import claiming
from moderation.review.claims import Claim, ClaimLost
from reviewqueue.claim_tokens import parse_token, posted_claim
from reviewqueue.htmx import varies_by_htmx
from reviewqueue.permissions import ReviewerRequest, can_review
from reviewqueue.rendition_files import check_variant_or_404, serve_rendition
from reviewqueue.review.answers import render_claim_lost
from reviewqueue.review.context import rendition_path_or_404


@require_POST
@varies_by_htmx
@can_review
def reveal(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Record the exposure. From now on this claim gets the clear rendition."""
    task = get_object_or_404(ReviewTask.objects.with_upload(), pk=pk)
    try:
        claiming.reveal(task, claim=posted_claim(request, moderator=request.user))
    except ClaimLost as lost:
        return render_claim_lost(request, str(lost))
    if request.htmx:
        return HttpResponse(status=204)
    picture = request.POST.get("picture", "")
    return HttpResponseRedirect(f"/?revealed&picture={picture}" if picture.isdecimal() else "/?revealed", status=303)


@require_GET
@can_review
def rendition(request: ReviewerRequest, pk: int, variant: str, number: int = 1) -> HttpResponseBase:
    """Serve a picture of the strip to the holder of a live claim; a clear one only after the exposure is recorded."""
    check_variant_or_404(variant)
    task = get_object_or_404(ReviewTask.objects.with_upload(), pk=pk)
    token = parse_token(request.GET.get("token", ""))
    _check_may_see(task, variant=variant, claim=Claim(moderator=request.user, token=token))
    return serve_rendition(rendition_path_or_404(task, variant=variant, number=number))


def _check_may_see(task: ReviewTask, *, variant: str, claim: Claim) -> None:
    """Raises PermissionDenied where the claim does not hold, or where a clear picture is not revealed to it."""
    if variant == "clear":
        allowed = claiming.is_revealed(task, claim=claim)
    else:
        allowed = claiming.held(task, claim=claim).exists()
    if not allowed:
        raise PermissionDenied("No live claim, or not revealed.")

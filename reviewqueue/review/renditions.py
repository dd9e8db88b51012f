"""The pictures of a claimed task, and the reveal that must come before a clear one."""

import logging
import uuid

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from moderation.decoding.images import ImageRefused
from moderation.decoding.sandbox import SandboxUnavailable
from moderation.intake.receiving import sandbox
from moderation.models import ReviewTask
from moderation.models.frames import BLURRED, FULL
from moderation.renditions import write_full_rendition
from moderation.review import claiming
from moderation.review.claims import Claim, ClaimLost
from moderation.storage import StorageFull
from reviewqueue.htmx import varies_by_htmx
from reviewqueue.permissions import ReviewerRequest, can_review
from reviewqueue.picture_strip import PictureStrip
from reviewqueue.rendition_files import VARIANTS, check_variant_or_404, serve_rendition
from reviewqueue.review.answers import render_claim_lost, render_missing
from reviewqueue.review.context import rendition_path_or_404, shown_frame_or_404

logger = logging.getLogger(__name__)


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
    """Serve a picture of the strip to the holder of a live claim; other than blurred only after a recorded exposure."""
    check_variant_or_404(variant, variants=(*VARIANTS, FULL))
    task = _get_visible_task_or_403(Claim(moderator=request.user, token=token), variant=variant)
    if variant == FULL:
        _make_full_or_404(task, number=number)
    return serve_rendition(rendition_path_or_404(task, variant=variant, number=number))


def _make_full_or_404(task: ReviewTask, *, number: int) -> None:
    """Make the picture with all its pixels, unless somebody enlarged it before.

    Raises:
        Http404: it cannot be made. The cause goes to the log only: it may name the file, which tells what it is.
    """
    frame = shown_frame_or_404(task, number=number)
    try:
        write_full_rendition(task.upload.file, frame=frame, sandbox=sandbox())
    except (ImageRefused, SandboxUnavailable, StorageFull) as error:
        logger.warning("The full rendition of %s could not be made: %s", task.upload, error)
        raise Http404("This picture cannot be enlarged any further. The one on the page shows all of it.") from error


def _get_visible_task_or_403(claim: Claim, *, variant: str) -> ReviewTask:
    """Return the claim's task.

    Raises:
        PermissionDenied: the claim does not hold, or a picture other than the blurred one is not revealed to it.
    """
    task = ReviewTask.objects.held_by(claim.moderator, token=claim.token).with_upload().first()
    if task is None or (variant != BLURRED and not claiming.is_revealed(task, claim=claim)):
        raise PermissionDenied("No live claim, or not revealed.")
    return task

"""Renditions of uploads whose route would change: blurred, and clear only after a recorded reveal."""

import uuid
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from moderation.classifiers.shadow_comparison import RouteFlip, ShadowComparison
from moderation.models import Exposure, Shadow
from reviewqueue.permissions import ReviewerRequest, can_see_thresholds
from reviewqueue.rendition_files import check_variant_or_404, serve_rendition
from reviewqueue.shadows.forms import CandidateForm
from reviewqueue.visibility import shown_to


@require_POST
@can_see_thresholds
def reveal(request: ReviewerRequest, pk: int, upload: int) -> HttpResponseBase:
    """Record the exposure, then show the page with this one image clear, for as long as a claim would last."""
    if not request.user.has_perm("moderation.review_uploads"):
        raise PermissionDenied("moderation.review_uploads")
    flip = _get_flip_or_404(request, pk=pk, upload=upload)
    form = CandidateForm(request.POST)
    form.is_valid()
    place = form.place
    if flip.frame_view.is_rendered(flip.screening.upload.file.sha256):  # otherwise nobody sees anything
        exposure = Exposure.objects.reveal(flip.screening.upload, person=request.user)
        place = {**place, "revealed": str(exposure.claim_token)}
    query = urlencode(place)
    return HttpResponseRedirect(f"{reverse('shadow', args=[pk])}?{query}#upload-{upload}", status=303)


@require_GET
@can_see_thresholds
def image(request: ReviewerRequest, pk: int, upload: int, variant: str) -> HttpResponseBase:
    """Serve one rendition; the clear one only to the person whose recorded reveal still holds."""
    check_variant_or_404(variant)
    flip = _get_flip_or_404(request, pk=pk, upload=upload)
    if variant == "clear" and not _is_revealed(request, upload=upload):
        raise PermissionDenied("Not revealed.")
    return serve_rendition(flip.frame_view.rendition(flip.screening.upload.file.sha256, variant=variant))


def _get_flip_or_404(request: ReviewerRequest, *, pk: int, upload: int) -> RouteFlip:
    """Return the scores of both classifiers for one upload.

    Raises:
        Http404: they did not both score it, or it waits for a verdict that this person may be asked for.
    """
    shadow = get_object_or_404(Shadow.objects.select_related("classifier", "policy"), pk=pk)
    both = shadow.comparable_screenings().filter(upload=upload, shadow__isnull=False).select_related("upload__file")  # type: ignore[misc]
    # The thresholds do not matter here.
    comparison = ShadowComparison.of(shadow, low=0, high=1)
    flips = comparison.described(list(comparison.routed(shown_to(request.user, both))))
    if not flips:
        raise Http404(f"Upload {upload} is not compared here.")
    return flips[0]


def _is_revealed(request: ReviewerRequest, *, upload: int) -> bool:
    if not request.user.has_perm("moderation.review_uploads"):
        return False
    try:
        token = uuid.UUID(request.GET.get("token", ""))
    except ValueError:  # missing or garbled
        return False
    return Exposure.objects.holding().filter(claim_token=token, person=request.user, upload=upload).exists()

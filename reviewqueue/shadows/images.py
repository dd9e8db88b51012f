"""Pictures of uploads that a shadow would send another way: blurred, and clear only after a recorded reveal."""

import uuid
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from moderation.classifiers import adoption
from moderation.models import Exposure, Shadow
from reviewqueue.permissions import ReviewerRequest, can_see_thresholds
from reviewqueue.review.renditions import VARIANTS, send
from reviewqueue.shadows.forms import CandidateForm
from reviewqueue.visibility import shown_to


@require_POST
@can_see_thresholds
def reveal(request: ReviewerRequest, pk: int, upload: int) -> HttpResponseBase:
    """Record the exposure, then show the page with this one picture clear, for as long as a claim would last."""
    if not request.user.has_perm("moderation.review_uploads"):
        raise PermissionDenied("moderation.review_uploads")
    flip = flip_of(request, pk=pk, upload=upload)
    exposure = Exposure.objects.reveal(flip.screening.upload, person=request.user)
    form = CandidateForm(request.POST)
    form.is_valid()
    query = urlencode({**form.place, "revealed": exposure.claim_token})
    return HttpResponseRedirect(f"{reverse('shadow', args=[pk])}?{query}#upload-{upload}", status=303)


@require_GET
@can_see_thresholds
def image(request: ReviewerRequest, pk: int, upload: int, variant: str) -> HttpResponseBase:
    """One picture; the clear one only to the person whose reveal of it is on record and still holds."""
    if variant not in VARIANTS:
        raise Http404(f"{variant!r} is no rendition; there are {' and '.join(VARIANTS)}.")
    flip = flip_of(request, pk=pk, upload=upload)
    if variant == "clear" and not is_revealed(request, upload=upload):
        raise PermissionDenied("Not revealed.")
    return send(flip.shot.rendition(flip.screening.upload.file.sha256, variant=variant))


def flip_of(request: ReviewerRequest, *, pk: int, upload: int) -> adoption.RouteFlip:
    """What both classifiers say of one upload.

    Raises:
        Http404: they did not both score it, or it waits for a verdict that this person may be asked for.
    """
    shadow = get_object_or_404(Shadow.objects.select_related("classifier", "policy"), pk=pk)
    both = shadow.compared().filter(upload=upload, shadow__isnull=False).select_related("upload__file")  # type: ignore[misc]
    # Which thresholds does not matter here.
    comparison = adoption.ShadowComparison.of(shadow, low=0, high=1)
    found = comparison.described(list(comparison.routed(shown_to(request.user, both))))
    if not found:
        raise Http404(f"Upload {upload} is not compared here.")
    return found[0]


def is_revealed(request: ReviewerRequest, *, upload: int) -> bool:
    if not request.user.has_perm("moderation.review_uploads"):
        return False
    try:
        token = uuid.UUID(request.GET.get("token", ""))
    except ValueError:
        return False
    return Exposure.objects.holding().filter(claim_token=token, person=request.user, upload=upload).exists()

"""What takes over the verdict on nearly the same picture, and the way out for what is another one."""

from django.contrib import messages
from django.http import Http404, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation import storage
from moderation.models import ClusterReview, ReviewTask, Screening, Upload
from moderation.models.queue import ReviewTaskQuerySet
from moderation.review.cluster_removal import NotInCluster, remove_from_cluster
from reviewqueue.permissions import ReviewerRequest, can_review
from reviewqueue.review.renditions import send

SHOWN_AT_MOST = 60
TORN_OUT = "Upload {pk} is asked about by itself now. What it had taken over was undone."


@require_GET
@never_cache
@can_review
def duplicates(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """The uploads that follow the look at upload ``pk``, each with a way out. Nothing here tells a score."""
    looked_at = get_object_or_404(Upload, pk=pk)
    tasks = following(looked_at)
    context = {
        "looked_at": looked_at,
        "is_shared": ClusterReview.objects.filter(screening__upload=looked_at).exists(),
        "tasks": tasks.select_related("upload").order_by("pk")[:SHOWN_AT_MOST],
        "count": tasks.count(),
    }
    return render(request, "reviewqueue/duplicates/duplicates.html", context)


@require_POST
@can_review
def split(request: ReviewerRequest, pk: int, member: int) -> HttpResponseBase:
    """Tear ``member`` out of those that follow the look at upload ``pk``."""
    upload = get_object_or_404(Upload, pk=member)
    try:
        remove_from_cluster(upload, by=request.user)
    except NotInCluster as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, TORN_OUT.format(pk=member))
    return HttpResponseRedirect(reverse("duplicates", args=[pk]), status=303)


@require_GET
@can_review
def blurred(request: ReviewerRequest, pk: int, member: int) -> HttpResponseBase:  # noqa: ARG001
    """The blurred picture of one that follows; clear ones are for the queue alone."""
    task = (
        following(get_object_or_404(Upload, pk=pk))
        .filter(upload=member)
        .select_related("upload__file", "screening")
        .first()
    )
    if task is None:
        raise Http404(f"Upload {member} does not follow the look at upload {pk}.")
    return send(storage.rendition_path(task.upload.file.sha256, frame=task.screened.frame, variant="blurred"))


def following(upload: Upload) -> ReviewTaskQuerySet:
    """Tasks whose verdict is, or will be, the one on ``upload``."""
    looks = ClusterReview.objects.filter(screening__upload=upload)
    return ReviewTask.objects.filter(
        waits_for__in=Screening.objects.filter(cluster_review__in=looks), withdrawn_at=None
    ).exclude(upload__file=upload.file_id)

"""Near-duplicates: the uploads that take over one verdict, and how to remove one that shows something else."""

from django.contrib import messages
from django.http import Http404, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation import storage
from moderation.bounded_count import bounded_count
from moderation.models import ClusterReview, ReviewTask, Screening, Upload
from moderation.models.review_tasks import ReviewTaskQuerySet
from moderation.review.cluster_removal import NotInCluster, remove_from_cluster
from reviewqueue.permissions import ReviewerRequest, can_review
from reviewqueue.rendition_files import serve_rendition

SHOWN_AT_MOST = 60
REMOVED = (
    "Upload {pk} was removed from the near-duplicates. The verdict that it had taken over was undone. "
    "It will be reviewed separately."
)


@require_GET
@never_cache
@can_review
def duplicates(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """List the uploads that take over the verdict on upload ``pk``. The page shows no score."""
    reviewed = get_object_or_404(Upload, pk=pk)
    tasks = _tasks_following(reviewed)
    context = {
        "reviewed": reviewed,
        "is_shared": ClusterReview.objects.filter(screening__upload=reviewed).exists(),
        "tasks": tasks.select_related("upload").order_by("pk")[:SHOWN_AT_MOST],
        "count": bounded_count(tasks),
    }
    return render(request, "reviewqueue/duplicates/duplicates.html", context)


@require_POST
@can_review
def split(request: ReviewerRequest, pk: int, member: int) -> HttpResponseBase:
    """Remove ``member`` from the near-duplicates of upload ``pk``."""
    upload = get_object_or_404(Upload, pk=member)
    try:
        remove_from_cluster(upload, by=request.user)
    except NotInCluster as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, REMOVED.format(pk=member))
    return HttpResponseRedirect(reverse("duplicates", args=[pk]), status=303)


@require_GET
@can_review
def blurred(request: ReviewerRequest, pk: int, member: int) -> HttpResponseBase:  # noqa: ARG001
    """Serve the blurred picture of a near-duplicate. Only the queue serves clear ones."""
    task = _get_following_task_or_404(pk, member=member)
    return serve_rendition(
        storage.rendition_path(task.upload.file.sha256, frame=task.screened.frame, variant="blurred")
    )


def _get_following_task_or_404(pk: int, *, member: int) -> ReviewTask:
    tasks = _tasks_following(get_object_or_404(Upload, pk=pk)).filter(upload=member)
    task = tasks.select_related("upload__file", "screening").first()
    if task is None:
        raise Http404(f"Upload {member} does not take over the verdict on upload {pk}.")
    return task


def _tasks_following(upload: Upload) -> ReviewTaskQuerySet:
    """Tasks whose verdict is, or will be, the one on ``upload``."""
    reviews = ClusterReview.objects.filter(screening__upload=upload)
    return ReviewTask.objects.filter(
        waits_for__in=Screening.objects.filter(cluster_review__in=reviews), withdrawn_at=None
    ).exclude(upload__file=upload.file_id)

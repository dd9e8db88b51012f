"""Near-duplicates: the uploads that took over one verdict, and how to remove one that shows something else."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation import storage
from moderation.bounded_count import bounded_count
from moderation.models import ClusterReview, ReviewTask, Upload
from moderation.review.cluster_removal import (
    NotInCluster,
    NotYourVerdict,
    may_remove,
    remove_from_cluster,
    tasks_following,
)
from reviewqueue.duplicates.forms import RemovalForm
from reviewqueue.permissions import ReviewerRequest, can_review
from reviewqueue.rendition_files import serve_rendition
from reviewqueue.visibility import shown_or_404

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
    return _render_duplicates(request, shown_or_404(request.user, pk))


@require_POST
@can_review
def split(request: ReviewerRequest, pk: int, member: int) -> HttpResponseBase:
    """Remove ``member`` from the near-duplicates of upload ``pk``, with a reason."""
    reviewed = shown_or_404(request.user, pk)
    upload = _get_following_task_or_404(reviewed, member=member).upload
    form = RemovalForm(request.POST)
    if not form.is_valid():
        return _render_duplicates(request, reviewed, wrong={"member": member, "form": form}, status=422)
    try:
        remove_from_cluster(upload, reviewed=reviewed, by=request.user, why=form.cleaned_data["why"])
    except (NotInCluster, NotYourVerdict) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, REMOVED.format(pk=member))
    return HttpResponseRedirect(reverse("duplicates", args=[pk]), status=303)


@require_GET
@can_review
def blurred(request: ReviewerRequest, pk: int, member: int) -> HttpResponseBase:
    """Serve the blurred picture of a near-duplicate. Only the queue serves clear ones."""
    task = _get_following_task_or_404(shown_or_404(request.user, pk), member=member)
    return serve_rendition(
        storage.rendition_path(task.upload.file.sha256, frame=task.screened.frame, variant="blurred")
    )


def _render_duplicates(
    request: ReviewerRequest, reviewed: Upload, *, wrong: dict[str, Any] | None = None, status: int = 200
) -> HttpResponseBase:
    following = tasks_following(reviewed)
    tasks = list(following.select_related("upload").order_by("pk")[:SHOWN_AT_MOST])
    context = {
        "reviewed": reviewed,
        "is_shared": ClusterReview.objects.filter(screening__upload=reviewed).exists(),
        "tasks": tasks,
        "removable": may_remove(tasks, by=request.user),
        "count": bounded_count(following),
        "wrong": wrong,
    }
    return render(request, "reviewqueue/duplicates/duplicates.html", context, status=status)


def _get_following_task_or_404(reviewed: Upload, *, member: int) -> ReviewTask:
    tasks = tasks_following(reviewed).filter(upload=member)
    task = tasks.select_related("upload__file", "screening").first()
    if task is None:
        raise Http404(f"Upload {member} does not take over the verdict on upload {reviewed.pk}.")
    return task

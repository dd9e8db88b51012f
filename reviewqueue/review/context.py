"""The context of the review page: the claimed task and the last decision, or why the queue is empty."""

from pathlib import Path
from typing import Any

from django.http import Http404

from moderation.bounded_count import bounded_count
from moderation.models import ReviewTask, Upload, User
from moderation.models.frames import FrameView
from moderation.review import claiming
from moderation.review.claims import Claim
from moderation.review.queue_counts import QueueForModerator
from reviewqueue.picture_strip import PictureStrip
from reviewqueue.review.last_action import describe_last_action
from reviewqueue.schedule import next_prescreen


def ensure_claimed(user: User) -> None:
    """Claim the next task, unless the person holds one already, perhaps in another tab."""
    if claiming.claimed_task(user) is None:
        claiming.claim_next(user)


def review_context(user: User, *, revealed: bool = False, picture: str = "") -> dict[str, Any]:
    """Return the context of the page and of its partial. ``picture`` is the number of the picture to show."""
    task = claiming.claimed_task(user)
    shared = {"task": task, "last": describe_last_action(user)}
    if task is None:
        return shared | _empty_context(user)
    strip = PictureStrip.of(task, chosen=picture)
    return shared | {
        "rules": task.rules,
        "strip": strip,
        "missing": strip is None,
        "revealed": revealed and _is_revealed(task, user=user),
    }


def rendition_path_or_404(task: ReviewTask, *, variant: str, number: int = 1) -> Path:
    """Return the path of a picture of ``task``, as ``shown_frame_or_404`` does."""
    return shown_frame_or_404(task, number=number).rendition(task.upload.file.sha256, variant=variant)


def shown_frame_or_404(task: ReviewTask, *, number: int) -> FrameView:
    """Return a picture of ``task`` by its number, the worst first.

    Raises:
        Http404: the task has no picture of that number, or the worst one is not in storage.
    """
    strip = PictureStrip.of(task)
    if strip is None or not 1 <= number <= len(strip.pictures):
        raise Http404(f"This upload has no picture {number} in storage.")
    return strip.pictures[number - 1].view


def _is_revealed(task: ReviewTask, *, user: User) -> bool:
    return task.claim_token is not None and claiming.is_revealed(
        task, claim=Claim(moderator=user, token=task.claim_token)
    )


def _empty_context(user: User) -> dict[str, Any]:
    """Return the context of the page while the person holds no task."""
    return {
        "queue": QueueForModerator.for_user(user),
        "pending": bounded_count(Upload.objects.pending()),
        "next_prescreen": next_prescreen(),
    }

"""What the review page shows: the task in hand, what was decided last, or why there is nothing to do."""

from pathlib import Path
from typing import Any

from django.http import Http404

from moderation.models import Claim, ReviewTask, Upload, User
from moderation.review.queue_counts import QueueForModerator
from reviewqueue.last_decision import last_of
from reviewqueue.picture_strip import PictureStrip
from reviewqueue.schedule import next_prescreen


def claim_next_for(user: User) -> None:
    """Leave what the person holds as it is, in another tab perhaps; else claim the next task."""
    if ReviewTask.objects.current(user) is None:
        ReviewTask.objects.claim_next(user)


def workplace_of(user: User, *, revealed: bool = False, picture: str = "") -> dict[str, Any]:
    """The context of the review page and of its partial alike; ``picture`` is the number of the one to be shown."""
    task = ReviewTask.objects.current(user)
    shared = {"task": task, "last": last_of(user)}
    if task is None:
        return shared | nothing_in_hand(user)
    film = PictureStrip.of(task, chosen=picture)
    return shared | {
        "rules": task.rules,
        "film": film,
        "missing": film is None,
        "revealed": revealed and is_revealed(task, user),
    }


def is_revealed(task: ReviewTask, user: User) -> bool:
    return task.claim_token is not None and task.is_revealed_to(Claim(moderator=user, token=task.claim_token))


def nothing_in_hand(user: User) -> dict[str, Any]:
    return {
        "share": QueueForModerator.of(user),
        "pending": Upload.objects.pending().count(),
        "next_prescreen": next_prescreen(),
    }


def rendition_of(task: ReviewTask, *, variant: str, number: int = 1) -> Path:
    """Where a picture of ``task`` lies.

    Raises:
        Http404: it has no picture of that number, or the worst one is not in storage.
    """
    film = PictureStrip.of(task)
    if film is None or not 1 <= number <= len(film.pictures):
        raise Http404(f"{task.upload} has no picture {number} in storage.")
    return film.pictures[number - 1].shot.rendition(task.upload.file.sha256, variant=variant)

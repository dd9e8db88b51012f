"""What the review page shows: the task in hand, what was decided last, or why there is nothing to do."""

from pathlib import Path
from typing import Any

from moderation.models import Claim, ReviewTask, Upload, User
from moderation.models.waiting import Share
from reviewqueue.aftermath import last_of
from reviewqueue.schedule import next_prescreen


def claim_next_for(user: User) -> None:
    """Leave what the person holds as it is, in another tab perhaps; else claim the next task."""
    if ReviewTask.objects.current(user) is None:
        ReviewTask.objects.claim_next(user)


def workplace_of(user: User, *, revealed: bool = False) -> dict[str, Any]:
    """The context of the review page and of its partial alike."""
    task = ReviewTask.objects.current(user)
    shared = {"task": task, "last": last_of(user)}
    if task is None:
        return shared | nothing_in_hand(user)
    return shared | {
        "rules": task.rules,
        "missing": not rendition_exists(task),
        "revealed": revealed and is_revealed(task, user),
    }


def is_revealed(task: ReviewTask, user: User) -> bool:
    return task.claim_token is not None and task.is_revealed_to(Claim(moderator=user, token=task.claim_token))


def nothing_in_hand(user: User) -> dict[str, Any]:
    return {
        "share": Share.of(user),
        "pending": Upload.objects.pending().count(),
        "next_prescreen": next_prescreen(),
    }


def rendition_exists(task: ReviewTask) -> bool:
    """Both pictures: without the clear one nobody could decide."""
    return all(rendition_of(task, variant=variant).exists() for variant in ("blurred", "clear"))


def rendition_of(task: ReviewTask, *, variant: str) -> Path:
    return task.film[0].rendition(task.upload.file.sha256, variant=variant)

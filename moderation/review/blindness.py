"""Whether a verdict is blind: its person cannot have known the score or why the task was opened.

The score of a picture and the sampling reason are shown only once the picture is settled under the policy: no review
task on the same bytes is undecided, and no verdict on one is within its grace period. Until then an undo returns the
task to the same person, or somebody else is still asked. A verdict is not blind if its person can have looked during a
settled moment:

* they had given an earlier verdict on the bytes under the policy, undone or not, which shows them the score afterwards;
* the task was reopened, and they may see decided uploads.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings

from moderation.models import Decision, ReviewTask, User
from moderation.models.decisions import DecisionQuerySet

# From when to when somebody is asked about a picture.
Span = tuple[datetime, datetime]
Given = tuple[datetime, datetime | None]
FOREVER = datetime.max.replace(tzinfo=UTC)


def is_settled(decision: Decision) -> bool:
    """Return whether score and sampling reason may be shown after ``decision``."""
    task = decision.task
    assert task is not None
    asked = ReviewTask.objects.unsettled().filter(upload__file=decision.upload.file_id, policy=task.policy_id)
    return not asked.exists()


def is_blind(task: ReviewTask, *, moderator: User) -> bool:
    """Return whether a verdict that ``moderator`` gives on ``task`` now is blind. The verdict is not recorded yet."""
    could_look_from = list(_given_before(task, moderator=moderator).values_list("decided_at", flat=True))
    if task.attempt > 1 and moderator.has_perm("moderation.see_uploads"):
        could_look_from.append(task.opened_at)
    if not could_look_from:
        return True
    return not has_gap(_asked(task), after=min(could_look_from))


def has_gap(spans: Iterable[Span], *, after: datetime) -> bool:
    """Return whether a moment after ``after`` lies in no span, but before the last one ends."""
    covered = after
    for begin, end in sorted(spans):
        if begin > covered:
            return True
        covered = max(covered, end)
    return False


def spans_of(opened_at: datetime, *, verdicts: Iterable[Given], until: datetime) -> Iterator[Span]:
    """Yield when a task was asked: up to the end of the grace period of each verdict, and again from each undo.

    ``verdicts`` are pairs (decided at, undone at), oldest first, with None for a verdict that was not undone. A task
    that waits is asked ``until`` then.
    """
    begin: datetime | None = opened_at
    for decided_at, undone_at in verdicts:
        if begin is not None:
            yield begin, decided_at + timedelta(seconds=settings.GRACE_SECONDS)
        begin = undone_at
    if begin is not None:
        yield begin, until


def _given_before(task: ReviewTask, *, moderator: User) -> DecisionQuerySet:
    """Verdicts of the person on the same bytes under the policy, undone or not."""
    given = Decision.objects.verdicts().filter(reviewer=moderator, carried_from=None)
    return given.filter(upload__file=task.upload.file_id, task__policy=task.policy_id)


def _asked(task: ReviewTask) -> Iterator[Span]:
    """Yield when people were asked about the task's bytes under its policy; ``task`` itself is asked until now."""
    same = ReviewTask.objects.filter(upload__file=task.upload.file_id, policy=task.policy_id)
    verdicts: dict[int | None, list[Given]] = defaultdict(list)
    given = Decision.objects.verdicts().filter(task__in=same).order_by("pk")
    for pk, decided_at, undone_at in given.values_list("task_id", "decided_at", "superseded_by__decided_at"):
        verdicts[pk].append((decided_at, undone_at))
    for each in same:
        # Nobody is asked about the upload of a gold item.
        waits = each.pk == task.pk or each.kind != ReviewTask.Kind.GOLD
        until = (each.withdrawn_at or FOREVER) if waits else each.opened_at
        yield from spans_of(each.opened_at, verdicts=verdicts[each.pk], until=until)

"""What a verdict, or its undoing, sets going: effects where something changes, other opinions where one is needed."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models.functions import Now

from moderation.models.decisions import OBJECTION_SOURCES, Decision, UndoRefused
from moderation.models.effects import Effect
from moderation.models.queue import NOT_CLAIMED, ReviewTaskQuerySet
from moderation.models.screenings import Screening
from moderation.review.consensus import Escalation, VerdictTally

if TYPE_CHECKING:
    from moderation.models.review_tasks import ReviewTask


def opinions_by_turns(screening: Screening) -> VerdictTally:
    """What was said so far. Whoever decides or undoes on the same screening comes before or after."""
    Screening.objects.select_for_update(no_key=True).only("pk").get(pk=screening.pk)
    return VerdictTally.on(screening)


def follow(task: "ReviewTask", decision: Decision, *, before: str) -> None:
    """Schedule an effect where a verdict changes what stands, and ask for another opinion where one is needed."""
    now = VerdictTally.on(task.screened)
    if now.outcome != before:
        Effect.objects.schedule(decision, outcome=now.outcome)
    further = Escalation.after(now, kind=task.kind)
    if further.needed:
        _ask_someone_else(task, needs_lead=further.by_lead)


def reverse(task: "ReviewTask", verdict: Decision, *, undo: Decision, before: str) -> None:
    """Bring back what stands without ``verdict``; others may have said the same."""
    after = VerdictTally.on(task.screened).outcome
    if after == before:
        return
    if verdict.effects.filter(cancelled_at=None).exists():
        Effect.objects.take_back(verdict, because=undo, restore=after)
    else:
        Effect.objects.schedule(undo, outcome=after, delay=timedelta())


def refuse_if_someone_looks(task: "ReviewTask") -> None:
    """Raise UndoRefused where somebody holds, or has decided, a task that exists because of the verdict on this one."""
    later = _same_question(task).filter(round__gt=task.round, withdrawn_at=None)
    if later.exclude(pk__in=later.claimable()).exists():
        raise UndoRefused(f"Someone else looks at {task.upload} already because you could not tell. Ask a lead.")


def withdraw_what_waits(task: "ReviewTask") -> None:
    """This person decides again: nobody else need be asked yet. Who looks already goes on, and counts."""
    _others_waiting(task).claimable().update(withdrawn_at=Now(), **NOT_CLAIMED)


def _others_waiting(task: "ReviewTask") -> ReviewTaskQuerySet:
    return _same_question(task).undecided().exclude(pk=task.pk)


def _same_question(task: "ReviewTask") -> ReviewTaskQuerySet:
    """The sample's tasks on the screening, or those of reports and appeals: each goes its own way.

    Each gold task stands for itself.
    """
    if task.kind == Decision.Source.GOLD:
        return task.screened.tasks.filter(pk=task.pk)
    kinds = OBJECTION_SOURCES if task.kind in OBJECTION_SOURCES else (task.kind,)
    return task.screened.tasks.filter(kind__in=kinds)


def _ask_someone_else(task: "ReviewTask", *, needs_lead: bool) -> None:
    """Open a task for one more opinion, unless somebody is being asked already."""
    if _others_waiting(task).exists():
        return
    waited = _same_question(task).filter(withdrawn_at__isnull=False).order_by("round").first()
    if waited is not None:
        task.screened.tasks.filter(pk=waited.pk).update(withdrawn_at=None, needs_lead=needs_lead)
        return
    type(task).objects.open_again(task.screened, kind=task.kind, needs_lead=needs_lead, priority=task.priority)

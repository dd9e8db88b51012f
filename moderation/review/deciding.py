"""Deciding a review task: everything that one verdict changes, and everything that an undo changes back.

A verdict (``decide``), in one transaction:

1. Lock the cluster of near-duplicates that takes the verdict over, then the screening: decisions on one screening
   happen one after the other.
2. Count the verdicts so far, to know what the record asked for before this one.
3. Close the task, if the claim still holds. The database decides this race.
4. Record the decision, with what the person had seen.
5. Count again. Where the outcome changed, schedule its effect for the end of the grace period.
6. Where the verdict leaves a question open, ask another person, or a lead.
7. Give the verdict to the near-duplicates that wait for it.
8. Update the upload's status.

An undo (``undo``), in one transaction:

1. Lock the cluster, the person's claims, the screening and the task.
2. Find the person's live verdict. Refuse where it was undone, or where somebody else reviews because of it.
3. Record the undo; within the grace period it is blind.
4. Revert the effect: cancel it within the grace period, otherwise write the reverse one.
5. Withdraw second opinions that nobody has claimed.
6. Reopen the task. Within the grace period claim it for the person, with a new token. Later they may have seen the
   score, so somebody else gets it.
7. Take back what near-duplicates took over.
8. Update the upload's status.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from moderation.locks import lock_clusters
from moderation.models import ClusterReview, Decision, Effect, ReviewTask, Screening, Upload, User, Verdict
from moderation.models.decisions import OBJECTION_SOURCES
from moderation.models.review_tasks import NOT_CLAIMED, ReviewTaskQuerySet
from moderation.review.blindness import is_blind
from moderation.review.claiming import claim_for, claim_lost_message, held, lock_moderator, release, was_revealed
from moderation.review.claims import Claim, ClaimLost
from moderation.review.consensus import Escalation, VerdictTally
from moderation.review.near_duplicates import propagate_verdict, retract_propagated
from moderation.review.status import update_status
from moderation.review.tallies import tally


class UndoRefused(Exception):
    """There is nothing to undo, or someone else has built on it."""


def decide(task: ReviewTask, verdict: Verdict, *, claim: Claim, reason: str = "", comment: str = "") -> Decision:
    """Record ``verdict``, schedule its effect and update the upload, in the steps above.

    Raises:
        ClaimLost: the claim expired, someone else took the task, or it was decided already. Nothing is written.
    """
    with transaction.atomic():
        lock_clusters(_clusters_of(task))
        before = lock_and_tally(task.screened)
        seconds_spent = _close(task, claim=claim)
        decision = _record(
            task,
            claim.moderator,
            verdict=verdict,
            reason=reason,
            comment=comment,
            seconds_spent=seconds_spent,
            shown=_shown(task, claim=claim),
            claim_token=claim.token,
            blind=is_blind(task, moderator=claim.moderator),
        )
        apply_verdict(task, decision, before=before)
        propagate_verdict(task)
        update_status(Upload.objects.filter(pk=task.upload_id))
    return decision


def undo(task: ReviewTask, *, by: User) -> Decision:
    """Take back the live verdict that ``by`` gave on ``task``, and reopen the task: see the steps above.

    Returns:
        The recorded undo. It is blind if ``by`` holds the task again.

    Raises:
        UndoRefused: there is no such verdict any more, or someone else is reviewing because of it.
    """
    with transaction.atomic():
        lock_clusters(_clusters_of(task))
        lock_moderator(by)
        before = lock_and_tally(task.screened)
        ReviewTask.objects.select_for_update(no_key=True).get(pk=task.pk)
        verdict = _get_undoable_verdict(task, by=by)
        task.refresh_from_db()
        in_time = ReviewTask.objects.within_grace().filter(pk=task.pk).exists()
        undone = _record(task, by, kind=Decision.Kind.UNDO, supersedes=verdict, blind=in_time)
        revert_verdict(task, verdict, undo=undone, before=before)
        withdraw_open_tasks(task)
        _reopen(task, for_moderator=by if in_time else None)
        retract_propagated(task, undo=undone)
        update_status(Upload.objects.filter(pk=task.upload_id))
    return undone


def lock_and_tally(screening: Screening) -> VerdictTally:
    """Lock ``screening`` until the transaction ends, and count its verdicts so far."""
    Screening.objects.select_for_update(no_key=True).only("pk").get(pk=screening.pk)
    return tally(screening)


def apply_verdict(task: ReviewTask, decision: Decision, *, before: VerdictTally) -> None:
    """Schedule an effect where the verdict changed the outcome, and ask one more person where one is needed."""
    now = tally(task.screened)
    if now.outcome != before.outcome:
        Effect.objects.schedule(decision, outcome=now.outcome)
    escalation = Escalation.after(now, kind=task.kind)
    if escalation.needed:
        _ask_another_person(task, needs_lead=escalation.by_lead)


def revert_verdict(task: ReviewTask, verdict: Decision, *, undo: Decision, before: VerdictTally) -> None:
    """Restore the outcome without ``verdict``; it stays where other people said the same."""
    after = tally(task.screened).outcome
    if after == before.outcome:
        return
    if verdict.effects.filter(cancelled_at=None).exists():
        Effect.objects.take_back(verdict, because=undo, restore=after)
    else:
        Effect.objects.schedule(undo, outcome=after, delay=timedelta())


def withdraw_open_tasks(task: ReviewTask) -> None:
    """Withdraw second opinions that nobody has claimed: the task is reopened. Claimed ones go on, and count."""
    _other_open_tasks(task).claimable().update(withdrawn_at=Now(), **NOT_CLAIMED)


def check_nobody_else_reviewing(task: ReviewTask) -> None:
    """Raise UndoRefused where somebody holds or has decided a task that exists because of the verdict on this one."""
    later = _tasks_on_same_question(task).filter(round__gt=task.round, withdrawn_at=None)
    if later.exclude(pk__in=later.claimable()).exists():
        raise UndoRefused(
            f"Someone else is reviewing {task.upload} because you could not tell. Your decision was not undone. "
            "Ask a lead to change it."
        )


def _reopen(task: ReviewTask, *, for_moderator: User | None) -> None:
    """Ask again: the person who holds the task from now on, or somebody else who has not been asked.

    A gold item's task is withdrawn instead: each person has a task of their own.
    """
    reopened = ReviewTask.objects.filter(pk=task.pk)
    reopened.update(decided_at=None, attempt=F("attempt") + 1)
    if for_moderator is not None:
        release(for_moderator)
        claim_for(task, moderator=for_moderator)
    elif task.kind == ReviewTask.Kind.GOLD:
        reopened.update(withdrawn_at=Now())


def _clusters_of(task: ReviewTask) -> list[int]:
    """Return the cluster whose members take this task's verdict over; none where they wait for another screening."""
    return list(ClusterReview.objects.filter(screening=task.screening_id).values_list("cluster_id", flat=True))


def _close(task: ReviewTask, *, claim: Claim) -> float:
    """Mark the task as decided, and return for how many seconds the claim was held.

    Raises:
        ClaimLost: the claim does not hold any more.
    """
    mine = held(task, claim=claim)
    spent = mine.values_list(Now() - F("claimed_at"), flat=True).first() or timedelta()
    # The database decides the race: exactly one caller updates the row. The token tells two tabs apart.
    if mine.update(decided_at=Now(), **NOT_CLAIMED) != 1:
        raise ClaimLost(claim_lost_message(task, claim=claim))
    task.refresh_from_db(fields=["attempt", "round", "decided_at"])
    return spent.total_seconds()


def _get_undoable_verdict(task: ReviewTask, *, by: User) -> Decision:
    verdict = Decision.objects.live().filter(task=task, reviewer=by, kind=Decision.Kind.VERDICT).first()
    if verdict is None:
        raise UndoRefused(f"Your decision on {task.upload} was undone or overruled already. Nothing was changed.")
    if verdict.verdict == Verdict.CANNOT_TELL:
        check_nobody_else_reviewing(task)
    return verdict


def _record(task: ReviewTask, reviewer: User, **content: Any) -> Decision:
    source = Decision.Source.SAMPLE if task.kind == ReviewTask.Kind.SCREENING else task.kind
    row = {"round": task.round, "attempt": task.attempt, "source": source, "by_lead": reviewer.is_lead, **content}
    return Decision.objects.create(task=task, upload=task.upload, screening=task.screening, reviewer=reviewer, **row)


def _shown(task: ReviewTask, *, claim: Claim) -> dict[str, object]:
    """Return what the person had seen: whether the image was revealed, and which frame and view came first."""
    return {"revealed": was_revealed(claim), "frame": task.screened.frame, "view": task.screened.view}


def _other_open_tasks(task: ReviewTask) -> ReviewTaskQuerySet:
    return _tasks_on_same_question(task).undecided().exclude(pk=task.pk)


def _tasks_on_same_question(task: ReviewTask) -> ReviewTaskQuerySet:
    """Match the sample's tasks on the screening, or those of its reports and appeals: they are counted apart.

    A gold task stands alone.
    """
    if task.kind == ReviewTask.Kind.GOLD:
        return ReviewTask.objects.filter(pk=task.pk)
    kinds = OBJECTION_SOURCES if task.kind in OBJECTION_SOURCES else (task.kind,)
    return ReviewTask.objects.filter(screening=task.screening_id, kind__in=kinds)


def _ask_another_person(task: ReviewTask, *, needs_lead: bool) -> None:
    """Open a task for one more opinion, unless somebody is being asked already."""
    if _other_open_tasks(task).exists():
        return
    withdrawn = _tasks_on_same_question(task).filter(withdrawn_at__isnull=False).order_by("round").first()
    if withdrawn is not None:
        ReviewTask.objects.filter(pk=withdrawn.pk).update(withdrawn_at=None, needs_lead=needs_lead)
        return
    # The question keeps its age: behind all first looks, second opinions would be known by their place in the queue.
    age = {"opened_at": task.opened_at, "priority": task.priority}
    ReviewTask.objects.open_again(task.screened, kind=task.kind, needs_lead=needs_lead, **age)

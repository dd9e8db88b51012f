"""Decisions that repeat another one on the same picture: written and taken back in batches, linked to their origin."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from moderation.models import Decision, Effect, ReviewTask, Screening, Upload, User
from moderation.models.decisions import DecisionQuerySet
from moderation.review.status import update_status


@dataclass(frozen=True, kw_only=True)
class Link:
    """A task that repeats the decision ``origin``; ``screening`` is the task's own."""

    task: ReviewTask
    screening: Screening
    origin: Decision


def decide_linked(links: Sequence[Link]) -> list[Decision]:
    """Decide each link's task as its origin was decided, and schedule the effects, in a few statements.

    The caller has locked the tasks, or has just opened them, and updates the uploads' status. ``waits_for`` is written
    as it stands on each task.
    """
    if not links:
        return []
    for link in links:
        link.task.decided_at = Now()
    ReviewTask.objects.bulk_update([link.task for link in links], ["decided_at", "waits_for"])
    decisions = Decision.objects.bulk_create(_decision(link) for link in links)
    Effect.objects.bulk_create(
        Effect(
            upload_id=decision.upload_id,
            policy_id=link.screening.policy_id,
            decision=decision,
            outcome=decision.outcome,
            due_at=Now() + timedelta(seconds=settings.GRACE_SECONDS),
        )
        for link, decision in zip(links, decisions, strict=True)
        if decision.outcome != link.screening.automatic_outcome
    )
    return decisions


def retract(
    linked: DecisionQuerySet, *, by: User, waits_for: Screening | None, why: str = "", blind: bool = True
) -> None:
    """Undo ``linked`` decisions with their effects, and reopen their tasks, which then wait for ``waits_for``.

    Each undo keeps ``why`` as its comment. An undo that is not ``blind`` leaves the label: the origin was undone late.
    A decision stays where a report or an appeal on its own upload was decided since.
    """
    rows = list(linked.filter(~Exists(_later_verdicts())).select_related("screening__policy_version"))
    if not rows:
        return
    undos = Decision.objects.bulk_create(_undo(each, by=by, comment=why, blind=blind) for each in rows)
    Effect.objects.take_back_all(
        (each, undo, each.screening.automatic_outcome)
        for each, undo in zip(rows, undos, strict=True)
        if each.screening is not None
    )
    ReviewTask.objects.filter(pk__in=[each.task_id for each in rows]).update(
        decided_at=None, attempt=F("attempt") + 1, waits_for=waits_for
    )
    update_status(Upload.objects.filter(pk__in=[each.upload_id for each in rows]))


def _decision(link: Link) -> Decision:
    return Decision(
        task=link.task,
        upload_id=link.task.upload_id,
        screening=link.screening,
        reviewer=link.origin.reviewer,
        by_lead=link.origin.by_lead,
        round=link.task.round,
        attempt=link.task.attempt,
        source=Decision.Source.CARRIED_OVER,
        carried_from=link.origin,
        verdict=link.origin.verdict,
        reason=link.origin.reason,
        blind=link.origin.blind,
    )


def _undo(decision: Decision, *, by: User, **content: Any) -> Decision:
    return Decision(
        task_id=decision.task_id,
        upload_id=decision.upload_id,
        screening_id=decision.screening_id,
        reviewer=by,
        round=decision.round,
        attempt=decision.attempt,
        kind=Decision.Kind.UNDO,
        supersedes=decision,
        **content,
    )


def _later_verdicts() -> DecisionQuerySet:
    """For a subquery over linked decisions: later verdicts on the same upload, by a report or an appeal."""
    return Decision.objects.live().conclusive().filter(screening=OuterRef("screening"), pk__gt=OuterRef("pk"))

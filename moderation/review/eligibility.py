"""Which tasks a moderator may not be given, and why."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.db import models
from django.db.models import Exists, ExpressionWrapper, OuterRef, Q

from moderation.models import Decision, Skip, User
from moderation.models.decisions import CONCLUSIVE, OBJECTION_SOURCES, DecisionQuerySet
from moderation.models.review_tasks import ReviewTaskQuerySet

Rows = TypeVar("Rows", bound="models.QuerySet[Any]")


def eligible(tasks: ReviewTaskQuerySet, *, moderator: User) -> ReviewTaskQuerySet:
    """Filter ``tasks`` to those that ``moderator`` may be given and has not skipped."""
    return tasks.filter(~skipped_by(moderator), *(~reason for reason in ineligible_reasons(moderator)))


def queue_of(moderator: User, tasks: ReviewTaskQuerySet) -> ReviewTaskQuerySet:
    """Filter ``tasks`` to those that wait in the person's queue, whether or not they may be given each one.

    A gold item's task is created only when it is claimed, so it waits in nobody's queue, except that of a person who
    skipped it: it has to be counted, and to come back, like every other task that they skipped.
    """
    skipped = Skip.objects.filter(task=OuterRef("pk"), moderator=moderator)
    return tasks.filter(~Q(kind="gold") | Q(Exists(skipped)))


def skipped_by(moderator: User) -> Q:
    """Match tasks that ``moderator`` skipped, by screening: a second opinion on the same upload counts as skipped."""
    return Q(Exists(Skip.objects.live().filter(task__screening=OuterRef("screening"), moderator=moderator)))


def ineligible_for(moderator: User) -> Q:
    """Match tasks that ``moderator`` may not be given, for any of the reasons in ``ineligible_reasons``."""
    return reduce(or_, (Q(reason) for reason in ineligible_reasons(moderator)))


def ineligible_reasons(moderator: User) -> list[Exists | Q]:
    """Return the reasons why a task is not for this person, each a condition on a task.

    The person raised the objection, knows the right answer of the gold item, gave a verdict before, or the task needs
    a lead. A lead may decide at last although they could not tell before: there may be no other lead. Each reason is
    a condition of its own, so that the database looks it up per task instead of reading all decisions of a person.
    """
    found: list[Exists | Q] = [
        Exists(moderator.objections.filter(screening=OuterRef("screening"))),
        Exists(_for_kinds(moderator.gold_items.filter(screening=OuterRef("screening")), kinds=["gold"])),
        Exists(_binding(moderator, _for_kinds(_given_on_screening(moderator), kinds=["screening"]))),
        Exists(_binding(moderator, _for_kinds(_given_on_file(moderator), kinds=[*OBJECTION_SOURCES, "gold"]))),
    ]
    return found if moderator.is_lead else [*found, Q(needs_lead=True)]


def _for_kinds(rows: Rows, *, kinds: Sequence[str]) -> Rows:
    """Keep ``rows`` of a subquery only for tasks of these kinds."""
    kind = ExpressionWrapper(OuterRef("kind"), output_field=models.CharField())
    return rows.annotate(task_kind=kind).filter(task_kind__in=kinds)


def _binding(moderator: User, given: DecisionQuerySet) -> DecisionQuerySet:
    """Filter verdicts to those that keep a task from a person; for a lead's task, only the conclusive ones do."""
    if not moderator.is_lead:
        return given
    asks_lead = ExpressionWrapper(OuterRef("needs_lead"), output_field=models.BooleanField())
    return given.annotate(asks_lead=asks_lead).filter(Q(verdict__in=CONCLUSIVE) | Q(asks_lead=False))


def _given_on_screening(moderator: User) -> DecisionQuerySet:
    """Verdicts on the screening; after an undo within the grace period the person may be given it again, blind."""
    given = Decision.objects.standing_or_undone_late().verdicts()
    return given.filter(reviewer=moderator, screening=OuterRef("screening"))


def _given_on_file(moderator: User) -> DecisionQuerySet:
    """Verdicts on the same bytes under the policy, except one on this very task that was undone in time."""
    given = Decision.objects.verdicts().filter(
        reviewer=moderator, upload__file=OuterRef("upload__file"), screening__policy=OuterRef("policy")
    )
    return given.filter(~Q(task=OuterRef("pk")) | ~Q(superseded_by__blind=True))

"""Which uploads a person knows, and which they may still be asked about. Conditions on uploads.

A verdict counts only if nothing led it. So the pages that know an upload answer whoever may be asked about its bytes as
if it were unknown or undecided. The same bytes have the same score, so all uploads of one file are treated alike.
"""

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from moderation.models import Decision, GoldItem, ReviewTask, User
from moderation.models.decisions import DecisionQuerySet
from moderation.review.eligibility import ineligible_for


def known_to(person: User) -> Q:
    """Match uploads that ``person`` decided or saw unblurred, and that they can't be asked about again."""
    decided = _verdicts().filter(reviewer=person, upload=OuterRef("pk"), decided_at__lte=_grace_begins())
    seen = person.exposures.filter(upload=OuterRef("pk"))
    return (Q(Exists(decided)) | Q(Exists(seen))) & ~may_be_asked(person)


def may_be_asked(person: User) -> Q:
    """Match uploads on whose bytes ``person`` may be asked for a verdict, or is asked just now."""
    tasks = ReviewTask.objects.undecided().filter(upload__file=OuterRef("file"))
    return (
        Q(Exists(tasks.filter(claimed_by=person)))
        | Q(Exists(tasks.exclude(ineligible_for(person))))
        | _is_gold_for(person, file="file")
        | Q(Exists(_undoable(file="file").filter(reviewer=person)))
    )


def verdict_is_open(person: User, *, file: str = "file") -> Q:
    """Match rows whose ``file`` anybody may still be asked about, and which ``person`` must not know until then.

    That is: an undecided task on the bytes, a verdict within its grace period, or a gold item new to the person.
    """
    tasks = ReviewTask.objects.undecided().filter(upload__file=OuterRef(file))
    return Q(Exists(tasks)) | Q(Exists(_undoable(file=file))) | _is_gold_for(person, file=file)


def _is_gold_for(person: User, *, file: str) -> Q:
    return Q(Exists(GoldItem.objects.active().new_to(person).filter(screening__upload__file=OuterRef(file))))


def _undoable(*, file: str) -> DecisionQuerySet:
    """For a subquery: live verdicts within their grace period; an undo reopens the task as if nothing had happened."""
    return _verdicts().live().filter(upload__file=OuterRef(file), decided_at__gt=_grace_begins())


def _verdicts() -> DecisionQuerySet:
    """Verdicts that people gave on tasks."""
    return Decision.objects.filter(kind=Decision.Kind.VERDICT, task__isnull=False, carried_from=None)


def _grace_begins() -> CombinedExpression:
    return Now() - timedelta(seconds=settings.GRACE_SECONDS)

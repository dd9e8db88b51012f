"""Which uploads a person knows, and which they may still be asked about. Conditions on uploads.

A verdict counts only if nothing led it. So the pages that know an upload answer whoever may be asked about its bytes as
if it were unknown or undecided. The same bytes have the same score, so all uploads of one file are treated alike.
"""

from django.db.models import Exists, OuterRef, Q

from moderation.models import Decision, GoldItem, ReviewTask, User
from moderation.review.eligibility import ineligible_for


def known_to(person: User) -> Q:
    """Match uploads that ``person`` decided or saw unblurred, and can't be asked about again.

    An undone verdict counts: they have seen the upload.
    """
    given = Decision.objects.filter(reviewer=person, kind=Decision.Kind.VERDICT, carried_from=None, task__isnull=False)
    decided = given.filter(upload=OuterRef("pk"))
    seen = person.exposures.filter(upload=OuterRef("pk"))
    return (Q(Exists(decided)) | Q(Exists(seen))) & ~may_be_asked(person)


def may_be_asked(person: User) -> Q:
    """Match uploads on whose bytes ``person`` is asked for a verdict, may be asked, or can undo theirs unseen."""
    tasks = ReviewTask.objects.filter(upload__file=OuterRef("file"))
    undecided = tasks.undecided()
    undoable = tasks.within_grace().filter(decisions__reviewer=person)
    return (
        Q(Exists(undecided.filter(claimed_by=person)))
        | Q(Exists(undecided.exclude(kind="gold").exclude(ineligible_for(person))))
        | Q(Exists(undoable))
        | _is_gold_for(person, file="file")
    )


def verdict_is_open(person: User, *, file: str = "file") -> Q:
    """Match rows whose ``file`` anybody may still be asked about, so that ``person`` must not know of it.

    That is: an undecided task on the bytes, a verdict within its grace period, or a gold item new to the person.
    """
    open_tasks = ReviewTask.objects.unsettled().filter(upload__file=OuterRef(file))
    return Q(Exists(open_tasks)) | _is_gold_for(person, file=file)


def _is_gold_for(person: User, *, file: str) -> Q:
    return Q(Exists(GoldItem.objects.active().new_to(person).filter(screening__upload__file=OuterRef(file))))

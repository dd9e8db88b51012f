"""Somebody objects: a report says that an upload violates, an appeal that what was decided about it is wrong."""

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.functions import Now

from moderation.models.decisions import OBJECTION_SOURCES, Decision
from moderation.models.effects import Effect
from moderation.models.people import ApiToken, User
from moderation.models.queue import lock_moderator
from moderation.models.review_tasks import ReviewTask
from moderation.models.screenings import Screening
from moderation.models.tracking import append_only
from moderation.models.uploads import Upload
from moderation.review.consensus import VerdictTally
from moderation.review.consequences import opinions_by_turns

# Ahead of what nobody has asked about.
PRIORITY = 10


class ObjectionRefused(Exception):
    """There is nothing to object to, or it was answered for good. Nothing is written."""


class ObjectionQuerySet(models.QuerySet["Objection"]):
    def waiting(self) -> Self:
        """Nobody has given the verdict yet that answers it; where people could not tell, others are asked."""
        unanswered = ReviewTask.objects.undecided().filter(screening=OuterRef("screening"), kind__in=OBJECTION_SOURCES)
        return self.filter(Q(task__decided_at=None, task__withdrawn_at=None) | Exists(unanswered))

    def with_answer(self) -> Self:
        """Annotated with ``waits``, the ``verdict`` that answers each, and when it was given (``answered_at``).

        An answer within its grace period is none yet: an undo would leave no trace of it outside.
        """
        in_force = Now() - timedelta(seconds=settings.GRACE_SECONDS)
        answer = Decision.objects.live().conclusive().answering().filter(
            Q(task=OuterRef("task")) | Q(source__in=OBJECTION_SOURCES), screening=OuterRef("screening")
        ).order_by("-pk")  # fmt: skip
        known = answer.filter(decided_at__lte=in_force)
        unanswered = Objection.objects.waiting().filter(pk=OuterRef("pk"))
        return self.annotate(
            waits=Exists(unanswered) | Exists(answer.filter(decided_at__gt=in_force)),
            verdict=Subquery(known.values("verdict")[:1]),
            answered_at=Subquery(known.values("decided_at")[:1]),
        )

    def put(
        self, screening: Screening, *, kind: str, text: str, by: User | None = None, token: ApiToken | None = None
    ) -> "Objection":
        """Record an objection and see that somebody looks who has not decided on the picture before.

        Where the first look is still to come, or one that somebody asked for, that look answers it; where a report
        comes after the answer to another one, that answer stands.

        Raises:
            ObjectionRefused: they look at it themselves just now, nothing is decided yet, or an appeal was decided
                before.
        """
        with transaction.atomic():
            if by is not None:
                _refuse_who_looks(screening, by)
            said = opinions_by_turns(screening)
            _refuse_what_is_out_of_place(screening, kind=kind)
            task = _look_to_come(screening, said) or _answered(screening, kind=kind) or _new(screening, kind=kind)
            return self.create(
                kind=kind,
                screening=screening,
                upload_id=screening.upload_id,
                task=task,
                stood=said.outcome,
                text=text,
                raised_by=by,
                token=token,
            )


class Objection(models.Model):
    """One report or appeal, in somebody's words. Append-only; the verdicts on its task answer it."""

    class Kind(models.TextChoices):
        REPORT = "report", "report"
        APPEAL = "appeal", "appeal"

    kind = models.CharField(max_length=6, choices=Kind)
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="objections")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="objections")
    task = models.ForeignKey(ReviewTask, on_delete=models.PROTECT, related_name="objections")
    stood = models.CharField(max_length=7, choices=Effect.Outcome, help_text="What stood when it was raised.")
    text = models.TextField(max_length=2000)
    raised_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="objections")
    token = models.ForeignKey(ApiToken, on_delete=models.PROTECT, null=True, blank=True, related_name="objections")
    raised_at = models.DateTimeField(db_default=Now())

    objects = ObjectionQuerySet.as_manager()

    class Meta:
        triggers = [append_only()]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="an_objection_says_why"),
            models.CheckConstraint(
                condition=Q(raised_by=None, token__isnull=False) | Q(raised_by__isnull=False, token=None),
                name="an_objection_comes_from_a_person_or_a_program",
            ),
            models.CheckConstraint(
                condition=~Q(kind="appeal") | ~Q(stood="hold"), name="an_appeal_is_against_something_decided"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.upload}"

    @property
    def raiser(self) -> str:
        """Who raised it, a person or a program."""
        return str(self.raised_by) if self.token is None else self.token.name


def _refuse_who_looks(screening: Screening, person: User) -> None:
    """Else they would answer themselves. Their claims wait until this is over: none slips in between."""
    lock_moderator(person)
    if ReviewTask.objects.held().filter(screening=screening, claimed_by=person).exists():
        raise ObjectionRefused(
            f"You are looking at {screening.upload} in the queue just now. Give your verdict there, or skip it and "
            "come back. Nothing was saved."
        )


def _refuse_what_is_out_of_place(screening: Screening, *, kind: str) -> None:
    upload = Upload.objects.get(pk=screening.upload_id)
    if upload.erased_at is not None or Screening.objects.filter(pk=screening.pk, superseded=True).exists():
        raise ObjectionRefused(f"{upload} is not as you saw it any more. Nothing was saved. Look at it again.")
    if kind == Objection.Kind.APPEAL and upload.status not in {Upload.Status.APPROVED, Upload.Status.REJECTED}:
        raise ObjectionRefused(
            f"Nothing is decided about {upload} yet: it is {upload.get_status_display()}. Appeal when it is."
        )
    if kind == Objection.Kind.APPEAL and screening.decisions.live().conclusive().filter(source="appeal").exists():
        raise ObjectionRefused(f"An appeal on {upload} was decided already; there is one. Nothing was saved.")


def _look_to_come(screening: Screening, said: VerdictTally) -> ReviewTask | None:
    """An undecided task whose verdict is an answer: a look that was asked for, or the first look of all."""
    kinds = OBJECTION_SOURCES if said.anything else (*OBJECTION_SOURCES, ReviewTask.Kind.SCREENING)
    waiting = screening.tasks.undecided().filter(kind__in=kinds).order_by("pk")
    task: ReviewTask | None = waiting.first()
    if task is not None:
        ReviewTask.objects.filter(pk=task.pk, priority__lt=PRIORITY).update(priority=PRIORITY)
    return task


def _answered(screening: Screening, *, kind: str) -> ReviewTask | None:
    """The task whose verdict answered an earlier objection: people don't look again at each further report."""
    if kind != Objection.Kind.REPORT:
        return None
    given = Decision.objects.live().conclusive().filter(screening=screening, source__in=OBJECTION_SOURCES)
    last = given.order_by("-pk").select_related("task").first()
    return last.task if last else None


def _new(screening: Screening, *, kind: str) -> ReviewTask:
    return ReviewTask.objects.open_again(screening, kind=kind, priority=PRIORITY)

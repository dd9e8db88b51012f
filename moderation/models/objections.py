"""Reports and appeals: a report says that an upload violates, an appeal that a decision about it is wrong."""

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, ExpressionWrapper, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Now, NullIf

from moderation.models.decisions import CONCLUSIVE, OBJECTION_SOURCES, Decision, Verdict
from moderation.models.effects import Effect
from moderation.models.people import ApiToken, User
from moderation.models.review_tasks import ReviewTask
from moderation.models.screenings import Screening
from moderation.models.tracking import append_only
from moderation.models.uploads import Upload


class ObjectionQuerySet(models.QuerySet["Objection"]):
    def waiting(self) -> Self:
        """Objections without an answer; where people could not tell, others are still being asked."""
        unanswered = ReviewTask.objects.undecided().filter(
            screening=OuterRef("screening"), kind__in=OBJECTION_SOURCES
        )  # fmt: skip
        return self.filter(Q(task__decided_at=None, task__withdrawn_at=None) | Exists(unanswered))

    def with_answer(self) -> Self:
        """Annotate ``waits``, the ``verdict`` that answers each objection, and when it was given (``answered_at``).

        A verdict within its grace period is no answer yet: an undo would leave no trace of it outside. One person who
        finds an objection to a rejection right is no answer either, if nobody after them could tell.
        """
        in_force = Now() - timedelta(seconds=settings.GRACE_SECONDS)
        about = Decision.objects.live().verdicts().answering_objections().filter(
            Q(task=OuterRef("task")) | Q(source__in=OBJECTION_SOURCES), screening=OuterRef("screening")
        )  # fmt: skip
        stood = ExpressionWrapper(OuterRef("stood"), output_field=models.CharField())
        answer = about.annotate(stood=stood).filter(Q(verdict__in=CONCLUSIVE) | Q(stood="reject")).order_by("-pk")
        given = answer.filter(decided_at__lte=in_force)
        unanswered = Objection.objects.waiting().filter(pk=OuterRef("pk"))
        return self.annotate(
            waits=Exists(unanswered) | Exists(answer.filter(decided_at__gt=in_force)),
            verdict=NullIf(Subquery(given.values("verdict")[:1]), Value(Verdict.CANNOT_TELL.value)),
        ).annotate(answered_at=Case(When(verdict__isnull=False, then=Subquery(given.values("decided_at")[:1]))))


class Objection(models.Model):
    """One report or appeal, in the words of the person or program that raised it. Append-only."""

    class Kind(models.TextChoices):
        REPORT = "report", "report"  # the upload violates the policy
        APPEAL = "appeal", "appeal"  # the decision about it is wrong

    kind = models.CharField(max_length=6, choices=Kind)
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="objections")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="objections")
    task = models.ForeignKey(ReviewTask, on_delete=models.PROTECT, related_name="objections")
    stood = models.CharField(max_length=7, choices=Effect.Outcome, help_text="The outcome when it was raised.")
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
        """The name of the person or program that raised it."""
        return str(self.raised_by) if self.token is None else self.token.name

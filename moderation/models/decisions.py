"""What people decided, for good."""

from collections import Counter
from collections.abc import Sequence
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation.models.people import User
from moderation.models.screenings import Screening
from moderation.models.tracking import append_only
from moderation.models.uploads import Upload


class Verdict(models.TextChoices):
    VIOLATING = "violating", "violating"
    BENIGN = "benign", "benign"
    CANNOT_TELL = "cannot_tell", "cannot tell"


CONCLUSIVE = (Verdict.VIOLATING, Verdict.BENIGN)
# Sources of what is decided because somebody objected; they are kinds of review task as well.
OBJECTION_SOURCES = ("report", "appeal")
OUTCOMES = {Verdict.VIOLATING: "reject", Verdict.BENIGN: "approve"}


class UndoRefused(Exception):
    """There is nothing to undo, or someone else has built on it."""


class DecisionQuerySet(models.QuerySet["Decision"]):
    def live(self) -> Self:
        """Not undone and not overruled."""
        return self.filter(superseded_by=None)

    def verdicts(self) -> Self:
        return self.exclude(kind=Decision.Kind.UNDO)

    def conclusive(self) -> Self:
        return self.verdicts().filter(verdict__in=CONCLUSIVE)

    def answering(self) -> Self:
        """Verdicts of people on tasks: those that can answer a report or an appeal."""
        return self.filter(source__in=["sample", *OBJECTION_SOURCES])

    def that_count(self) -> Self:
        """All but what people said of gold items, which changes nothing about the upload."""
        return self.exclude(source=Decision.Source.GOLD)

    def last_verdict_of(self, reviewer: User) -> Self:
        """Live verdicts on tasks that ``reviewer`` gave, the last one first: what an undo takes back."""
        given = self.live().filter(reviewer=reviewer, kind=Decision.Kind.VERDICT, task__isnull=False, carried_from=None)
        return given.select_related("upload", "screening", "task__upload", "task__screening").order_by(
            "-decided_at", "-pk"
        )

    def given_unseen_by(self, reviewer: User) -> Self:
        """Live verdicts on quarantined uploads that ``reviewer`` gave, the last one first."""
        given = self.live().filter(reviewer=reviewer, kind=Decision.Kind.VERDICT, source=Decision.Source.QUARANTINE)
        return given.select_related("upload__file", "screening").order_by("-decided_at", "-pk")


class Decision(models.Model):
    """One recorded verdict, undo or overrule. Append-only: a later row supersedes, nothing is changed."""

    class Kind(models.TextChoices):
        VERDICT = "verdict", "verdict"
        UNDO = "undo", "undo"
        OVERRULE = "overrule", "overrule"

    class Source(models.TextChoices):
        SAMPLE = "sample", "sample"
        REPORT = "report", "report"
        APPEAL = "appeal", "appeal"
        GOLD = "gold", "gold"
        QUARANTINE = "quarantine", "quarantine"
        CARRIED_OVER = "carried_over", "carried over from the same picture"

    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="decisions")
    task = models.ForeignKey(
        "moderation.ReviewTask", on_delete=models.PROTECT, null=True, blank=True, related_name="decisions"
    )
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    attempt = models.PositiveSmallIntegerField(default=1)
    round = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.VERDICT)
    verdict = models.CharField(max_length=11, choices=Verdict, blank=True)
    reason = models.CharField(max_length=60, blank=True, help_text="The code of one of the policy version's reasons.")
    comment = models.TextField(blank=True, max_length=2000)
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="decisions")
    source = models.CharField(max_length=12, choices=Source, default=Source.SAMPLE)
    blind = models.BooleanField(default=True, help_text="Score, band and sampling reason were hidden.")
    shown = models.JSONField(default=dict, help_text="Which frame, and whether revealed.")
    seconds_spent = models.FloatField(default=0)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    carried_from = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="carried_to",
        help_text="Whose verdict on the same picture this upload takes over; nobody looked at it again.",
    )  # fmt: skip
    decided_at = models.DateTimeField(db_default=Now())

    objects = DecisionQuerySet.as_manager()

    class Meta:
        triggers = [append_only()]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "attempt"],
                condition=Q(kind="verdict"),
                name="one_verdict_per_task_and_attempt",
            ),
            models.CheckConstraint(
                condition=Q(kind="undo", verdict="", supersedes__isnull=False) | ~Q(kind="undo") & ~Q(verdict=""),
                name="an_undo_supersedes_and_gives_no_verdict",
            ),
            models.CheckConstraint(
                condition=Q(source="quarantine", task=None) | ~Q(source="quarantine") & Q(task__isnull=False),
                name="only_quarantine_is_decided_without_a_task",
            ),
            models.CheckConstraint(
                condition=Q(source="carried_over", carried_from__isnull=False)
                | ~Q(source="carried_over") & Q(carried_from=None),
                name="what_is_carried_over_says_from_where",
            ),
            models.CheckConstraint(
                condition=~Q(verdict="violating") | ~Q(reason=""), name="a_violating_verdict_has_a_reason"
            ),
        ]
        indexes = [
            # Serves "my last decision" (undo) and the counts of a person's day.
            models.Index(fields=["reviewer", "-decided_at"], name="decision_of_reviewer_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict or self.kind} on {self.upload}"

    def followers(self) -> int:
        """How many uploads of other bytes have taken this verdict over, as nearly the same picture."""
        linked = Decision.objects.live().filter(carried_from=self)
        return linked.exclude(upload__file=self.upload.file_id).count()

    @property
    def outcome(self) -> str:
        """What a conclusive verdict asks for: approve or reject."""
        return OUTCOMES[Verdict(self.verdict)]


def consensus(said: Sequence[tuple[str, str]]) -> Verdict | None:
    """Which of a screening's live conclusive verdicts stands; ``said`` is (verdict, source), the first one first.

    The majority of the sample; in a tie the first one, until a third breaks it. What is decided outside the sample (an
    appeal, say) stands above that. None without any.
    """
    if later := [verdict for verdict, source in said if source != Decision.Source.SAMPLE]:
        return Verdict(later[-1])
    if not said:
        return None
    votes = Counter(verdict for verdict, _ in said)
    # Of equal counts, the one that was met first.
    return Verdict(votes.most_common(1)[0][0])

"""Decisions: the verdicts of people and their undoing, append-only."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation.models.people import User
from moderation.models.screenings import Screening
from moderation.models.tracking import append_only
from moderation.models.uploads import Upload


class Verdict(models.TextChoices):
    VIOLATING = "violating", "violating"  # the upload violates the policy
    BENIGN = "benign", "benign"  # it does not
    CANNOT_TELL = "cannot_tell", "cannot tell"  # another person has to decide


CONCLUSIVE = (Verdict.VIOLATING, Verdict.BENIGN)
# Sources of decisions on reports and appeals; kinds of review task have the same values.
OBJECTION_SOURCES = ("report", "appeal")
OUTCOMES = {Verdict.VIOLATING: "reject", Verdict.BENIGN: "approve"}


class DecisionQuerySet(models.QuerySet["Decision"]):
    def live(self) -> Self:
        """Not undone and not overruled."""
        return self.filter(superseded_by=None)

    def standing_or_undone_late(self) -> Self:
        """Leaves out verdicts that were undone within their grace period or overruled, as if they were never given."""
        return self.exclude(superseded_by__blind=True)

    def verdicts(self) -> Self:
        return self.exclude(kind=Decision.Kind.UNDO)

    def conclusive(self) -> Self:
        return self.verdicts().filter(verdict__in=CONCLUSIVE)

    def answering_objections(self) -> Self:
        """Verdicts that can answer a report or an appeal: those that people gave on tasks."""
        return self.filter(source__in=["sample", *OBJECTION_SOURCES])

    def excluding_gold(self) -> Self:
        """Excludes verdicts on gold items, which change nothing about the upload."""
        return self.exclude(source=Decision.Source.GOLD)

    def given_by_people(self) -> Self:
        """Verdicts that people gave on tasks, undone or not; excludes those taken over from the same picture."""
        return self.filter(kind=Decision.Kind.VERDICT, task__isnull=False, carried_from=None)

    def last_verdict_of(self, reviewer: User) -> Self:
        """Live verdicts that ``reviewer`` gave on tasks, the last one first; an undo takes back the first of these."""
        given = self.live().given_by_people().filter(reviewer=reviewer)
        return given.select_related("upload", "screening", "task__upload", "task__screening").order_by(
            "-decided_at", "-pk"
        )

    def quarantine_verdicts_by(self, reviewer: User) -> Self:
        """Live verdicts on quarantined uploads that ``reviewer`` gave, the last one first."""
        given = self.live().filter(reviewer=reviewer, kind=Decision.Kind.VERDICT, source=Decision.Source.QUARANTINE)
        return given.select_related("upload__file", "screening").order_by("-decided_at", "-pk")


class Decision(models.Model):
    """One recorded verdict, undo or overrule. Append-only: a later row supersedes, nothing is changed."""

    class Kind(models.TextChoices):
        VERDICT = "verdict", "verdict"  # a person's answer to a task
        UNDO = "undo", "undo"  # takes an earlier row back
        OVERRULE = "overrule", "overrule"  # replaces somebody else's verdict

    class Source(models.TextChoices):
        SAMPLE = "sample", "sample"  # the route or the coin asked for a person
        REPORT = "report", "report"  # somebody said that the upload violates
        APPEAL = "appeal", "appeal"  # somebody said that a decision was wrong
        GOLD = "gold", "gold"  # a check of the reviewer; changes nothing about the upload
        QUARANTINE = "quarantine", "quarantine"  # a lead decided without seeing the image
        CARRIED_OVER = "carried_over", "carried over from the same picture"  # repeats another decision

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
    by_lead = models.BooleanField(default=False, help_text="Whether the reviewer was a lead then.")
    source = models.CharField(max_length=12, choices=Source, default=Source.SAMPLE)
    blind = models.BooleanField(
        default=True,
        help_text="The person cannot have known the score and the sampling reason. An undo is blind within the grace "
        "period of its verdict.",
    )
    shown = models.JSONField(default=dict, help_text="The first frame and view, and whether it was revealed.")
    seconds_spent = models.FloatField(default=0)
    claim_token = models.UUIDField(
        null=True, blank=True, unique=True, help_text="The claim under which a person gave this verdict."
    )
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    carried_from = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="carried_to",
        help_text="The decision on the same picture that this one repeats. Nobody reviewed this upload.",
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
                name="a_carried_over_decision_names_its_origin",
            ),
            models.CheckConstraint(
                condition=~Q(verdict="violating") | ~Q(reason=""), name="a_violating_verdict_has_a_reason"
            ),
        ]
        indexes = [
            # Serves DecisionQuerySet.last_verdict_of() (undo) and the number of a person's decisions today.
            models.Index(fields=["reviewer", "-decided_at"], name="decision_of_reviewer_idx"),
            # Serves reporting.looks.LookCounts.
            models.Index(
                fields=["decided_at"],
                name="decision_given_idx",
                condition=Q(kind="verdict", carried_from=None),
            ),
            # Serves tuning.label_blindness.count_blindness().
            models.Index(fields=["screening"], name="decision_not_blind_idx", condition=Q(blind=False)),
        ]

    def __str__(self) -> str:
        return f"{self.verdict or self.kind} on {self.upload}"

    def propagated_count(self) -> int:
        """Return how many uploads with other bytes took this verdict over, as near-duplicates."""
        linked = Decision.objects.live().filter(carried_from=self)
        return linked.exclude(upload__file=self.upload.file_id).count()

    @property
    def outcome(self) -> str:
        """The outcome that a conclusive verdict asks for: approve or reject."""
        return OUTCOMES[Verdict(self.verdict)]

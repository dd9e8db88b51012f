"""What people decided, for good, and the one function that turns the record into an upload's status."""

from typing import Any, Self

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, Now

from moderation.models.people import User
from moderation.models.policies import Policy
from moderation.models.screenings import Screening
from moderation.models.tracking import append_only
from moderation.models.uploads import Upload
from moderation.routing import Route


class Verdict(models.TextChoices):
    VIOLATING = "violating", "violating"
    BENIGN = "benign", "benign"
    CANNOT_TELL = "cannot_tell", "cannot tell"


CONCLUSIVE = (Verdict.VIOLATING, Verdict.BENIGN)
OUTCOMES = {Verdict.VIOLATING: "reject", Verdict.BENIGN: "approve"}


class DecisionQuerySet(models.QuerySet["Decision"]):
    def live(self) -> Self:
        """Not undone and not overruled."""
        return self.filter(superseded_by=None)

    def verdicts(self) -> Self:
        return self.exclude(kind=Decision.Kind.UNDO)

    def conclusive(self) -> Self:
        return self.verdicts().filter(verdict__in=CONCLUSIVE)

    def last_verdict_of(self, reviewer: User) -> Self:
        """Live verdicts on tasks that ``reviewer`` gave, the last one first: what an undo takes back."""
        given = self.live().filter(reviewer=reviewer, kind=Decision.Kind.VERDICT, task__isnull=False)
        return given.select_related("upload", "screening", "task__upload", "task__screening").order_by(
            "-decided_at", "-pk"
        )


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
    source = models.CharField(max_length=10, choices=Source, default=Source.SAMPLE)
    blind = models.BooleanField(default=True, help_text="Score, band and sampling reason were hidden.")
    shown = models.JSONField(default=dict, help_text="Which frame, and whether revealed.")
    seconds_spent = models.FloatField(default=0)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
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
                condition=~Q(verdict="violating") | ~Q(reason=""), name="a_violating_verdict_has_a_reason"
            ),
        ]
        indexes = [
            # Serves "my last decision" (undo) and the counts of a person's day.
            models.Index(fields=["reviewer", "-decided_at"], name="decision_of_reviewer_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict or self.kind} on {self.upload}"

    @property
    def outcome(self) -> str:
        """What a conclusive verdict asks for: approve or reject."""
        return OUTCOMES[Verdict(self.verdict)]


# A verdict from outside the sample (an appeal, say) outweighs all that the sample said.
OUTWEIGHS = 1000


def standing(*, violating: str, benign: str) -> Subquery:
    """What stands of a screening's live conclusive verdicts, as one of two words; null without any.

    The majority; in a tie the first one, until a third breaks it. One subquery, which settle() has to plan each time.
    """
    weight = Case(When(source=Decision.Source.SAMPLE, then=1), default=OUTWEIGHS)
    words = Case(When(verdict=Verdict.VIOLATING, then=Value(violating)), default=Value(benign))
    said = Decision.objects.live().conclusive().filter(screening=OuterRef("pk")).order_by().values("screening")
    ahead = said.annotate(
        lead=Sum(Case(When(verdict=Verdict.VIOLATING, then=weight), default=-weight)),
        words=ArrayAgg(words, order_by="pk"),
    )
    return Subquery(
        ahead.values_list(
            Case(When(lead__gt=0, then=Value(violating)), When(lead__lt=0, then=Value(benign)), default=F("words__0"))
        )
    )


def with_standing_verdict(screenings: models.QuerySet[Screening]) -> models.QuerySet[Any]:
    """Annotate ``standing_verdict``: violating, benign, or empty."""
    stands = standing(violating=Verdict.VIOLATING, benign=Verdict.BENIGN)
    return screenings.annotate(standing_verdict=Coalesce(stands, Value(""), output_field=models.CharField()))


def with_result(screenings: models.QuerySet[Screening]) -> models.QuerySet[Any]:
    """Annotate ``result`` (approved, rejected, in_review): the verdict that stands, else the route.

    An audit changes nothing until it is decided. Where everyone asked could not tell, the policy's fallback stands.
    """
    open_tasks = Screening.objects.filter(
        pk=OuterRef("pk"), tasks__isnull=False, tasks__decided_at=None, tasks__withdrawn_at=None
    )
    by_machine = Case(
        When(Q(route=Route.REVIEW) & Exists(open_tasks), then=Value("in_review")),
        When(route=Route.REJECT, then=Value("rejected")),
        When(route=Route.APPROVE, then=Value("approved")),
        When(policy_version__fallback=Route.REJECT, then=Value("rejected")),
        default=Value("approved"),
    )
    by_people = standing(violating="rejected", benign="approved")
    return screenings.annotate(result=Coalesce(by_people, by_machine, output_field=models.CharField()))


def settle(uploads: models.QuerySet[Upload]) -> int:
    """Set ``status`` from what is recorded, in one statement; the only place that sets it."""
    return uploads.update(status=status_from_record())


def status_from_record() -> Case:
    """What an upload's status should be.

    Erased and quarantined stand above all (a person's word lifts quarantine); pending while a policy in force lacks
    its screening; else the strictest live result over the upload's policies: rejected, in review, approved.
    A policy that comes into force later does not make pending again what is decided: ``prescreen --rescore`` does.
    """
    by_hand = Decision.objects.live().verdicts().filter(upload=OuterRef("pk"), source=Decision.Source.QUARANTINE)
    of_upload = Screening.objects.live().filter(upload=OuterRef("pk"))
    results = with_result(of_upload)
    lacking = Policy.objects.in_force().exclude(pk__in=of_upload_policies())
    status = Upload.Status
    return Case(
        When(erased_at__isnull=False, then=Value(status.ERASED)),
        When(Exists(by_hand.filter(verdict=Verdict.VIOLATING)), then=Value(status.REJECTED)),
        When(Exists(by_hand.filter(verdict=Verdict.BENIGN)), then=Value(status.APPROVED)),
        When(~Q(quarantine_reason=""), then=Value(status.QUARANTINED)),
        When(~Exists(of_upload), then=Value(status.PENDING)),
        When(Q(status__in=[status.PENDING, status.QUARANTINED]) & Exists(lacking), then=Value(status.PENDING)),
        When(Exists(results.filter(result="rejected")), then=Value(status.REJECTED)),
        When(Exists(results.filter(result="in_review")), then=Value(status.IN_REVIEW)),
        default=Value(status.APPROVED),
    )


def of_upload_policies() -> models.QuerySet[Screening, int]:
    """The policies that the upload two queries further out has a live screening for."""
    return Screening.objects.live().filter(upload=OuterRef(OuterRef("pk"))).values_list("policy_id", flat=True)

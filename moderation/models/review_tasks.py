"""Review tasks: requests for one verdict each, held for a while by one moderator."""

import uuid
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Max, Q
from django.db.models.functions import Now

from moderation.models.frames import FrameView
from moderation.models.people import User
from moderation.models.policies import Policy
from moderation.models.screenings import Screening
from moderation.models.tracking import immutable_except, never_deleted, tracked
from moderation.models.uploads import Upload
from moderation.models.versions import PolicyVersion

NOT_CLAIMED = {"claimed_by": None, "claim_token": None, "claimed_at": None, "claim_expires_at": None}
CLAIM_FIELDS = list(NOT_CLAIMED)


class ReviewTaskQuerySet(models.QuerySet["ReviewTask"]):
    def undecided(self) -> Self:
        return self.filter(decided_at=None, withdrawn_at=None)

    def reviewable(self) -> Self:
        """Undecided tasks that need a review of their own; excludes those that wait for a near-duplicate's verdict."""
        return self.undecided().filter(waits_for=None)

    def unheld(self) -> Self:
        """Undecided tasks that nobody holds; an expired claim does not hold."""
        return self.undecided().filter(Q(claimed_by=None) | Q(claim_expires_at__lte=Now()))

    def claimable(self) -> Self:
        """Tasks that nobody holds and that need a review of their own."""
        return self.unheld().filter(waits_for=None)

    def held(self) -> Self:
        return self.undecided().filter(claim_expires_at__gt=Now())

    def within_grace(self) -> Self:
        """Decided tasks whose verdict can still be undone by its person as if it had not been given."""
        return self.filter(decided_at__gt=Now() - timedelta(seconds=settings.GRACE_SECONDS))

    def unsettled(self) -> Self:
        """Undecided tasks and those within their grace period. Nobody is asked about the upload of a gold item."""
        return self.undecided().exclude(kind="gold") | self.within_grace()

    def claimed_by_token(self, moderator: User, *, token: uuid.UUID) -> Self:
        """The task whose row names this claim of ``moderator``, whether it ran out or still holds."""
        return self.filter(claimed_by=moderator, claim_token=token)

    def held_by(self, moderator: User, *, token: uuid.UUID) -> Self:
        """Tasks that ``moderator`` holds by the claim with this token."""
        return self.held().claimed_by_token(moderator, token=token)

    def in_review_order(self) -> Self:
        """Most urgent first, then the longest wait."""
        return self.order_by("-priority", "opened_at", "pk")

    def with_upload(self) -> Self:
        return self.select_related("upload__file", "policy", "screening__policy_version")

    def open_for(self, screenings: list[Screening]) -> list["ReviewTask"]:
        """Open one task for each of ``screenings``, in one statement."""
        return self.bulk_create(
            self.model(screening=screening, upload_id=screening.upload_id, policy_id=screening.policy_id)
            for screening in screenings
        )

    def open_again(self, screening: Screening, *, kind: str, **fields: Any) -> "ReviewTask":
        """Open one more task on ``screening``, for another person. The caller has locked the screening."""
        last = self.filter(screening=screening).aggregate(last=Max("round"))["last"] or 0
        return self.create(
            screening=screening,
            upload_id=screening.upload_id,
            policy_id=screening.policy_id,
            kind=kind,
            round=last + 1,
            **fields,
        )


@tracked(exclude=CLAIM_FIELDS)
class ReviewTask(models.Model):
    """A request for one verdict.

    ``round`` counts second opinions, each a new task for another person; ``attempt`` counts reopenings of the same
    task.
    """

    class Kind(models.TextChoices):
        SCREENING = "screening", "screening"  # the route or the coin asked for a person
        REPORT = "report", "report"  # somebody says that the upload violates
        APPEAL = "appeal", "appeal"  # somebody says that a decision was wrong
        GOLD = "gold", "gold item"  # the right verdict is known already

    kind = models.CharField(max_length=9, choices=Kind, default=Kind.SCREENING)
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="tasks")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="tasks")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, null=True, blank=True, related_name="tasks")
    round = models.PositiveSmallIntegerField(default=1)
    attempt = models.PositiveSmallIntegerField(default=1)
    waits_for = models.ForeignKey(
        Screening, on_delete=models.PROTECT, null=True, blank=True, related_name="followers",
        help_text="The screening of a near-duplicate whose verdict this task takes over. Nobody reviews this one.",
    )  # fmt: skip
    priority = models.SmallIntegerField(default=0)
    needs_lead = models.BooleanField(default=False)
    opened_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    claimed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="claimed_tasks")
    claim_token = models.UUIDField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    claim_expires_at = models.DateTimeField(null=True, blank=True)

    objects = ReviewTaskQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted()]
        permissions = [
            ("review_uploads", "Can review uploads in the queue"),
            ("lead_reviews", "Can settle quarantine and decide what others could not tell"),
        ]
        constraints = [
            # Each person judges a gold item on a task of their own.
            models.UniqueConstraint(
                fields=["screening", "round"], condition=~Q(kind="gold"), name="one_task_per_screening_and_round"
            ),
            models.CheckConstraint(
                condition=Q(**NOT_CLAIMED) | Q(**{f"{name}__isnull": False for name in CLAIM_FIELDS}),
                name="a_claim_is_whole_or_absent",
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None, withdrawn_at=None) | Q(claimed_by=None),
                name="only_undecided_tasks_are_claimed",
            ),
            models.CheckConstraint(
                condition=Q(waits_for=None) | Q(claimed_by=None), name="a_task_that_waits_for_another_is_not_claimed"
            ),
            models.UniqueConstraint(
                fields=["claimed_by"], condition=Q(claimed_by__isnull=False), name="one_claim_per_moderator"
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["screening", "gold"]) | Q(screening__isnull=False),
                name="a_screening_task_has_its_screening",
            ),
        ]
        indexes = [
            # Serves review.claiming.claim_next().
            models.Index(
                F("priority").desc(), "opened_at", "id", name="reviewtask_undecided_idx",
                condition=Q(decided_at=None, withdrawn_at=None),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"task {self.pk} on {self.upload}"

    @property
    def screened(self) -> Screening:
        """The screening that the task is about."""
        assert self.screening is not None
        return self.screening

    @property
    def ranked_frames(self) -> list[FrameView]:
        """The pictures that are shown, the worst first."""
        return self.screening.ranked_frames if self.screening else [FrameView(0)]

    @property
    def rules(self) -> PolicyVersion:
        """The version whose text and reasons apply: the screening's own, or its root's for a community version."""
        version = self.screened.policy_version
        if version.community_id is None:
            return version
        return PolicyVersion.objects.root().in_force().get(policy=self.policy_id)


class SkipQuerySet(models.QuerySet["Skip"]):
    def live(self) -> Self:
        """Not taken back."""
        return self.filter(taken_back_at=None)

    def last_of(self, moderator: User) -> Self:
        """Live skips of ``moderator``, the last one first."""
        return self.live().filter(moderator=moderator).select_related("task__upload").order_by("-created_at", "-pk")


class Skip(models.Model):
    """One moderator does not want to be served one task again, until they take the skip back."""

    task = models.ForeignKey(ReviewTask, on_delete=models.PROTECT, related_name="skips")
    moderator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="skips")
    claim_token = models.UUIDField(unique=True)
    created_at = models.DateTimeField(db_default=Now())
    taken_back_at = models.DateTimeField(null=True, blank=True)

    objects = SkipQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted(), immutable_except("taken_back_at")]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "moderator"],
                condition=Q(taken_back_at=None),
                name="one_live_skip_per_task_and_moderator",
            )
        ]
        indexes = [
            # Serves SkipQuerySet.last_of() (undo).
            models.Index(fields=["moderator", "-created_at"], name="skip_of_moderator_idx"),
            # Serves reporting.looks.LookCounts.
            models.Index(fields=["created_at"], name="skip_live_idx", condition=Q(taken_back_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.moderator} skipped {self.task}"

"""The queue: which tasks wait, for whom, and in which order they are handed out."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models, transaction
from django.db.models import Exists, ExpressionWrapper, Max, OuterRef, Q
from django.db.models.functions import Now

from moderation.models.decisions import CONCLUSIVE, OBJECTION_SOURCES, Decision, DecisionQuerySet
from moderation.models.people import User
from moderation.models.screenings import Screening
from moderation.review.claims import Claim

if TYPE_CHECKING:
    from moderation.models.review_tasks import ReviewTask

NOT_CLAIMED = {"claimed_by": None, "claim_token": None, "claimed_at": None, "claim_expires_at": None}
CLAIM_FIELDS = list(NOT_CLAIMED)


def lock_moderator(moderator: User) -> None:
    """Let one person's claims come one after the other: two tabs that ask at once don't get two tasks."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=moderator.pk)


class ReviewTaskQuerySet(models.QuerySet["ReviewTask"]):
    def undecided(self) -> Self:
        return self.filter(decided_at=None, withdrawn_at=None)

    def asking(self) -> Self:
        """Undecided tasks that ask for a look of their own: not those that wait for that at a near-duplicate."""
        return self.undecided().filter(waits_for=None)

    def asked_for(self) -> Self:
        """Those but for gold items', which are made when they are handed out and are nobody's work."""
        return self.asking().exclude(kind="gold")

    def unheld(self) -> Self:
        """Undecided tasks nobody holds; an expired claim does not hold."""
        return self.undecided().filter(Q(claimed_by=None) | Q(claim_expires_at__lte=Now()))

    def claimable(self) -> Self:
        return self.unheld().filter(waits_for=None)

    def held(self) -> Self:
        return self.undecided().filter(claim_expires_at__gt=Now())

    def held_by(self, claim: Claim) -> Self:
        return self.held().filter(claimed_by=claim.moderator, claim_token=claim.token)

    def suitable_for(self, moderator: User) -> Self:
        # By screening: the same picture does not come back as somebody's second opinion.
        skipped = Skip.objects.filter(task__screening=OuterRef("screening"), moderator=moderator)
        return self.filter(~Exists(skipped), *(~reason for reason in ineligible_reasons(moderator)))

    def in_review_order(self) -> Self:
        """Most urgent first, then the longest wait."""
        return self.order_by("-priority", "opened_at", "pk")

    def with_upload(self) -> Self:
        return self.select_related("upload__file", "policy", "screening__policy_version")

    def claim_next(self, moderator: User) -> "ReviewTask | None":
        """Give ``moderator`` the most urgent task that nobody holds; what they held before is free again."""
        with transaction.atomic():
            lock_moderator(moderator)
            self.release(moderator)
            task = (
                self.claimable()
                .asked_for()
                .suitable_for(moderator)
                .in_review_order()
                .select_related("policy")
                .select_for_update(skip_locked=True, of=("self",), no_key=True)
                .first()
            )
            if task is not None:
                task = self._gold_in_its_place(task, moderator) or task
                task.hand_to(moderator)
            return task

    def _gold_in_its_place(self, task: "ReviewTask", moderator: User) -> "ReviewTask | None":
        """A gold item's task, so often as the policy says; never where there is no other work."""
        item = task.policy.gold_items.drawn_for(moderator, rate=task.policy.gold_rate)
        if item is None:
            return None
        left = self.claimable().filter(kind="gold", screening=item.screening, attempt=1)
        found = left.select_for_update(skip_locked=True, of=("self",), no_key=True).first()
        return found or self.create(
            kind="gold", screening=item.screening, upload_id=item.screening.upload_id, policy=task.policy
        )

    def current(self, moderator: User) -> "ReviewTask | None":
        """The task that ``moderator`` holds now."""
        return self.held().filter(claimed_by=moderator).with_upload().first()

    def release(self, moderator: User) -> None:
        self.undecided().filter(claimed_by=moderator).update(**NOT_CLAIMED)

    def open_for(self, screenings: list[Screening]) -> list["ReviewTask"]:
        """One task for each screening, in one statement."""
        return self.bulk_create(
            self.model(screening=screening, upload_id=screening.upload_id, policy_id=screening.policy_id)
            for screening in screenings
        )

    def open_again(self, screening: Screening, *, kind: str, **fields: Any) -> "ReviewTask":
        """One more task on a screening, for somebody else. The caller has locked the screening."""
        last = self.filter(screening=screening).aggregate(last=Max("round"))["last"] or 0
        return self.create(
            screening=screening,
            upload_id=screening.upload_id,
            policy_id=screening.policy_id,
            kind=kind,
            round=last + 1,
            **fields,
        )


def ineligible_for(moderator: User) -> Q:
    """Tasks that are not for this person, for any of the reasons in ``closed_to()``."""
    return reduce(or_, (Q(reason) for reason in ineligible_reasons(moderator)))


def ineligible_reasons(moderator: User) -> list[Exists | Q]:
    """Why a task is not for this person: they objected, know the answer, gave a verdict before, or it takes a lead.

    The last word is a lead's, also of one who could not tell before: there may be no other. Each reason is a condition
    of its own: so the database looks it up task by task, instead of reading all that a person ever decided.
    """
    found: list[Exists | Q] = [
        Exists(moderator.objections.filter(screening=OuterRef("screening"))),
        Exists(_about(moderator.gold_items.filter(screening=OuterRef("screening")), kinds=["gold"])),
        Exists(_given(moderator, _about(_said_on_screening(moderator), kinds=["screening"]))),
        Exists(_given(moderator, _about(_said_of_picture(moderator), kinds=[*OBJECTION_SOURCES, "gold"]))),
    ]
    return found if moderator.is_lead else [*found, Q(needs_lead=True)]


Rows = TypeVar("Rows", bound="models.QuerySet[Any]")


def _about(rows: Rows, *, kinds: Sequence[str]) -> Rows:
    """For a subquery over tasks: rows for those of these kinds, none for others."""
    kind = ExpressionWrapper(OuterRef("kind"), output_field=models.CharField())
    return rows.annotate(asked_as=kind).filter(asked_as__in=kinds)


def _given(moderator: User, own: DecisionQuerySet) -> DecisionQuerySet:
    """What keeps a task from a person; of a lead who is asked as a lead, only what they were sure of."""
    if not moderator.is_lead:
        return own
    by_lead = ExpressionWrapper(OuterRef("needs_lead"), output_field=models.BooleanField())
    return own.annotate(by_lead=by_lead).filter(Q(verdict__in=CONCLUSIVE) | Q(by_lead=False))


def _said_on_screening(moderator: User) -> DecisionQuerySet:
    return Decision.objects.live().verdicts().filter(reviewer=moderator, screening=OuterRef("screening"))


def _said_of_picture(moderator: User) -> DecisionQuerySet:
    """What they ever said of the same bytes under the policy, undone or not, but for an undone verdict on this task."""
    said = Decision.objects.verdicts().filter(
        reviewer=moderator, upload__file=OuterRef("upload__file"), screening__policy=OuterRef("policy")
    )
    return said.filter(~Q(task=OuterRef("pk")) | Q(superseded_by=None))


class Skip(models.Model):
    """This person does not want to be served this task again."""

    task = models.ForeignKey("moderation.ReviewTask", on_delete=models.PROTECT, related_name="skips")
    moderator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="skips")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "moderator"], name="one_skip_per_task_and_moderator")]

    def __str__(self) -> str:
        return f"{self.moderator} skipped {self.task}"

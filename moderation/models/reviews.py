"""Review tasks: claimed for a while by one moderator, decided once, undone truly."""

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, F, Max, OuterRef, Q
from django.db.models.functions import Now

from moderation.models.claims import Claim, ClaimLost
from moderation.models.decisions import Decision, Verdict
from moderation.models.effects import Effect
from moderation.models.opinions import Opinions
from moderation.models.people import User
from moderation.models.policies import Policy, PolicyVersion
from moderation.models.screenings import Screening
from moderation.models.status import settle
from moderation.models.tracking import append_only, never_deleted, tracked
from moderation.models.uploads import Upload

NOT_CLAIMED = {"claimed_by": None, "claim_token": None, "claimed_at": None, "claim_expires_at": None}
CLAIM_FIELDS = list(NOT_CLAIMED)


class UndoRefused(Exception):
    """There is nothing to undo, or someone else has built on it."""


def take_turns(moderator: User) -> None:
    """Let one person's claims come one after the other: two tabs that ask at once don't get two tasks."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=moderator.pk)


class ReviewTaskQuerySet(models.QuerySet["ReviewTask"]):
    def undecided(self) -> Self:
        return self.filter(decided_at=None, withdrawn_at=None)

    def claimable(self) -> Self:
        """Undecided tasks nobody holds; an expired claim does not hold."""
        return self.undecided().filter(Q(claimed_by=None) | Q(claim_expires_at__lte=Now()))

    def held(self) -> Self:
        return self.undecided().filter(claim_expires_at__gt=Now())

    def held_by(self, claim: Claim) -> Self:
        return self.held().filter(claimed_by=claim.moderator, claim_token=claim.token)

    def suitable_for(self, moderator: User) -> Self:
        # By screening: the same picture does not come back as somebody's second opinion.
        skipped = Skip.objects.filter(task__screening=OuterRef("screening"), moderator=moderator)
        return self.filter(~Exists(skipped), ~for_someone_else(moderator))

    def in_review_order(self) -> Self:
        """Most urgent first, then the longest wait."""
        return self.order_by("-priority", "opened_at", "pk")

    def with_upload(self) -> Self:
        return self.select_related("upload__file", "policy", "screening__policy_version")

    def claim_next(self, moderator: User) -> "ReviewTask | None":
        """Give ``moderator`` the most urgent task that nobody holds; what they held before is free again."""
        with transaction.atomic():
            take_turns(moderator)
            self.release(moderator)
            task = (
                self.claimable()
                .suitable_for(moderator)
                .in_review_order()
                .select_for_update(skip_locked=True, of=("self",), no_key=True)
                .first()
            )
            if task is not None:
                task.hand_to(moderator)
            return task

    def current(self, moderator: User) -> "ReviewTask | None":
        """The task that ``moderator`` holds now."""
        return self.held().filter(claimed_by=moderator).with_upload().first()

    def release(self, moderator: User) -> None:
        self.undecided().filter(claimed_by=moderator).update(**NOT_CLAIMED)

    def open_for(self, screenings: list[Screening]) -> list["ReviewTask"]:
        """One task for each screening, in one statement."""
        return self.bulk_create(
            ReviewTask(screening=screening, upload_id=screening.upload_id, policy_id=screening.policy_id)
            for screening in screenings
        )


def for_someone_else(moderator: User) -> Q:
    """Tasks that are not for this person: they gave a verdict on the screening before, or it takes a lead.

    The last word is a lead's, also of one who could not tell before: there may be no other.
    """
    own = Decision.objects.live().verdicts().filter(reviewer=moderator, screening=OuterRef("screening"))
    if not moderator.is_lead:
        return Q(Exists(own)) | Q(needs_lead=True)
    return Q(Exists(own.conclusive())) | Q(Exists(own), needs_lead=False)


@tracked(exclude=CLAIM_FIELDS)
class ReviewTask(models.Model):
    """A request for one verdict.

    ``round`` counts second opinions, each a new task for someone else; ``attempt`` counts reopenings of the same task.
    """

    class Kind(models.TextChoices):
        SCREENING = "screening", "screening"
        REPORT = "report", "report"
        APPEAL = "appeal", "appeal"

    kind = models.CharField(max_length=9, choices=Kind, default=Kind.SCREENING)
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="tasks")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="tasks")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, null=True, blank=True, related_name="tasks")
    round = models.PositiveSmallIntegerField(default=1)
    attempt = models.PositiveSmallIntegerField(default=1)
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
            models.UniqueConstraint(fields=["screening", "round"], name="one_task_per_screening_and_round"),
            models.CheckConstraint(
                condition=Q(**NOT_CLAIMED) | Q(**{f"{name}__isnull": False for name in CLAIM_FIELDS}),
                name="a_claim_is_whole_or_absent",
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None, withdrawn_at=None) | Q(claimed_by=None),
                name="only_undecided_tasks_are_claimed",
            ),
            models.UniqueConstraint(
                fields=["claimed_by"], condition=Q(claimed_by__isnull=False), name="one_claim_per_moderator"
            ),
            models.CheckConstraint(
                condition=~Q(kind="screening") | Q(screening__isnull=False),
                name="a_screening_task_has_its_screening",
            ),
        ]
        indexes = [
            # Serves ReviewTaskQuerySet.claim_next().
            models.Index(
                F("priority").desc(), "opened_at", "id", name="reviewtask_undecided_idx",
                condition=Q(decided_at=None, withdrawn_at=None),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"task {self.pk} on {self.upload}"

    @property
    def claim(self) -> Claim | None:
        """The hold that is written on the row; whether it still holds, the database says (``held_by``)."""
        if self.claimed_by is None or self.claim_token is None:
            return None
        return Claim(moderator=self.claimed_by, token=self.claim_token)

    @property
    def rules(self) -> PolicyVersion:
        """The version whose text and reasons this person goes by: the screening's own, or its root's."""
        assert self.screening is not None
        version = self.screening.policy_version
        if version.community_id is None:
            return version
        return PolicyVersion.objects.root().in_force().get(policy=self.policy_id)

    def hand_to(self, moderator: User) -> None:
        """Write a claim with a new token. The caller has locked the row, or has just reopened it."""
        ReviewTask.objects.filter(pk=self.pk).update(
            claimed_by=moderator,
            claim_token=Claim.on(self.pk, moderator=moderator).token,
            claimed_at=Now(),
            claim_expires_at=Now() + timedelta(seconds=settings.CLAIM_SECONDS),
        )
        self.refresh_from_db(fields=[*CLAIM_FIELDS, "attempt", "decided_at"])

    def renew(self, *, claim: Claim) -> datetime:
        """Hold on for another lease and return when it ends.

        Raises:
            ClaimLost: the claim does not hold any more.
        """
        expires = Now() + timedelta(seconds=settings.CLAIM_SECONDS)
        if self._held(claim).update(claim_expires_at=expires) != 1:
            raise ClaimLost(self.explain_loss(claim))
        self.refresh_from_db(fields=["claim_expires_at"])
        assert self.claim_expires_at is not None
        return self.claim_expires_at

    def reveal(self, *, claim: Claim) -> "Exposure":
        """Record that this person looks at the unblurred image: once per claim.

        Raises:
            ClaimLost: the claim does not hold any more. Nothing is written.
        """
        with transaction.atomic():
            if not self._held(claim).select_for_update(no_key=True).exists():
                raise ClaimLost(self.explain_loss(claim))
            exposure, _ = Exposure.objects.get_or_create(
                claim_token=claim.token,
                defaults={"person": claim.moderator, "task": self, "upload": self.upload},
            )
        return exposure

    def is_revealed_to(self, claim: Claim) -> bool:
        """Whether the clear rendition may be served: the claim holds and its exposure is recorded."""
        return self._held(claim).exists() and Exposure.objects.filter(claim_token=claim.token, task=self).exists()

    def skip(self, *, claim: Claim) -> None:
        """Give the task back and never serve it to this person again.

        Raises:
            ClaimLost: the claim does not hold any more. Nothing is written.
        """
        with transaction.atomic():
            if self._held(claim).update(**NOT_CLAIMED) != 1:
                raise ClaimLost(self.explain_loss(claim))
            Skip.objects.get_or_create(task=self, moderator=claim.moderator)

    def decide(self, verdict: Verdict, *, claim: Claim, reason: str = "", comment: str = "") -> Decision:
        """Record ``verdict``, move the upload and schedule the effect, in one transaction.

        Raises:
            ClaimLost: the claim expired, someone else took the task, or it was decided already. Nothing is written.
        """
        with transaction.atomic():
            before = self._opinions_by_turns()
            held = self._held(claim)
            spent = held.values_list(Now() - F("claimed_at"), flat=True).first() or timedelta()
            # The database decides the race: exactly one caller updates the row. The token tells two tabs apart.
            if held.update(decided_at=Now(), **NOT_CLAIMED) != 1:
                raise ClaimLost(self.explain_loss(claim))
            self.refresh_from_db(fields=["attempt", "round", "decided_at"])
            decision = self._record(
                claim.moderator,
                verdict=verdict,
                reason=reason,
                comment=comment,
                seconds_spent=spent.total_seconds(),
                shown=self._shown(claim),
                blind=not self.decisions.filter(reviewer=claim.moderator).exists(),
            )
            self._follow(decision, before=before.outcome)
            settle(Upload.objects.filter(pk=self.upload_id))
        return decision

    def take_over(self, origin: Decision) -> Decision:
        """Record for this upload what was confirmed for the same picture: a decision linked to ``origin``'s.

        Raises:
            ClaimLost: somebody looks at it already, or has decided. Nothing is written.
        """
        with transaction.atomic():
            before = self._opinions_by_turns()
            if ReviewTask.objects.undecided().filter(pk=self.pk, claimed_by=None).update(decided_at=Now()) != 1:
                raise ClaimLost(f"{self.upload} is being looked at already. Nothing was saved.")
            self.refresh_from_db(fields=["attempt", "round", "decided_at"])
            decision = self._record(
                origin.reviewer,
                source=Decision.Source.CARRIED_OVER,
                carried_from=origin,
                verdict=origin.verdict,
                reason=origin.reason,
                blind=False,
            )
            self._follow(decision, before=before.outcome)
            settle(Upload.objects.filter(pk=self.upload_id))
        return decision

    def undo(self, *, by: User) -> Decision:
        """Take back the live verdict that ``by`` gave here, and hand the task to them again with a new token.

        The effect is cancelled if its time has not come; else the reverse effect is written.

        Raises:
            UndoRefused: there is no such verdict any more, or someone else is looking because of it.
        """
        with transaction.atomic():
            take_turns(by)
            before = self._opinions_by_turns()
            ReviewTask.objects.select_for_update(no_key=True).get(pk=self.pk)
            verdict = Decision.objects.live().filter(task=self, reviewer=by, kind=Decision.Kind.VERDICT).first()
            if verdict is None:
                raise UndoRefused(
                    f"Your decision on {self.upload} was undone or overruled already. Nothing was changed."
                )
            if verdict.verdict == Verdict.CANNOT_TELL:
                self._refuse_if_someone_looks()
            self.refresh_from_db()
            undo = self._record(by, kind=Decision.Kind.UNDO, supersedes=verdict)
            self._reverse(verdict, undo=undo, before=before.outcome)
            self._withdraw_what_waits()
            ReviewTask.objects.release(by)
            ReviewTask.objects.filter(pk=self.pk).update(decided_at=None, attempt=F("attempt") + 1)
            self.hand_to(by)
            settle(Upload.objects.filter(pk=self.upload_id))
        return undo

    def explain_loss(self, claim: Claim) -> str:
        """Say to the person who held ``claim`` what happened to their task; to somebody who never did, nothing."""
        now = ReviewTask.objects.select_related("claimed_by", "upload").get(pk=self.pk)
        last = now.decisions.live().verdicts().order_by("-pk").select_related("reviewer").first()
        if now.decided_at and last and last.reviewer == claim.moderator:
            return f"You decided {now.upload} already, in another tab or with a double click. Nothing more was saved."
        if now.claimed_by == claim.moderator and now.claim_token != claim.token:
            return f"You opened {now.upload} again elsewhere, which ended this view of it. Nothing was saved."
        if not claim.was_on(self.pk):
            return "This is not your claim. Nothing was saved."
        if now.decided_at or now.withdrawn_at:
            return f"Your claim on {now.upload} ran out and someone else decided it. Nothing was saved."
        if now.claimed_by and now.claimed_by != claim.moderator:
            return f"Your claim on {now.upload} ran out and someone else took it. Nothing was saved."
        return f"Your claim on {now.upload} ran out or was given back. Nothing was saved."

    def _held(self, claim: Claim) -> ReviewTaskQuerySet:
        return ReviewTask.objects.filter(pk=self.pk).held_by(claim)

    def _record(self, reviewer: User, **content: object) -> Decision:
        source = Decision.Source.SAMPLE if self.kind == self.Kind.SCREENING else self.kind
        row = {"round": self.round, "attempt": self.attempt, "source": source, **content}
        return Decision.objects.create(
            task=self, upload=self.upload, screening=self.screening, reviewer=reviewer, **row
        )

    def _shown(self, claim: Claim) -> dict[str, object]:
        revealed = Exposure.objects.filter(claim_token=claim.token).exists()
        return {"revealed": revealed, "frame": self.screening.frame if self.screening else 0}

    def _opinions_by_turns(self) -> Opinions:
        """What was said so far. Whoever decides or undoes on the same screening comes before or after."""
        assert self.screening is not None
        Screening.objects.select_for_update(no_key=True).only("pk").get(pk=self.screening.pk)
        return Opinions.on(self.screening)

    def _follow(self, decision: Decision, *, before: str) -> None:
        """What a verdict sets going: an effect where it changes something, another opinion where one is needed."""
        assert self.screening is not None
        now = Opinions.on(self.screening)
        if now.outcome != before:
            Effect.objects.schedule(decision, outcome=now.outcome)
        if now.needs_another:
            self._ask_someone_else(needs_lead=now.needs_lead)

    def _reverse(self, verdict: Decision, *, undo: Decision, before: str) -> None:
        """Bring back what stands without ``verdict``; others may have said the same."""
        assert self.screening is not None
        after = Opinions.on(self.screening).outcome
        if after == before:
            return
        if verdict.effects.filter(cancelled_at=None).exists():
            Effect.objects.take_back(verdict, because=undo, restore=after)
        else:
            Effect.objects.schedule(undo, outcome=after, delay=timedelta())

    def _others_waiting(self) -> ReviewTaskQuerySet:
        return ReviewTask.objects.undecided().filter(screening=self.screening).exclude(pk=self.pk)

    def _ask_someone_else(self, *, needs_lead: bool) -> None:
        """Open a task for one more opinion, unless somebody is being asked already."""
        if self._others_waiting().exists():
            return
        rounds = ReviewTask.objects.filter(screening=self.screening)
        if withdrawn := rounds.filter(withdrawn_at__isnull=False).order_by("round").first():
            ReviewTask.objects.filter(pk=withdrawn.pk).update(withdrawn_at=None, needs_lead=needs_lead)
            return
        last = rounds.aggregate(last=Max("round"))["last"]
        ReviewTask.objects.create(
            screening=self.screening, upload=self.upload, policy=self.policy, round=last + 1, needs_lead=needs_lead
        )

    def _refuse_if_someone_looks(self) -> None:
        later = ReviewTask.objects.filter(screening=self.screening, round__gt=self.round, withdrawn_at=None)
        if later.exclude(pk__in=later.claimable()).exists():
            raise UndoRefused(f"Someone else looks at {self.upload} already because you could not tell. Ask a lead.")

    def _withdraw_what_waits(self) -> None:
        """This person decides again: nobody else need be asked yet. Who looks already goes on, and counts."""
        self._others_waiting().claimable().update(withdrawn_at=Now(), **NOT_CLAIMED)


class Skip(models.Model):
    """This person does not want to be served this task again."""

    task = models.ForeignKey(ReviewTask, on_delete=models.PROTECT, related_name="skips")
    moderator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="skips")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "moderator"], name="one_skip_per_task_and_moderator")]

    def __str__(self) -> str:
        return f"{self.moderator} skipped {self.task}"


class ExposureQuerySet(models.QuerySet["Exposure"]):
    def holding(self) -> Self:
        """Reveals outside the queue that are as young as a claim may become without renewal."""
        return self.filter(task=None, revealed_at__gt=Now() - timedelta(seconds=settings.CLAIM_SECONDS))

    def reveal(self, upload: Upload, *, person: User) -> "Exposure":
        """Record that ``person`` looks at the clear image outside the queue, with a token of its own."""
        return self.create(person=person, upload=upload, claim_token=uuid.uuid4())


class Exposure(models.Model):
    """One reveal of an unblurred image to one person: one per claim.

    Outside the queue, on a page that compares classifiers, there is no task; the token is then the reveal's own.
    """

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="exposures")
    task = models.ForeignKey(ReviewTask, on_delete=models.PROTECT, null=True, blank=True, related_name="exposures")
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="exposures")
    claim_token = models.UUIDField(unique=True)
    revealed_at = models.DateTimeField(db_default=Now())

    objects = ExposureQuerySet.as_manager()

    class Meta:
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.person} saw {self.upload}"

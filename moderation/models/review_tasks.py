"""Review tasks: claimed for a while by one moderator, decided once, undone truly."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from moderation.models.cluster_reviews import ClusterReview, lock_clusters
from moderation.models.decisions import Decision, UndoRefused, Verdict
from moderation.models.exposures import Exposure
from moderation.models.frames import FrameView
from moderation.models.people import User
from moderation.models.policies import Policy
from moderation.models.queue import CLAIM_FIELDS, NOT_CLAIMED, ReviewTaskQuerySet, Skip, lock_moderator
from moderation.models.screenings import Screening
from moderation.models.tracking import never_deleted, tracked
from moderation.models.uploads import Upload
from moderation.models.versions import PolicyVersion
from moderation.review.claims import Claim, ClaimLost
from moderation.review.consequences import (
    follow,
    opinions_by_turns,
    refuse_if_someone_looks,
    reverse,
    withdraw_what_waits,
)
from moderation.review.losses import claim_lost_message
from moderation.review.near_duplicates import propagate_verdict, retract_propagated
from moderation.review.status import update_status


@tracked(exclude=CLAIM_FIELDS)
class ReviewTask(models.Model):
    """A request for one verdict.

    ``round`` counts second opinions, each a new task for someone else; ``attempt`` counts reopenings of the same task.
    """

    class Kind(models.TextChoices):
        SCREENING = "screening", "screening"
        REPORT = "report", "report"
        APPEAL = "appeal", "appeal"
        GOLD = "gold", "gold item"

    kind = models.CharField(max_length=9, choices=Kind, default=Kind.SCREENING)
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="tasks")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="tasks")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, null=True, blank=True, related_name="tasks")
    round = models.PositiveSmallIntegerField(default=1)
    attempt = models.PositiveSmallIntegerField(default=1)
    waits_for = models.ForeignKey(
        Screening, on_delete=models.PROTECT, null=True, blank=True, related_name="followers",
        help_text="The screening of nearly the same picture whose verdict is taken over: nobody looks at this one.",
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
            # Everybody judges a gold item on a task of their own.
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
                condition=Q(waits_for=None) | Q(claimed_by=None), name="who_waits_for_another_look_is_not_claimed"
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
        """The version whose text and reasons this person goes by: the screening's own, or its root's."""
        version = self.screened.policy_version
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
            raise ClaimLost(claim_lost_message(self, claim))
        self.refresh_from_db(fields=["claim_expires_at"])
        assert self.claim_expires_at is not None
        return self.claim_expires_at

    def reveal(self, *, claim: Claim) -> Exposure:
        """Record that this person looks at the unblurred image: once per claim.

        Raises:
            ClaimLost: the claim does not hold any more. Nothing is written.
        """
        with transaction.atomic():
            if not self._held(claim).select_for_update(no_key=True).exists():
                raise ClaimLost(claim_lost_message(self, claim))
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
                raise ClaimLost(claim_lost_message(self, claim))
            Skip.objects.get_or_create(task=self, moderator=claim.moderator)

    def decide(self, verdict: Verdict, *, claim: Claim, reason: str = "", comment: str = "") -> Decision:
        """Record ``verdict``, move the upload and schedule the effect, in one transaction.

        Raises:
            ClaimLost: the claim expired, someone else took the task, or it was decided already. Nothing is written.
        """
        with transaction.atomic():
            lock_clusters(self._clusters())
            before = opinions_by_turns(self.screened)
            held = self._held(claim)
            spent = held.values_list(Now() - F("claimed_at"), flat=True).first() or timedelta()
            # The database decides the race: exactly one caller updates the row. The token tells two tabs apart.
            if held.update(decided_at=Now(), **NOT_CLAIMED) != 1:
                raise ClaimLost(claim_lost_message(self, claim))
            self.refresh_from_db(fields=["attempt", "round", "decided_at"])
            decision = self._record(
                claim.moderator,
                verdict=verdict,
                reason=reason,
                comment=comment,
                seconds_spent=spent.total_seconds(),
                shown=self._shown(claim),
                blind=not self.screened.decisions.filter(reviewer=claim.moderator).exists(),
            )
            follow(self, decision, before=before.outcome)
            propagate_verdict(self)
            update_status(Upload.objects.filter(pk=self.upload_id))
        return decision

    def take_over(self, origin: Decision) -> Decision:
        """Record for this upload what was confirmed for the same picture: a decision linked to ``origin``'s.

        Raises:
            ClaimLost: somebody looks at it already, or has decided. Nothing is written.
        """
        with transaction.atomic():
            before = opinions_by_turns(self.screened)
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
            follow(self, decision, before=before.outcome)
            update_status(Upload.objects.filter(pk=self.upload_id))
        return decision

    def undo(self, *, by: User) -> Decision:
        """Take back the live verdict that ``by`` gave here, and hand the task to them again with a new token.

        The effect is cancelled if its time has not come; else the reverse effect is written.

        Raises:
            UndoRefused: there is no such verdict any more, or someone else is looking because of it.
        """
        with transaction.atomic():
            lock_clusters(self._clusters())
            lock_moderator(by)
            before = opinions_by_turns(self.screened)
            ReviewTask.objects.select_for_update(no_key=True).get(pk=self.pk)
            verdict = Decision.objects.live().filter(task=self, reviewer=by, kind=Decision.Kind.VERDICT).first()
            if verdict is None:
                raise UndoRefused(
                    f"Your decision on {self.upload} was undone or overruled already. Nothing was changed."
                )
            if verdict.verdict == Verdict.CANNOT_TELL:
                refuse_if_someone_looks(self)
            self.refresh_from_db()
            undo = self._record(by, kind=Decision.Kind.UNDO, supersedes=verdict)
            reverse(self, verdict, undo=undo, before=before.outcome)
            withdraw_what_waits(self)
            ReviewTask.objects.release(by)
            ReviewTask.objects.filter(pk=self.pk).update(decided_at=None, attempt=F("attempt") + 1)
            self.hand_to(by)
            retract_propagated(self, by=by)
            update_status(Upload.objects.filter(pk=self.upload_id))
        return undo

    def _clusters(self) -> list[int]:
        """The cluster that takes this task's verdict over."""
        return list(ClusterReview.objects.filter(screening=self.screening_id).values_list("cluster_id", flat=True))

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
        first = self.screening
        return {"revealed": revealed, "frame": first.frame if first else 0, "view": first.view if first else 0}

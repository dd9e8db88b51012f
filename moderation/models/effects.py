"""Effects: what a screening, a hash list or a decision changes for other programs, once it is due."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from moderation.models.decisions import Decision
from moderation.models.hash_matches import HashMatch
from moderation.models.policies import Policy
from moderation.models.screenings import Screening
from moderation.models.tracking import immutable_except, never_deleted, tracked_changes
from moderation.models.uploads import Upload


class EffectQuerySet(models.QuerySet["Effect"]):
    def in_force(self) -> Self:
        """Effects that are due and not cancelled. No process has to run for an effect to come into force."""
        return self.filter(cancelled_at=None, due_at__lte=Now())

    def latest_per_policy(self) -> Self:
        return self.order_by("policy_id", "-due_at", "-pk").distinct("policy_id")

    def schedule(self, decision: Decision, *, outcome: str, delay: timedelta | None = None) -> "Effect":
        """Schedule the effect of ``decision`` for the end of the grace period, or after ``delay``."""
        delay = timedelta(seconds=settings.GRACE_SECONDS) if delay is None else delay
        effect = self.create(
            upload=decision.upload,
            policy=decision.screening.policy if decision.screening else None,
            decision=decision,
            outcome=outcome,
            due_at=Now() + delay,
        )
        effect.refresh_from_db(fields=["due_at", "created_at"])
        return effect

    def take_back(self, decision: Decision, *, because: Decision, restore: str) -> bool:
        """Cancel the decision's effect, or write the reverse effect where it is in force already.

        Returns:
            True where the reverse effect was written.
        """
        effects = self.filter(decision=decision, cancelled_at=None)
        # The database's clock decides the race between an undo and the end of the grace period.
        if not effects.exists() or effects.filter(due_at__gt=Now()).update(cancelled_at=Now()):
            return False
        self.schedule(because, outcome=restore, delay=timedelta())
        return True

    def take_back_all(self, undone: Iterable[tuple[Decision, Decision, str]]) -> None:
        """Do ``take_back`` for many linked decisions, each with its undo and the outcome to restore.

        Takes three statements at most. The screenings of the decisions are loaded.
        """
        rows = {decision.pk: (undo, restore, decision) for decision, undo, restore in undone}
        live = self.filter(decision__in=list(rows), cancelled_at=None)
        # The database's clock decides the race between an undo and the end of the grace period.
        due = dict(live.select_for_update().annotate(due=Q(due_at__lte=Now())).values_list("decision_id", "due"))
        live.filter(decision__in=[pk for pk, is_due in due.items() if not is_due]).update(cancelled_at=Now())
        reversed_rows = [rows[pk] for pk, is_due in due.items() if pk is not None and is_due]
        self.bulk_create(
            Effect(
                upload_id=decision.upload_id,
                policy_id=decision.screening.policy_id if decision.screening else None,
                decision=undo,
                outcome=restore,
                due_at=Now(),
            )
            for undo, restore, decision in reversed_rows
        )


@tracked_changes()
class Effect(models.Model):
    """Approve, reject or hold one upload. Immutable, except that an undo within the grace period cancels it."""

    class Outcome(models.TextChoices):
        APPROVE = "approve", "approve"  # show the upload
        REJECT = "reject", "reject"  # remove it
        HOLD = "hold", "hold for review"  # neither, until a person has decided

    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="effects")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, null=True, blank=True, related_name="effects")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, null=True, blank=True, related_name="effects")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, null=True, blank=True, related_name="effects")
    match = models.ForeignKey(HashMatch, on_delete=models.PROTECT, null=True, blank=True, related_name="effects")
    outcome = models.CharField(max_length=7, choices=Outcome)
    due_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = EffectQuerySet.as_manager()

    class Meta:
        triggers = [immutable_except("cancelled_at"), never_deleted()]
        constraints = [
            models.CheckConstraint(
                condition=Q(screening__isnull=False, decision=None, match=None)
                | Q(screening=None, decision__isnull=False, match=None)
                | Q(screening=None, decision=None, match__isnull=False),
                name="effect_of_a_screening_a_decision_or_a_match",
            ),
            models.UniqueConstraint(
                fields=["screening"], condition=Q(screening__isnull=False), name="one_effect_per_screening"
            ),
            models.UniqueConstraint(
                fields=["decision"], condition=Q(decision__isnull=False), name="one_effect_per_decision"
            ),
            # The match's own effect, and the hold that takes it back.
            models.UniqueConstraint(
                fields=["match", "outcome"], condition=Q(match__isnull=False), name="one_effect_per_match_and_outcome"
            ),
        ]
        indexes = [
            # Serves effects_in_force().
            models.Index(
                fields=["upload", "policy", "-due_at"], name="effect_live_idx", condition=Q(cancelled_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.upload}"


def effects_in_force(upload: Upload) -> list[Effect]:
    """Return the latest effect in force for each policy: the effects that other programs are told."""
    return list(
        Effect.objects.in_force().filter(upload=upload).latest_per_policy().select_related("decision", "screening")
    )


def status_in_force(upload: Upload, *, effects: list[Effect] | None = None) -> str:
    """Return the upload's status for other programs: a decision within its grace period does not show yet.

    ``effects`` are the effects in force, where the caller reports them too: read again, they might differ.
    """
    status = Upload.Status
    if upload.status in {status.PENDING, status.QUARANTINED, status.ERASED}:
        return upload.status
    outcomes = {
        effect.policy_id: effect.outcome for effect in (effects_in_force(upload) if effects is None else effects)
    }
    if upload.quarantine_reason:
        waiting: list[int | None] = [None]
        undecided = status.QUARANTINED
    else:
        live = upload.screenings.live().values_list("policy_id", flat=True)
        waiting = list(live.union(upload.hash_matches.live().values_list("policy_id", flat=True)))
        undecided = status.IN_REVIEW
    found = {outcomes.get(policy, "hold") for policy in waiting}
    if "reject" in found:
        return status.REJECTED
    return undecided if "hold" in found else status.APPROVED

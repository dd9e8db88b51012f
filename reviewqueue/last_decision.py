"""Notices about decisions that people took lately: in quarantine, and words for the queue's own notice."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from moderation.models import Decision, Effect, User, Verdict

SHOWN_FOR = timedelta(hours=1)
SHOWN_AT_MOST = 10

VERDICT_DONE = {Verdict.BENIGN: "Approved", Verdict.VIOLATING: "Rejected", Verdict.CANNOT_TELL: "Could not tell"}
VERDICT_CLASS = {Verdict.BENIGN: "approve", Verdict.VIOLATING: "reject", Verdict.CANNOT_TELL: "unsure"}


@dataclass(frozen=True, kw_only=True)
class LastDecision:
    """One decision and its consequences, in words.

    Attributes:
        done: the verdict as a past action: "Approved".
        css_class: the CSS class of the verdict.
        effect: a sentence about what changes outside.
        due_in: seconds until the effect; None where none is on its way.
    """

    decision: Decision
    done: str
    css_class: str
    effect: str
    due_in: float | None


def quarantine_decisions_of(user: User) -> list[LastDecision]:
    """Describe what ``user`` settled in quarantine in the last hour, the newest first."""
    recent = Decision.objects.quarantine_verdicts_by(user).filter(decided_at__gt=timezone.now() - SHOWN_FOR)
    return [describe(decision) for decision in recent.prefetch_related("effects")[:SHOWN_AT_MOST]]


def describe(decision: Decision) -> LastDecision:
    verdict = Verdict(decision.verdict)
    due_in, effect = _effect_of(decision)
    return LastDecision(
        decision=decision,
        done=VERDICT_DONE[verdict],
        css_class=VERDICT_CLASS[verdict],
        effect=effect,
        due_in=due_in,
    )


def _effect_of(decision: Decision) -> tuple[float | None, str]:
    """Return the seconds until the effect, if it is still to come, and a sentence about it."""
    effect: Effect | None = next(iter(decision.effects.all()), None)
    if effect is not None:
        due_in = (effect.due_at - timezone.now()).total_seconds()
        if due_in > 0:
            return due_in, f"Takes effect in {due_in:.0f} s."
        return None, "In effect. Undo reverses it."
    return None, "Nothing changes outside."

"""The notice about a person's last decision: its effect, and the score that was hidden until then."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from moderation.formatting import threshold
from moderation.models import Decision, Effect, Screening, User, Verdict
from moderation.models.decisions import OBJECTION_SOURCES
from moderation.routing import SamplingReason
from reviewqueue.score_text import ScoreExplanation, why_untrusted

SHOWN_FOR = timedelta(hours=1)
SHOWN_AT_MOST = 10

VERDICT_DONE = {Verdict.BENIGN: "Approved", Verdict.VIOLATING: "Rejected", Verdict.CANNOT_TELL: "Could not tell"}
VERDICT_CLASS = {Verdict.BENIGN: "approve", Verdict.VIOLATING: "reject", Verdict.CANNOT_TELL: "unsure"}
OBJECTION_WORDS = {"report": "a report", "appeal": "an appeal"}


@dataclass(frozen=True, kw_only=True)
class LastDecision:
    """One decision and its consequences, in words.

    Attributes:
        done: the verdict as a past action: "Approved".
        css_class: the CSS class of the verdict.
        effect: a sentence about what changes outside.
        due_in: seconds until the effect; None where none is on its way.
        score_text: the score, and why a person reviewed it; hidden before the verdict.
        propagated: how many near-duplicates took the verdict over.
    """

    decision: Decision
    done: str
    css_class: str
    effect: str
    due_in: float | None
    score_text: str
    propagated: int = 0

    @property
    def sentence(self) -> str:
        return f"{self.done} {self.decision.upload}. {self.effect}"


def last_decision_of(user: User) -> LastDecision | None:
    """Describe the last verdict of ``user``; None where it is more than an hour old."""
    decision = Decision.objects.last_verdict_of(user).filter(decided_at__gt=timezone.now() - SHOWN_FOR).first()
    return describe(decision) if decision is not None else None


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
        score_text=_score_text(decision),
        propagated=decision.propagated_count(),
    )


def _effect_of(decision: Decision) -> tuple[float | None, str]:
    """Return the seconds until the effect, if it is still to come, and a sentence about it."""
    effect: Effect | None = next(iter(decision.effects.all()), None)
    if effect is not None:
        due_in = (effect.due_at - timezone.now()).total_seconds()
        if due_in > 0:
            return due_in, f"Takes effect in {due_in:.0f} s."
        return None, "In effect. Undo reverses it."
    if decision.source == Decision.Source.GOLD:
        return None, "This was a gold item: its right verdict is known, so nothing changes outside."
    if decision.verdict == Verdict.CANNOT_TELL:
        return None, "Another person will review it."
    if decision.screening is not None and decision.outcome != decision.screening.automatic_outcome:
        return None, "The upload has this status already, so nothing changes outside."
    return None, "The machine had decided the same, so nothing changes outside."


def _score_text(decision: Decision) -> str:
    """Score, band, why a person reviewed it, and quality flags: all hidden until the verdict."""
    if decision.screening is None:
        return ""
    explanation = ScoreExplanation.of(decision.screening)
    return "; ".join([_why_reviewed(decision, decision.screening), *(explanation.quality if explanation else [])])


def _why_reviewed(decision: Decision, screening: Screening) -> str:
    if decision.source in OBJECTION_SOURCES:
        return f"Score {threshold(screening.score)}; reviewed because of {OBJECTION_WORDS[decision.source]}"
    return _why_sampled(screening)


def _why_sampled(screening: Screening) -> str:
    score = f"Score {threshold(screening.score)}"
    band = f"{threshold(screening.low)} to {threshold(screening.high)}"
    return {
        SamplingReason.REVIEW_BAND: f"{score}, in the review band ({band})",
        SamplingReason.AUDIT_APPROVE: f"{score}, approved by the machine; a random audit",
        SamplingReason.AUDIT_REJECT: f"{score}, rejected by the machine; a random audit",
        SamplingReason.UNTRUSTED: f"{score}, untrusted: {why_untrusted(screening.untrusted)}",
        SamplingReason.NONE: f"{score}, review band {band}",
    }[SamplingReason(screening.sampling_reason)]

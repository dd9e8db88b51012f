"""What a decision set going, and what was hidden until it was made, in words."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from moderation.models import Decision, Effect, Screening, User, Verdict
from moderation.models.decisions import OBJECTION_SOURCES
from moderation.routing import SamplingReason
from reviewqueue.score_text import ScoreExplanation, why_doubted

SHOWN_FOR = timedelta(hours=1)
SHOWN_AT_MOST = 10

DONE = {Verdict.BENIGN: "Approved", Verdict.VIOLATING: "Rejected", Verdict.CANNOT_TELL: "Could not tell"}
ASKED = {"report": "a report", "appeal": "an appeal"}
LOOKS = {Verdict.BENIGN: "approve", Verdict.VIOLATING: "reject", Verdict.CANNOT_TELL: "unsure"}


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """One person's last live verdict. ``due_in`` is in seconds, None where no effect is on its way."""

    decision: Decision
    done: str
    look: str
    effect: str
    due_in: float | None
    why_shown: str
    followers: int = 0

    @property
    def sentence(self) -> str:
        return f"{self.done} {self.decision.upload}. {self.effect}"


def last_of(user: User) -> Aftermath | None:
    """What ``user`` decided last, unless that is long ago."""
    decision = Decision.objects.last_verdict_of(user).filter(decided_at__gt=timezone.now() - SHOWN_FOR).first()
    return describe(decision) if decision is not None else None


def unseen_of(user: User) -> list[Aftermath]:
    """What ``user`` settled in quarantine and may still want to take back, the last one first."""
    recent = Decision.objects.given_unseen_by(user).filter(decided_at__gt=timezone.now() - SHOWN_FOR)
    return [describe(decision) for decision in recent.prefetch_related("effects")[:SHOWN_AT_MOST]]


def describe(decision: Decision) -> Aftermath:
    verdict = Verdict(decision.verdict)
    due_in, effect = _effect_of(decision)
    return Aftermath(
        decision=decision,
        done=DONE[verdict],
        look=LOOKS[verdict],
        effect=effect,
        due_in=due_in,
        why_shown=_why_shown(decision),
        followers=decision.followers(),
    )


def _effect_of(decision: Decision) -> tuple[float | None, str]:
    """Seconds until the effect, if it is still to come, and the sentence that says so."""
    effect: Effect | None = next(iter(decision.effects.all()), None)
    if effect is not None:
        due_in = (effect.due_at - timezone.now()).total_seconds()
        if due_in > 0:
            return due_in, f"Takes effect in {due_in:.0f} s."
        return None, "In effect; undo reverses it."
    if decision.source == Decision.Source.GOLD:
        return None, "A check whose right verdict is known: nothing changes outside."
    if decision.verdict == Verdict.CANNOT_TELL:
        return None, "Someone else will look at it."
    if decision.screening is not None and decision.outcome != decision.screening.automatic_outcome:
        return None, "That is how it stands already, so nothing changes outside."
    return None, "That is what the machine had done, so nothing changes outside."


def _why_shown(decision: Decision) -> str:
    """Score, band, why a person was asked, and what was noticed of the picture: hidden until now."""
    if decision.screening is None:
        return ""
    looks = ScoreExplanation.of(decision.screening)
    return "; ".join([_why_asked(decision, decision.screening), *(looks.noticed if looks else [])])


def _why_asked(decision: Decision, screening: Screening) -> str:
    if decision.source in OBJECTION_SOURCES:
        return f"Score {screening.score:.2f}; somebody had raised {ASKED[decision.source]}"
    return _why_sampled(screening)


def _why_sampled(screening: Screening) -> str:
    band = f"{screening.low:.2f} to {screening.high:.2f}"
    return {
        SamplingReason.REVIEW_BAND: f"Score {screening.score:.2f}, in the review band ({band})",
        SamplingReason.AUDIT_APPROVE: f"Score {screening.score:.2f}, approved by the machine; a random check",
        SamplingReason.AUDIT_REJECT: f"Score {screening.score:.2f}, rejected by the machine; a random check",
        SamplingReason.DOUBT: f"Score {screening.score:.2f}, not trusted: {why_doubted(screening.doubt)}",
        SamplingReason.NONE: f"Score {screening.score:.2f}, review band {band}",
    }[SamplingReason(screening.sampling_reason)]

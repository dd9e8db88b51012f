"""The notice about a person's last action. Score, reason and effect follow once nobody can be asked any more.

Until then the notice has the same words for every kind of task: an undo returns the task, and the next verdict must be
as blind as the first. Afterwards the words for each kind are equally long and stand at the same place.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from moderation.formatting import threshold
from moderation.models import Decision, Effect, Screening, Skip, User, Verdict
from moderation.review.blindness import is_settled
from moderation.review.taking_back import last_action_of
from moderation.routing import SamplingReason
from reviewqueue.last_decision import SHOWN_FOR, VERDICT_CLASS, VERDICT_DONE
from reviewqueue.score_text import ScoreExplanation, why_untrusted

# The database's clock decides when the grace period is over. The page asks a little later than its own clock says.
SLACK = 0.5
FOLLOW_LATER = "Score, reason and effect follow once nobody else is asked about it."
# An upload's name is told with its score: a platform counts its names, so that an old one would give a gold item away.
UNTOLD = "the upload"
SKIPPED = "You will not see it again."

BY_SOURCE = {
    Decision.Source.REPORT: "a report about the image",
    Decision.Source.APPEAL: "appeal against a verdict",
    Decision.Source.GOLD: "a gold item to check you",
}
BY_SAMPLING_REASON = {
    SamplingReason.REVIEW_BAND: "score in the review band",
    SamplingReason.AUDIT_APPROVE: "audit of an approved one",
    SamplingReason.AUDIT_REJECT: "audit of a rejected one",
    SamplingReason.UNTRUSTED: "its score is not trusted",
    SamplingReason.NONE: "somebody asked for review",
}
IN_EFFECT = "It is in effect. Undo reverses it."
CHANGES_NOTHING = {
    "gold": "A gold item changes nothing outside.",
    "cannot_tell": "Another person was asked as well.",
    "status": "It had this status, nothing changed.",
    "machine": "As the machine did, nothing changed.",
}


@dataclass(frozen=True, kw_only=True)
class LastAction:
    """A verdict or a skip, in words.

    Attributes:
        token: names the action for an undo.
        name: the upload's name; "the upload" until it is told.
        done: the action: "Approved".
        css_class: the CSS class of the verdict.
        effect: a sentence about what changed outside, or about when that is told.
        due_in: seconds until score, reason and effect can be told; None where no grace period runs.
        score_text: the score and why a person reviewed it; empty until it is told.
        upload: the upload's number; None until it is told.
        propagated: how many near-duplicates took the verdict over; 0 until it is told.
    """

    token: uuid.UUID
    name: str
    done: str
    css_class: str
    effect: str
    due_in: float | None = None
    score_text: str = ""
    upload: int | None = None
    propagated: int = 0

    @property
    def sentence(self) -> str:
        return f"{self.done} {self.name}. {self.effect}"


def describe_last_action(user: User) -> LastAction | None:
    """Describe the last verdict or skip of ``user``; None where it is more than an hour old."""
    action = last_action_of(user)
    if action is None:
        return None
    if isinstance(action, Skip):
        return _describe_skip(action) if action.created_at > timezone.now() - SHOWN_FOR else None
    return _describe_verdict(action) if action.decided_at > timezone.now() - SHOWN_FOR else None


def _describe_skip(skip: Skip) -> LastAction:
    return LastAction(token=skip.claim_token, name=UNTOLD, done="Skipped", css_class="unsure", effect=SKIPPED)


def _describe_verdict(decision: Decision) -> LastAction:
    assert decision.claim_token is not None
    verdict = Verdict(decision.verdict)
    untold = LastAction(
        token=decision.claim_token,
        name=UNTOLD,
        done=VERDICT_DONE[verdict],
        css_class=VERDICT_CLASS[verdict],
        effect=FOLLOW_LATER,
    )
    due_in = _grace_left(decision)
    if due_in > 0:
        return replace(untold, effect=f"Score, reason and effect follow in {due_in:.0f} s.", due_in=due_in)
    if not is_settled(decision):
        return untold
    return replace(
        untold,
        name=decision.upload.external_id,
        effect=_effect_of(decision),
        score_text=_score_text(decision),
        upload=decision.upload_id,
        propagated=decision.propagated_count(),
    )


def _grace_left(decision: Decision) -> float:
    ends = decision.decided_at + timedelta(seconds=settings.GRACE_SECONDS)
    left = (ends - timezone.now()).total_seconds()
    return left + SLACK if left > 0 else 0.0


def _effect_of(decision: Decision) -> str:
    effect: Effect | None = decision.effects.first()
    if effect is not None:
        return IN_EFFECT
    if decision.source == Decision.Source.GOLD:
        return CHANGES_NOTHING["gold"]
    if decision.verdict == Verdict.CANNOT_TELL:
        return CHANGES_NOTHING["cannot_tell"]
    if decision.screening is not None and decision.outcome != decision.screening.automatic_outcome:
        return CHANGES_NOTHING["status"]
    return CHANGES_NOTHING["machine"]


def _score_text(decision: Decision) -> str:
    """Score, band, why a person reviewed it, and flags of the picture's quality."""
    screening = decision.screening
    if screening is None:
        return ""
    band = f"{threshold(screening.low)} to {threshold(screening.high)}"
    explanation = ScoreExplanation.of(screening)
    flags = [why_untrusted(screening.untrusted), *(explanation.quality if explanation else [])]
    text = f"Score {threshold(screening.score)}, band {band}: {_reason(decision, screening)}"
    return "; ".join(filter(None, [text, *flags]))


def _reason(decision: Decision, screening: Screening) -> str:
    by_source = BY_SOURCE.get(Decision.Source(decision.source))
    return by_source or BY_SAMPLING_REASON[SamplingReason(screening.sampling_reason)]
